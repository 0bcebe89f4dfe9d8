#include "kernels/screen.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/parallel.h"
#include "kernels/byte_dots.h"

namespace lens {
namespace {

constexpr std::size_t kRows = 4;       // of a group: with two vectors their sums stay in V8's registers
constexpr std::size_t kRowBlock = 64;  // rows that share a pass over a panel
constexpr std::size_t kChunk = 64;     // inputs that share a scale: more round more, fewer cost more
constexpr int kZero = 64;              // stands for n = 0, so that no n is negative
constexpr float kMostValue = 127, kMostInput = 63;
// A sum takes half a chunk, whose norms may be these together: 190 · 172 < 2¹⁵. Rounding adds √32 / 2 at most.
constexpr double kValueNorm = 190 - 2.83, kInputNorm = 172 - 2.83;
// Inputs so many times the others' root mean square are outliers, up to so many.
constexpr float kFar = 5;
constexpr std::size_t kMostOutliers = 16;
constexpr double kRowWork = 30;  // of rounding an input of a row, in multiply-adds

std::size_t chunks_of(std::size_t n_in) { return (n_in + kChunk - 1) / kChunk; }
std::size_t padded(std::size_t n_out) { return (n_out + kPanel - 1) / kPanel * kPanel; }
// Which of its column's two sums an input is added to.
std::size_t half_of(std::size_t k) { return k % 4 / 2; }

// Never less than `x` was before its thousands of squares were added up as floats.
float rounded_up(double x) { return static_cast<float>(x * (1 + 1e-4)); }

// Rounds one chunk of a row, y [kChunk]; returns the scale.
float round_chunk(const float* y, std::int8_t* n) {
  float most = 0;
  double squares[2] = {};
  for (std::size_t k = 0; k < kChunk; ++k) {
    most = std::max(most, std::abs(y[k]));
    squares[half_of(k)] += static_cast<double>(y[k]) * y[k];
  }
  const auto norm = static_cast<float>(std::sqrt(std::max(squares[0], squares[1])) / kInputNorm);
  const float wanted = std::max(most / kMostInput, norm);
  const float scale = wanted > 1e-30f ? wanted : 0, up = scale > 0 ? 1 / scale : 0;  // less has no inverse
  for (std::size_t k = 0; k < kChunk; ++k)
    n[k] = static_cast<std::int8_t>(std::clamp(std::nearbyint(y[k] * up), -kMostInput, kMostInput));
  return scale;
}

// R rows against one panel.
template <std::size_t R>
void tile(const std::uint8_t* x, const float* x_scales, std::size_t n_chunk, const std::int8_t* w,
          const std::int16_t* zeros, float* totals) {
  for (std::size_t v = 0; v < R * kPanel; v += kLanes) Vec(0.0f).store_unaligned(totals + v);
  for (std::size_t chunk = 0; chunk < n_chunk; ++chunk, zeros += 2 * kPanel, x_scales += R) {
    const Shorts first[2] = {load_shorts(zeros), load_shorts(zeros + 2 * kLanes)};
    Shorts sums[R][2];
    for (auto& row : sums) row[0] = first[0], row[1] = first[1];
#pragma clang loop unroll(disable)
    for (const std::int8_t* end = w + kChunk * kPanel; w != end; w += 4 * kPanel, x += 4 * R) {
      const Bytes weights[2] = {load_bytes(w), load_bytes(w + 4 * kLanes)};
#pragma clang loop unroll(full)
      for (std::size_t r = 0; r < R; ++r) {
        const Bytes x_r = same_four(x + 4 * r);
        for (std::size_t v = 0; v < 2; ++v) sums[r][v] = add_byte_dots(sums[r][v], weights[v], x_r);
      }
    }
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t v = 0; v < 2; ++v) {
        float* total = totals + r * kPanel + v * kLanes;
        madd(xsimd::to_float(both_sums(sums[r][v])), Vec(x_scales[r]), Vec::load_unaligned(total))
            .store_unaligned(total);
      }
  }
}

}  // namespace

bool Screen::pays(std::size_t n_out) { return kHasByteDots && n_out >= 8192; }

std::size_t Screen::byte_size(std::size_t n_in, std::size_t n_out) {
  const std::size_t n_chunk = chunks_of(n_in);
  return padded(n_out) * (n_chunk * (kChunk + 2 * sizeof(std::int16_t)) + 3 * sizeof(float));
}

Screen::Screen(const PackedMatrix& W)
    : n_out_(W.n_out()),
      n_chunk_(chunks_of(W.n_in())),
      mean_(W.mean_column()),
      spread_(n_chunk_ * kChunk, 1.0f),
      values_(padded(n_out_) * n_chunk_ * kChunk),
      zeros_(padded(n_out_) * n_chunk_ * 2),
      scales_(padded(n_out_)),
      norms_(padded(n_out_)),
      errors_(padded(n_out_)) {
  const std::size_t n_in = W.n_in(), n_panel = W.n_panel();
  std::vector<float> mean(n_chunk_ * kChunk), room(n_in * kPanel);
  std::ranges::transform(mean_, mean.begin(), [](double m) { return static_cast<float>(m); });

  // Panels' columns beyond n_out are zeros, of which nobody asks and which only add a little to the spread.
  std::vector<double> squares(n_in, 0.0);
  for (std::size_t p = 0; p < n_panel; ++p) {
    const float* panel = W.panel(p, 0, n_in, room.data());
    Vec norm[2] = {Vec(0.0f), Vec(0.0f)};
    for (std::size_t k = 0; k < n_in; ++k) {
      Vec square(0.0f);
      for (std::size_t v = 0; v < 2; ++v) {
        const Vec value = Vec::load_unaligned(panel + k * kPanel + v * kLanes), off = value - mean[k];
        square = madd(off, off, square);
        norm[v] = madd(value, value, norm[v]);
      }
      squares[k] += static_cast<double>(xsimd::reduce_add(square));
    }
    largest_ = std::max(largest_, std::sqrt(double{xsimd::reduce_max(xsimd::max(norm[0], norm[1]))}));
  }
  // An input that is the same to all tokens has no part in w; it must not divide by zero.
  for (std::size_t k = 0; k < n_in; ++k)
    if (squares[k] > 0) spread_[k] = static_cast<float>(std::sqrt(squares[k] / static_cast<double>(n_out_)));

  std::vector<float> w(n_chunk_ * kChunk * kPanel);  // [n_in, kPanel], zeros beyond
  for (std::size_t p = 0; p < n_panel; ++p) {
    const float* panel = W.panel(p, 0, n_in, room.data());
    const std::size_t first = p * kPanel;
    for (std::size_t v = 0; v < kPanel; v += kLanes) {
      const Vec none(0.0f);
      Vec most = none, norm = none, largest_half = none, error = none;
      for (std::size_t k = 0; k < n_in;) {
        Vec half[2] = {none, none};
        for (const std::size_t end = std::min(k + kChunk, n_in); k < end; ++k) {
          const Vec value = (Vec::load_unaligned(panel + k * kPanel + v) - mean[k]) / spread_[k];
          value.store_unaligned(&w[k * kPanel + v]);
          most = xsimd::max(most, xsimd::abs(value));
          half[half_of(k)] = madd(value, value, half[half_of(k)]);
        }
        norm += half[0] + half[1];
        largest_half = xsimd::max(largest_half, xsimd::max(half[0], half[1]));
      }
      const Vec wanted = xsimd::max(most / kMostValue, xsimd::sqrt(largest_half) / static_cast<float>(kValueNorm));
      const auto is_some = wanted > Vec(1e-30f);  // less has no inverse
      const Vec scale = xsimd::select(is_some, wanted, none), up = xsimd::select(is_some, 1.0f / wanted, none);
      for (std::size_t chunk = 0; chunk < n_chunk_; ++chunk) {
        Ints sums[2] = {Ints(0), Ints(0)};
        Vec part = none;
        for (std::size_t k = chunk * kChunk; k < (chunk + 1) * kChunk; k += 4) {
          Ints bytes(0);  // the four of a column, the first one lowest
          for (std::size_t i = 0; i < 4; ++i) {
            const Vec value = Vec::load_unaligned(&w[(k + i) * kPanel + v]);
            const Vec q = xsimd::clip(xsimd::nearbyint(value * up), Vec(-kMostValue), Vec(kMostValue));
            const Vec off = value - q * scale;
            part = madd(off, off, part);
            const Ints integer = xsimd::to_int(q);
            sums[half_of(i)] += integer;
            bytes |= (integer & 255) << static_cast<int>(8 * i);
          }
          std::memcpy(values_.data() + (first * n_chunk_ + chunk * kPanel) * kChunk + k % kChunk * kPanel + v * 4,
                      &bytes, sizeof bytes);
        }
        error += part;
        for (std::size_t half = 0; half < 2; ++half) {
          std::int32_t sum[kLanes];
          sums[half].store_unaligned(sum);
          for (std::size_t c = 0; c < kLanes; ++c)
            zeros_[(first * n_chunk_ + chunk * kPanel + v + c) * 2 + half] = static_cast<std::int16_t>(-kZero * sum[c]);
        }
      }
      scale.store_unaligned(&scales_[first + v]);
      norm.store_unaligned(&norms_[first + v]);
      error.store_unaligned(&errors_[first + v]);
    }
  }
  for (std::size_t v = 0; v < n_out_; ++v) {
    squared_norm_ += static_cast<double>(norms_[v]) / static_cast<double>(n_out_);
    squared_error_ += static_cast<double>(errors_[v]) / static_cast<double>(n_out_);
    const double norm = std::sqrt(double{norms_[v]});
    norms_[v] = rounded_up(norm);
    errors_[v] = rounded_up(std::sqrt(double{errors_[v]}) + 1e-6 * norm);  // w itself was rounded
    largest_norm_ = std::max(largest_norm_, norm);
  }
}

Screen::Rows::Rows(MatrixView<const float> X, const PackedMatrix& W, const Screen& screen)
    : W_(W), screen_(screen), n_row_(X.n_row), n_together_(n_row_ == 1 ? 1 : kRows), bounds_(n_row_) {
  const std::size_t n_in = X.n_col, n_chunk = screen.n_chunk_, n_together = n_together_;
  const std::size_t n_group = (n_row_ + n_together - 1) / n_together;
  values_.resize(n_group * n_chunk * kChunk * n_together, kZero);
  scales_.resize(n_group * n_chunk * n_together);
  shifts_.resize(n_group * n_together);
  y_.resize(n_row_ * n_chunk * kChunk);  // zeros beyond n_in
  left_.resize(y_.size());
  row_outliers_.resize(n_row_);
  const auto round_row = [&](std::size_t r) {
    std::vector<std::int8_t> n(n_chunk * kChunk);
    const auto x = X.row(r);
    const std::span<float> y(&y_[r * n_chunk * kChunk], n_chunk * kChunk), rest(&left_[r * n_chunk * kChunk], y.size());
    double shift = 0, x_squares = 0, squares = 0;
    for (std::size_t k = 0; k < n_in; ++k) {
      y[k] = static_cast<float>(x[k] * screen.spread_[k]);
      shift += x[k] * screen.mean_[k];
      x_squares += static_cast<double>(x[k]) * x[k];
      squares += static_cast<double>(y[k]) * y[k];
    }
    shifts_[r] = static_cast<float>(shift);
    if (!std::isfinite(squares)) {  // then no logit is
      constexpr float none = std::numeric_limits<float>::quiet_NaN();
      shifts_[r] = none;
      bounds_[r] = {none, none, none};
      std::ranges::fill(rest, none);
      return;
    }
    const double all = std::sqrt(squares);
    for (std::size_t i = 0; i < kMostOutliers; ++i) {
      const auto at = std::ranges::max_element(y, {}, [](float value) { return std::abs(value); });
      const double square = static_cast<double>(*at) * *at;
      if (square * static_cast<double>(n_in) <= kFar * kFar * (squares - square)) break;
      const auto in = static_cast<std::size_t>(at - y.begin());
      row_outliers_[r].push_back({in, r, x[in]});
      *at = 0;
      squares = 0;
      for (const float value : y) squares += static_cast<double>(value) * value;
    }

    float* scales = &scales_[r / n_together * n_chunk * n_together + r % n_together];
    double along = 0;  // y · ŷ
    for (std::size_t chunk = 0; chunk < n_chunk; ++chunk) {
      const float* y_c = y.data() + chunk * kChunk;
      std::int8_t* n_c = n.data() + chunk * kChunk;
      const float scale = scales[chunk * n_together] = round_chunk(y_c, n_c);
      for (std::size_t k = 0; k < kChunk; ++k) along += static_cast<double>(y_c[k]) * n_c[k] * scale;
      std::uint8_t* into =
          values_.data() + (r / n_together * n_chunk + chunk) * kChunk * n_together + r % n_together * 4;
      for (std::size_t k = 0; k < kChunk; ++k)
        into[k / 4 * 4 * n_together + k % 4] = static_cast<std::uint8_t>(kZero + n_c[k]);
    }
    // ŷ is made as long as y along y: else all of a row's logits would be off by one share of themselves, the best most.
    const double stretch = along > 0 ? squares / along : 1;
    double left = 0;
    for (std::size_t chunk = 0; chunk < n_chunk; ++chunk) {
      float& scale = scales[chunk * n_together];
      scale = static_cast<float>(scale * stretch);
      for (std::size_t k = chunk * kChunk; k < (chunk + 1) * kChunk; ++k) {
        rest[k] = static_cast<float>(y[k] - static_cast<double>(n[k]) * scale);
        left += static_cast<double>(rest[k]) * rest[k];
      }
    }
    // Each of fewer than n_in + 64 additions, here or in a float32 product, rounds by 2⁻²⁴ of what it adds up, and so does y.
    const double rounding = static_cast<double>(n_in + 64) * 0x1p-23 *
                            (std::sqrt(x_squares) * screen.largest_ + all * screen.largest_norm_ + std::abs(shift));
    bounds_[r] = {rounded_up(std::sqrt(squares)), rounded_up(std::sqrt(left)), rounded_up(rounding)};
  };
  parallel_ranges(n_row_, kRowWork * static_cast<double>(n_in), [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) round_row(r);
  });
  for (const auto& some : row_outliers_) outliers_.insert(outliers_.end(), some.begin(), some.end());
  std::ranges::sort(outliers_, {}, [](const Outlier& o) { return std::pair(o.in, o.row); });
}

void Screen::Rows::logits(std::size_t begin, std::size_t end, float* out, std::size_t stride,
                          std::size_t first_row) const {
  const std::size_t n_together = n_together_, n_chunk = screen_.n_chunk_;
  const std::size_t n_group = shifts_.size() / n_together, n_block = kRowBlock / n_together;
  // By a pointer, lest it becomes a part of these loops, whose variables take its sums' registers.
  const auto meet = n_together == 1 ? tile<1> : tile<kRows>;
  float totals[kRows * kPanel];
  for (std::size_t block = first_row / n_together; block < n_group; block += n_block)
    for (std::size_t p = begin; p < end; ++p)
      for (std::size_t g = block; g < std::min(block + n_block, n_group); ++g) {
        meet(values_.data() + g * n_chunk * kChunk * n_together, scales_.data() + g * n_chunk * n_together, n_chunk,
             screen_.values_.data() + p * n_chunk * kChunk * kPanel, screen_.zeros_.data() + p * n_chunk * kPanel * 2,
             totals);
        for (std::size_t r = g * n_together; r < std::min((g + 1) * n_together, n_row_); ++r)
          for (std::size_t v = 0; v < kPanel; v += kLanes)
            madd(Vec::load_unaligned(totals + r % n_together * kPanel + v),
                 Vec::load_unaligned(&screen_.scales_[p * kPanel + v]), Vec(shifts_[r]))
                .store_unaligned(out + r * stride + (p - begin) * kPanel + v);
      }
  for (std::size_t p = begin; p < end; ++p) {
    float room[kPanel];
    for (std::size_t i = 0; i < outliers_.size();) {
      const std::size_t in = outliers_[i].in;
      const float* weights = W_.panel(p, in, 1, room);
      const Vec mean(static_cast<float>(screen_.mean_[in]));
      const Vec w[2] = {Vec::load_unaligned(weights) - mean, Vec::load_unaligned(weights + kLanes) - mean};
      for (; i < outliers_.size() && outliers_[i].in == in; ++i)
        for (std::size_t v = 0; v < 2; ++v) {
          float* z = out + outliers_[i].row * stride + (p - begin) * kPanel + v * kLanes;
          madd(Vec(outliers_[i].x), w[v], Vec::load_unaligned(z)).store_unaligned(z);
        }
    }
  }
}

double Screen::Rows::covariance(std::size_t a, std::size_t b) const {
  const std::size_t n = y_.size() / n_row_;
  double values = 0, left = 0;
  for (std::size_t k = 0; k < n; ++k) {
    values += static_cast<double>(y_[a * n + k]) * y_[b * n + k];
    left += static_cast<double>(left_[a * n + k]) * left_[b * n + k];
  }
  return (values * screen_.squared_error_ + left * screen_.squared_norm_) / static_cast<double>(W_.n_in());
}

float Screen::Rows::logit(std::size_t row, std::size_t column) const {
  const std::size_t panel = column / kPanel, at = column % kPanel;
  const std::size_t n_together = n_together_, n_chunk = screen_.n_chunk_;
  const std::uint8_t* x = values_.data() + row / n_together * n_chunk * kChunk * n_together + row % n_together * 4;
  const std::int8_t* w = screen_.values_.data() + panel * n_chunk * kChunk * kPanel + at * 4;
  double total = 0;
  for (std::size_t chunk = 0; chunk < n_chunk; ++chunk) {
    int sum = 0;
    for (std::size_t step = 0; step < kChunk / 4; ++step, x += n_together * 4, w += kPanel * 4)
      for (std::size_t i = 0; i < 4; ++i) sum += (x[i] - kZero) * w[i];
    total += static_cast<double>(sum) * scales_[(row / n_together * n_chunk + chunk) * n_together + row % n_together];
  }
  total = total * screen_.scales_[column] + shifts_[row];
  for (const Outlier& outlier : row_outliers_[row])
    total += outlier.x * (W_.at(outlier.in, column) - screen_.mean_[outlier.in]);
  return static_cast<float>(total);
}

}  // namespace lens
