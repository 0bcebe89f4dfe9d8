// The vector type of this build and the two loops over it. Kernels never name an instruction set: 4 lanes with wasm's
// simd128, 8 with AVX2. What xsimd cannot say of wasm is said here, once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <xsimd/xsimd.hpp>

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

namespace lens {

using Vec = xsimd::batch<float>;
using Ints = xsimd::batch<std::int32_t>;
inline constexpr std::size_t kLanes = Vec::size;

// a·b + c: one rounding where the build has a fused instruction (AVX2; relaxed SIMD on a CPU that fuses), two
// elsewhere.
[[gnu::always_inline]] inline Vec madd(Vec a, Vec b, Vec c) {
#ifdef __wasm_relaxed_simd__
  return Vec(wasm_f32x4_relaxed_madd(a, b, c));
#else
  return xsimd::fma(a, b, c);
#endif
}

// `value` in every lane, made here and nowhere else: V8 builds a constant that stands in a loop anew each time round,
// in half a dozen instructions, and only what comes from memory is none.
inline Vec held(float value) {
  const volatile float out_of_sight = value;
  return Vec(out_of_sight);
}

// Reads 2·kLanes values as floats, exactly. Halves lose their bias of 15 for a float's 127 in a product with 2¹¹², which
// is right for subnormal ones too; infinities and NaN are not expected.
[[gnu::always_inline]] inline void load_pair(const float* values, Vec (&out)[2]) {
  for (std::size_t v = 0; v < 2; ++v) out[v] = Vec::load_unaligned(values + v * kLanes);
}
[[gnu::always_inline]] inline void load_pair(const std::uint16_t* halves, Vec (&out)[2]) {
  typedef std::uint16_t Halves __attribute__((vector_size(kLanes * sizeof(std::uint16_t))));
  typedef std::uint32_t Words __attribute__((vector_size(kLanes * sizeof(std::uint32_t))));
  for (std::size_t v = 0; v < 2; ++v) {
    Halves part;
    std::memcpy(&part, halves + v * kLanes, sizeof part);
    const Words wide = __builtin_convertvector(part, Words);
    const Words bits = (wide & 0x8000u) << 16 | (wide & 0x7FFFu) << 13;
    float lanes[kLanes];
    std::memcpy(lanes, &bits, sizeof bits);
    out[v] = Vec::load_unaligned(lanes) * Vec(0x1p112f);
  }
}

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
