// Products of 16-bit integers, added to 32-bit sums in pairs and without rounding: one instruction everywhere, which
// neither C++ nor xsimd names.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/simd.h"

#if !defined(__wasm_simd128__) && defined(__AVX2__)
#include <immintrin.h>
#endif

namespace lens {

#ifdef __wasm_simd128__

// kLanes pairs of int16.
using Pairs = v128_t;
// 2·kLanes bytes, each as an int16.
[[gnu::always_inline]] inline Pairs pairs_of(const std::int8_t* bytes) { return wasm_i16x8_load8x8(bytes); }
// One pair, in every lane.
[[gnu::always_inline]] inline Pairs same_pair(const std::int16_t* pair) { return wasm_v128_load32_splat(pair); }
// sum + a₀b₀ + a₁b₁ in each lane.
[[gnu::always_inline]] inline Ints add_products(Ints sum, Pairs a, Pairs b) {
  return Ints(wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(a, b)));
}

#elif defined(__AVX2__)

static_assert(kLanes == 8 || kLanes == 16);
struct Pairs {
  __m256i part[kLanes / 8];
};
[[gnu::always_inline]] inline Pairs pairs_of(const std::int8_t* bytes) {
  Pairs pairs;
  for (std::size_t i = 0; i < kLanes / 8; ++i)
    pairs.part[i] = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * i)));
  return pairs;
}
[[gnu::always_inline]] inline Pairs same_pair(const std::int16_t* pair) {
  std::int32_t both;
  std::memcpy(&both, pair, sizeof both);
  Pairs pairs;
  for (__m256i& part : pairs.part) part = _mm256_set1_epi32(both);
  return pairs;
}
[[gnu::always_inline]] inline Ints add_products(Ints sum, Pairs a, Pairs b) {
  __m256i sums[kLanes / 8];
  std::memcpy(sums, &sum, sizeof sum);
  for (std::size_t i = 0; i < kLanes / 8; ++i)
    sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(a.part[i], b.part[i]));
  std::memcpy(&sum, sums, sizeof sum);
  return sum;
}

#else

struct Pairs {
  std::int16_t values[2 * kLanes];
};
inline Pairs pairs_of(const std::int8_t* bytes) {
  Pairs pairs;
  std::copy_n(bytes, 2 * kLanes, pairs.values);
  return pairs;
}
inline Pairs same_pair(const std::int16_t* pair) {
  Pairs pairs;
  for (std::size_t i = 0; i < 2 * kLanes; ++i) pairs.values[i] = pair[i % 2];
  return pairs;
}
inline Ints add_products(Ints sum, const Pairs& a, const Pairs& b) {
  std::int32_t products[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i)
    products[i] = a.values[2 * i] * b.values[2 * i] + a.values[2 * i + 1] * b.values[2 * i + 1];
  return sum + Ints::load_unaligned(products);
}

#endif

}  // namespace lens
