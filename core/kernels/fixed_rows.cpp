#include "kernels/fixed_rows.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <utility>

#include "base/parallel.h"
#include "kernels/matmul.h"
#include "kernels/pairs.h"

namespace lens {
namespace {

constexpr std::size_t kMostRows = 4;   // of a group with one plane, with two half as many: that fills V8's registers
constexpr std::size_t kRowBlock = 64;  // rows that share a pass over the weights
constexpr float kLow = 1.0f / 32768;   // what a unit of `low` is in units of `high`

// What a block of x is multiplied by to be in units of `high`: a power of two. 0 where all are, NaN where a value is not
// finite.
float scale_up(const float* x) {
  Vec largest(0.0f), nothing(0.0f);
  for (std::size_t k = 0; k < kQ8Block; k += kLanes) {
    const Vec v = Vec::load_unaligned(x + k);
    largest = xsimd::max(largest, xsimd::abs(v));
    nothing += v * 0.0f;  // NaN of what is not finite
  }
  if (xsimd::reduce_add(nothing) != 0) return std::numeric_limits<float>::quiet_NaN();
  const float most = xsimd::reduce_max(largest);
  if (most == 0) return 0;
  // 2^(14 − e) for `most` in 2^e … 2^(e + 1), from its bits, a float's exponent being 127 more. It must be finite, and its
  // inverse no subnormal number: e counts as −100 at least.
  const std::uint32_t exponent = std::max(std::bit_cast<std::uint32_t>(most) >> 23, 27u);
  return std::bit_cast<float>((14 + 2 * 127 - exponent) << 23);
}

// What int16 holds, as floats.
Vec whole_of(Vec scaled) { return xsimd::clip(xsimd::nearbyint(scaled), Vec(-32767.0f), Vec(32767.0f)); }

// A block of x in fixed point; returns its scale: NaN where a value is not finite, and then so is every product. `has_low`
// becomes true where `high` does not say all.
float to_fixed(const float* x, std::int16_t* high, std::int16_t* low, bool& has_low) {
  const float up = scale_up(x);
  if (!(up > 0)) return up;  // and zeros stay
  std::int32_t h[kQ8Block], l[kQ8Block];
  Vec rest(0.0f);
  for (std::size_t k = 0; k < kQ8Block; k += kLanes) {
    const Vec scaled = Vec::load_unaligned(x + k) * up, whole = whole_of(scaled), part = scaled - whole;
    rest = xsimd::max(rest, xsimd::abs(part));
    xsimd::to_int(whole).store_unaligned(h + k);
    xsimd::to_int(whole_of(part * (1 / kLow))).store_unaligned(l + k);
  }
  for (std::size_t k = 0; k < kQ8Block; ++k) high[k] = static_cast<std::int16_t>(h[k]);
  if (xsimd::reduce_max(rest) > 0) {
    has_low = true;
    for (std::size_t k = 0; k < kQ8Block; ++k) low[k] = static_cast<std::int16_t>(l[k]);
  }
  return 1 / up;
}

// R rows, each in P planes, against one panel.
template <std::size_t R, std::size_t P>
void tile(const std::int16_t* x, const float* x_scales, std::size_t n_block, const std::int8_t* w,
          const float* w_scales, float* out, std::size_t stride) {
  // A row alone reads memory most of the time, and two steps at once hide more of it; with more rows they would spill.
  constexpr std::size_t kSteps = R == 1 ? 2 : 1;
  float totals[R][kPanel] = {};
  for (std::size_t b = 0; b < n_block; ++b, x_scales += R, w_scales += kPanel) {
    Ints sums[R][P][2];
    for (auto& row : sums)
      for (auto& plane : row) plane[0] = plane[1] = Ints(0);
#pragma clang loop unroll(disable)
    for (const std::int8_t* end = w + kQ8Block * kPanel; w != end; w += kSteps * 2 * kPanel, x += kSteps * R * P * 2) {
#pragma clang loop unroll(full)
      for (std::size_t s = 0; s < kSteps; ++s) {
        const std::int8_t* w_s = w + s * 2 * kPanel;
        const Pairs weights[2] = {pairs_of(w_s), pairs_of(w_s + kPanel)};
#pragma clang loop unroll(full)
        for (std::size_t r = 0; r < R; ++r)
#pragma clang loop unroll(full)
          for (std::size_t plane = 0; plane < P; ++plane) {
            const Pairs x_r = same_pair(x + ((s * R + r) * P + plane) * 2);
            for (std::size_t v = 0; v < 2; ++v) sums[r][plane][v] = add_products(sums[r][plane][v], x_r, weights[v]);
          }
      }
    }
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t v = 0; v < 2; ++v) {
        float* total = totals[r] + v * kLanes;
        Vec product = xsimd::to_float(sums[r][0][v]);
        if constexpr (P == 2) product = madd(xsimd::to_float(sums[r][1][v]), Vec(kLow), product);
        const Vec scale = Vec(x_scales[r]) * Vec::load_unaligned(w_scales + v * kLanes);
        madd(product, scale, Vec::load_unaligned(total)).store_unaligned(total);
      }
  }
  for (std::size_t r = 0; r < R; ++r) std::copy_n(totals[r], kPanel, out + r * stride);
}

// By rows and planes, less one each. By a pointer, lest a tile becomes a part of the loops about it, whose variables take
// its sums' registers.
constexpr decltype(&tile<1, 1>) kTiles[kMostRows][2] = {
    {tile<1, 1>, tile<1, 2>}, {tile<2, 1>, tile<2, 2>}, {tile<3, 1>, nullptr}, {tile<4, 1>, nullptr}};

}  // namespace

FixedRows::FixedRows(MatrixView<const float> X, std::size_t first_in)
    : n_row_(X.n_row),
      first_block_(first_in / kQ8Block),
      n_block_((first_in + X.n_col + kQ8Block - 1) / kQ8Block - first_block_) {
  const std::size_t before = first_in % kQ8Block, n_in = n_block_ * kQ8Block;
  std::vector<std::int16_t> planes[2];  // [n_row, n_in] each
  for (auto& plane : planes) plane.resize(n_row_ * n_in);
  std::vector<float> scales(n_row_ * n_block_);
  std::vector<std::uint8_t> has_low(n_row_);  // of each row: other threads write others
  const double work = kRoundingWork * static_cast<double>(n_in);
  parallel_ranges(n_row_, work, [&](std::size_t begin, std::size_t end) {
    std::vector<float> x(n_in);
    for (std::size_t r = begin; r < end; ++r) {
      std::copy_n(X.data + r * X.n_col, X.n_col, x.data() + before);
      bool has_some = false;
      for (std::size_t b = 0; b < n_block_; ++b) {
        const std::size_t at = r * n_in + b * kQ8Block;
        scales[r * n_block_ + b] = to_fixed(&x[b * kQ8Block], &planes[0][at], &planes[1][at], has_some);
      }
      has_low[r] = has_some;
    }
  });
  n_plane_ = std::ranges::find(has_low, 1) != has_low.end() ? 2 : 1;
  if (n_plane_ == 1 && n_row_ == 1) {  // already in order
    planes_ = std::move(planes[0]);
    scales_ = std::move(scales);
    return;
  }
  planes_.resize(n_row_ * n_in * n_plane_);
  scales_.resize(scales.size());
  parallel_ranges((n_row_ + together() - 1) / together(), work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t first = begin * together(); first < std::min(end * together(), n_row_); first += together()) {
      const std::size_t last = std::min(first + together(), n_row_);
      std::int16_t* into = planes_.data() + first * n_in * n_plane_;
      float* scale = scales_.data() + first * n_block_;
      for (std::size_t b = 0; b < n_block_; ++b) {
        for (std::size_t r = first; r < last; ++r) *scale++ = scales[r * n_block_ + b];
        for (std::size_t k = b * kQ8Block; k < (b + 1) * kQ8Block; k += 2)
          for (std::size_t r = first; r < last; ++r)
            for (std::size_t plane = 0; plane < n_plane_; ++plane, into += 2)
              std::copy_n(&planes[plane][r * n_in + k], 2, into);
      }
    }
  });
}

std::size_t FixedRows::together() const { return kMostRows / n_plane_; }

void FixedRows::products(const PackedMatrix& W, std::size_t begin, std::size_t end, float* out, std::size_t stride,
                         std::size_t first_row) const {
  for (std::size_t block = first_row / together() * together(); block < n_row_; block += kRowBlock)
    for (std::size_t p = begin; p < end; ++p)
      for (std::size_t r = block; r < std::min(block + kRowBlock, n_row_); r += together()) {
        const auto meet = kTiles[std::min(together(), n_row_ - r) - 1][n_plane_ - 1];
        meet(planes_.data() + r * n_block_ * kQ8Block * n_plane_, scales_.data() + r * n_block_, n_block_,
             W.quants(p, first_block_ * kQ8Block), W.scales(p, first_block_ * kQ8Block),
             out + r * stride + (p - begin) * kPanel, stride);
      }
}

void round_to_high(MatrixView<float> X) {
  assert(X.n_col % kQ8Block == 0);
  parallel_ranges(X.n_row, kRoundingWork * static_cast<double>(X.n_col), [&](std::size_t begin, std::size_t end) {
    for (float* x = X.data + begin * X.n_col; x != X.data + end * X.n_col; x += kQ8Block) {
      const float up = scale_up(x);
      if (!(up > 0)) continue;  // nothing to round
      for (std::size_t k = 0; k < kQ8Block; k += kLanes)
        (whole_of(Vec::load_unaligned(x + k) * up) * (1 / up)).store_unaligned(x + k);
    }
  });
}

}  // namespace lens
