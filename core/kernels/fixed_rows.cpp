#include "kernels/fixed_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/matmul.h"
#include "kernels/pairs.h"

namespace lens {
namespace {

constexpr std::size_t kRows = 2;       // of a group: their sums, high and low, fill V8's registers
constexpr std::size_t kRowBlock = 64;  // rows that share a pass over the weights
constexpr float kLow = 1.0f / 32768;   // what a unit of `low` is in units of `high`

// A block of x in fixed point; returns its scale. NaN where a value is not finite, and then so is every product.
float to_fixed(const float (&x)[kQ8Block], std::int32_t (&high)[kQ8Block], std::int32_t (&low)[kQ8Block]) {
  Vec largest(0.0f), nothing(0.0f);
  for (std::size_t k = 0; k < kQ8Block; k += kLanes) {
    const Vec v = Vec::load_unaligned(x + k);
    largest = xsimd::max(largest, xsimd::abs(v));
    nothing += v * 0.0f;  // NaN of what is not finite
  }
  const float most = xsimd::reduce_max(largest);
  const bool finite = xsimd::reduce_add(nothing) == 0;
  const int exponent = finite && most > 0 ? std::max(std::ilogb(most), -100) : 0;  // 2^(14 + 100) is a float, too
  const float up = finite && most > 0 ? std::ldexp(1.0f, 14 - exponent) : 0;
  const Vec limit(32767.0f);
  for (std::size_t k = 0; k < kQ8Block; k += kLanes) {
    const Vec scaled = up == 0 ? Vec(0.0f) : Vec::load_unaligned(x + k) * up;
    const Vec h = xsimd::clip(xsimd::nearbyint(scaled), -limit, limit);
    const Vec l = xsimd::clip(xsimd::nearbyint((scaled - h) * (1 / kLow)), -limit, limit);
    xsimd::to_int(h).store_unaligned(high + k);
    xsimd::to_int(l).store_unaligned(low + k);
  }
  if (!finite) return std::numeric_limits<float>::quiet_NaN();
  return up == 0 ? 0 : 1 / up;
}

// R rows against one panel.
template <std::size_t R>
void tile(const std::int16_t* x, const float* x_scales, std::size_t n_block, const std::int8_t* w,
          const float* w_scales, float* out, std::size_t stride) {
  // A row alone reads memory most of the time, and two steps at once hide more of it; with two rows they would spill.
  constexpr std::size_t kSteps = R == 1 ? 2 : 1;
  float sums[R][kPanel] = {};
  for (std::size_t b = 0; b < n_block; ++b, x_scales += R, w_scales += kPanel) {
    Ints high[R][2], low[R][2];
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t v = 0; v < 2; ++v) high[r][v] = low[r][v] = Ints(0);
#pragma clang loop unroll(disable)
    for (const std::int8_t* end = w + kQ8Block * kPanel; w != end; w += kSteps * 2 * kPanel, x += kSteps * R * 4) {
#pragma clang loop unroll(full)
      for (std::size_t s = 0; s < kSteps; ++s) {
        const std::int8_t* w_s = w + s * 2 * kPanel;
        const Pairs weights[2] = {pairs_of(w_s), pairs_of(w_s + kPanel)};
#pragma clang loop unroll(full)
        for (std::size_t r = 0; r < R; ++r) {
          const std::int16_t* x_r = x + (s * R + r) * 4;
          const Pairs x_high = same_pair(x_r), x_low = same_pair(x_r + 2);
          for (std::size_t v = 0; v < 2; ++v) {
            high[r][v] = add_products(high[r][v], x_high, weights[v]);
            low[r][v] = add_products(low[r][v], x_low, weights[v]);
          }
        }
      }
    }
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t v = 0; v < 2; ++v) {
        float* sum = sums[r] + v * kLanes;
        const Vec product = madd(xsimd::to_float(low[r][v]), Vec(kLow), xsimd::to_float(high[r][v]));
        const Vec scale = Vec(x_scales[r]) * Vec::load_unaligned(w_scales + v * kLanes);
        madd(product, scale, Vec::load_unaligned(sum)).store_unaligned(sum);
      }
  }
  for (std::size_t r = 0; r < R; ++r) std::copy_n(sums[r], kPanel, out + r * stride);
}

}  // namespace

FixedRows::FixedRows(MatrixView<const float> X, std::size_t first_in)
    : n_row_(X.n_row),
      first_block_(first_in / kQ8Block),
      n_block_((first_in + X.n_col + kQ8Block - 1) / kQ8Block - first_block_),
      planes_(n_row_ * n_block_ * kQ8Block * 2),
      scales_(n_row_ * n_block_) {
  const std::size_t before = first_in % kQ8Block;
  for (std::size_t r = 0; r < n_row_; ++r) {
    const std::size_t first_of_group = r / kRows * kRows, rows = std::min(kRows, n_row_ - first_of_group);
    for (std::size_t b = 0; b < n_block_; ++b) {
      float x[kQ8Block] = {};
      const std::size_t begin = b == 0 ? before : 0, end = std::min(kQ8Block, before + X.n_col - b * kQ8Block);
      std::copy_n(X.data + r * X.n_col + b * kQ8Block + begin - before, end - begin, x + begin);
      std::int32_t high[kQ8Block], low[kQ8Block];
      const std::size_t block = first_of_group * n_block_ + b * rows + r - first_of_group;
      scales_[block] = to_fixed(x, high, low);
      std::int16_t* into =
          planes_.data() + (first_of_group * n_block_ + b * rows) * kQ8Block * 2 + (r - first_of_group) * 4;
      for (std::size_t k = 0; k < kQ8Block; k += 2, into += rows * 4) {
        for (std::size_t i = 0; i < 2; ++i) {
          into[i] = static_cast<std::int16_t>(high[k + i]);
          into[2 + i] = static_cast<std::int16_t>(low[k + i]);
        }
      }
    }
  }
}

void FixedRows::products(const PackedMatrix& W, std::size_t begin, std::size_t end, float* out,
                         std::size_t stride) const {
  for (std::size_t block = 0; block < n_row_; block += kRowBlock)
    for (std::size_t p = begin; p < end; ++p)
      for (std::size_t r = block; r < std::min(block + kRowBlock, n_row_); r += kRows) {
        const auto meet = r + kRows <= n_row_ ? tile<kRows> : tile<1>;
        meet(planes_.data() + r * n_block_ * kQ8Block * 2, scales_.data() + r * n_block_, n_block_,
             W.quants(p, first_block_ * kQ8Block), W.scales(p, first_block_ * kQ8Block),
             out + r * stride + (p - begin) * kPanel, stride);
      }
}

}  // namespace lens
