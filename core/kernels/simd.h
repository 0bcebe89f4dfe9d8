// The vector type of this build and the two loops over it. Kernels never name an instruction set: 4 lanes with wasm's
// simd128, 8 with AVX2.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <xsimd/xsimd.hpp>

namespace lens {

using Vec = xsimd::batch<float>;
inline constexpr std::size_t kLanes = Vec::size;

// out[i] = f(in[i]) for every i. The tail goes through the same vector code on a padded copy, so an element's result
// does not depend on where in the array it stands. `in` and `out` may be the same array.
template <class F>
void map(std::span<const float> in, std::span<float> out, F f) {
  std::size_t i = 0;
  for (; i + kLanes <= in.size(); i += kLanes) f(Vec::load_unaligned(&in[i])).store_unaligned(&out[i]);
  if (i < in.size()) {
    float padded[kLanes] = {};
    std::copy(in.begin() + static_cast<std::ptrdiff_t>(i), in.end(), padded);
    f(Vec::load_unaligned(padded)).store_unaligned(padded);
    std::copy(padded, padded + (in.size() - i), out.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

// Calls f(vector, first index) over `in`; the last vector is filled up with `fill`, which f must absorb.
template <class F>
void for_each_vec(std::span<const float> in, float fill, F f) {
  std::size_t i = 0;
  for (; i + kLanes <= in.size(); i += kLanes) f(Vec::load_unaligned(&in[i]), i);
  if (i < in.size()) {
    float padded[kLanes];
    std::fill(padded, padded + kLanes, fill);
    std::copy(in.begin() + static_cast<std::ptrdiff_t>(i), in.end(), padded);
    f(Vec::load_unaligned(padded), i);
  }
}

}  // namespace lens
