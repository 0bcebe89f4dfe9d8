// Verbs that the kernel tests share.
#pragma once

#include <catch_amalgamated.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include "kernels/simd.h"

namespace lens::test {

// Seeded normal values; the same on every machine (mt19937 and the arithmetic below are fixed by the standard, the
// distributions of <random> are not).
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  float normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(engine_()) / 4294967296.0;
    return static_cast<float>(sum);
  }
  std::size_t below(std::size_t n) { return engine_() % n; }
  std::vector<float> normals(std::size_t n, float scale = 1) {
    std::vector<float> values(n);
    for (float& value : values) value = scale * normal();
    return values;
  }

 private:
  std::mt19937 engine_;
};

// Every length around the vector width: 1 … 2N + 1, and one that needs many vectors and a tail.
inline std::vector<std::size_t> sizes() {
  std::vector<std::size_t> all;
  for (std::size_t n = 1; n <= 2 * kLanes + 1; ++n) all.push_back(n);
  all.push_back(37 * kLanes + 3);
  return all;
}

// |got − expected| ≤ epsilons · float epsilon · scale, where scale is the size of what was added up.
inline void require_close(double got, double expected, double scale, double epsilons = 8) {
  INFO("got " << got << ", expected " << expected << ", scale " << scale);
  REQUIRE(std::abs(got - expected) <= epsilons * 1.1920929e-7 * std::max(scale, 1e-30));
}

}  // namespace lens::test
