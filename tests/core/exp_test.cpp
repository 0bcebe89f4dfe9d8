#include "kernels/exp.h"

#include <limits>

#include "support.h"

using namespace lens;

namespace {

float exp_of(float x) {
  float lanes[kLanes];
  ExpNotAbove0()(Vec(x)).store_unaligned(lanes);
  return lanes[0];
}

}  // namespace

TEST_CASE("the exponential of sums equals the library's in double") {
  double worst = 0;
  for (float x = 0; x >= -87; x -= 0.00037f) {
    const double expected = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(exp_of(x) - expected) / expected);
  }
  CAPTURE(worst);
  REQUIRE(worst < 2e-7);
}

TEST_CASE("the exponential of sums at its edges") {
  REQUIRE(exp_of(0) == 1);
  REQUIRE(exp_of(-1e-30f) == 1);
  for (const float x : {-87.5f, -1e4f, -std::numeric_limits<float>::max(), -std::numeric_limits<float>::infinity()}) {
    REQUIRE(exp_of(x) >= 0);
    REQUIRE(exp_of(x) < 2e-38f);
  }
  REQUIRE(std::isnan(exp_of(std::numeric_limits<float>::quiet_NaN())));
}
