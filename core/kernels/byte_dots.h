// Products of bytes, added to 16-bit sums in pairs and without rounding: one instruction with relaxed SIMD and with AVX2,
// which neither C++ nor xsimd names. Without one it is slower than floats.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/simd.h"

#if !defined(__wasm_simd128__) && defined(__AVX2__)
#include <immintrin.h>
#endif

namespace lens {

// Sums a, b of kLanes columns, side by side: sum + w₀x₀ + w₁x₁ and sum + w₂x₂ + w₃x₃ of four bytes w of each column,
// signed, and the same four bytes x for all, 0 … 127. All modulo 2¹⁶.
#ifdef __wasm_relaxed_simd__

inline constexpr bool kHasByteDots = true;
using Shorts = v128_t;
using Bytes = v128_t;
[[gnu::always_inline]] inline Shorts load_shorts(const std::int16_t* values) { return wasm_v128_load(values); }
[[gnu::always_inline]] inline Bytes load_bytes(const std::int8_t* bytes) { return wasm_v128_load(bytes); }
[[gnu::always_inline]] inline Bytes same_four(const std::uint8_t* four) { return wasm_v128_load32_splat(four); }
// The second factor has 7 bits, so every engine gives the same.
[[gnu::always_inline]] inline Shorts add_byte_dots(Shorts sums, Bytes w, Bytes x) {
  return wasm_i16x8_add(sums, wasm_i16x8_relaxed_dot_i8x16_i7x16(w, x));
}
// a + b of each column.
[[gnu::always_inline]] inline Ints both_sums(Shorts sums) { return Ints(wasm_i32x4_extadd_pairwise_i16x8(sums)); }

#elif defined(__AVX2__)

inline constexpr bool kHasByteDots = true;
static_assert(kLanes == 8 || kLanes == 16);
struct Shorts {
  __m256i part[kLanes / 8];
};
using Bytes = Shorts;
[[gnu::always_inline]] inline Shorts load_shorts(const void* values) {
  Shorts shorts;
  std::memcpy(&shorts, values, sizeof shorts);
  return shorts;
}
[[gnu::always_inline]] inline Bytes load_bytes(const std::int8_t* bytes) { return load_shorts(bytes); }
[[gnu::always_inline]] inline Bytes same_four(const std::uint8_t* four) {
  std::int32_t all;
  std::memcpy(&all, four, sizeof all);
  Bytes bytes;
  for (__m256i& part : bytes.part) part = _mm256_set1_epi32(all);
  return bytes;
}
[[gnu::always_inline]] inline Shorts add_byte_dots(Shorts sums, Bytes w, Bytes x) {
  for (std::size_t i = 0; i < kLanes / 8; ++i)
    sums.part[i] = _mm256_add_epi16(sums.part[i], _mm256_maddubs_epi16(x.part[i], w.part[i]));
  return sums;
}
[[gnu::always_inline]] inline Ints both_sums(Shorts sums) {
  for (__m256i& part : sums.part) part = _mm256_madd_epi16(part, _mm256_set1_epi16(1));
  Ints ints;
  std::memcpy(&ints, &sums, sizeof ints);
  return ints;
}

#else

inline constexpr bool kHasByteDots = false;
struct Shorts {
  std::int16_t value[2 * kLanes];
};
struct Bytes {
  std::int8_t value[4 * kLanes];
};
inline Shorts load_shorts(const std::int16_t* values) {
  Shorts shorts;
  std::memcpy(&shorts, values, sizeof shorts);
  return shorts;
}
inline Bytes load_bytes(const std::int8_t* bytes) {
  Bytes loaded;
  std::memcpy(&loaded, bytes, sizeof loaded);
  return loaded;
}
inline Bytes same_four(const std::uint8_t* four) {
  Bytes bytes;
  for (std::size_t i = 0; i < 4 * kLanes; ++i) bytes.value[i] = static_cast<std::int8_t>(four[i % 4]);
  return bytes;
}
inline Shorts add_byte_dots(Shorts sums, const Bytes& w, const Bytes& x) {
  for (std::size_t i = 0; i < 2 * kLanes; ++i)
    sums.value[i] = static_cast<std::int16_t>(sums.value[i] + w.value[2 * i] * x.value[2 * i] +
                                              w.value[2 * i + 1] * x.value[2 * i + 1]);
  return sums;
}
inline Ints both_sums(const Shorts& sums) {
  std::int32_t both[kLanes];
  for (std::size_t c = 0; c < kLanes; ++c) both[c] = sums.value[2 * c] + sums.value[2 * c + 1];
  return Ints::load_unaligned(both);
}

#endif

}  // namespace lens
