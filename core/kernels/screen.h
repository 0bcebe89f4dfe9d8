// All logits of a row at two and a half times the rate of float32, each with a bound on how far off it is: from W_U and the
// row in bytes. Most tokens stand too far from any decision for the difference to matter; the others are scored again
// (kernels/unembed.h).
//
// With m the mean column, r_k how far W_U's row k strays from it, w_v = (W_U[:, v] − m) / r and y = x r:
//
//   z_v = x·m + y·w_v ≈ x·m + d_v Σ_c s_c n_c·q_v,   w_v ≈ d_v q_v,   y ≈ Σ_c s_c n_c
//   |z_v − ẑ_v| ≤ ‖y − ŷ‖ ‖w_v‖ + ‖y‖ ‖w_v − d_v q_v‖                                      (Cauchy-Schwarz, twice)
//
// q are int8, n 7 bits with a scale for every kChunk inputs. The few inputs that dwarf the others, as in GPT-2's streams,
// are left out of y and added as floats: they would lose all others their bits, and weights' roundings would weigh most in
// them. Scales keep the norms of what is added to one 16-bit sum so small that none leaves its range, whatever the weights
// and the row (Cauchy-Schwarz again).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/matrix.h"
#include "kernels/matmul.h"

namespace lens {

class Screen {
 public:
  // Whether this build's kernels and so many columns make it worth its memory.
  static bool pays(std::size_t n_out);
  static std::size_t byte_size(std::size_t n_in, std::size_t n_out);

  explicit Screen(const PackedMatrix& W);
  std::size_t byte_size() const { return byte_size(mean_.size(), n_out_); }

  // X [n, n_in] as it meets the screen of W. Both must outlive it.
  class Rows {
   public:
    Rows(MatrixView<const float> X, const PackedMatrix& W, const Screen& screen);

    // out[r * stride + c] = ẑ of row r and column begin · kPanel + c, for c < (end − begin) · kPanel and for rows from
    // first_row on; what becomes of those before it is left open.
    void logits(std::size_t begin, std::size_t end, float* out, std::size_t stride, std::size_t first_row = 0) const;
    // One of them, but for how its sum rounds.
    float logit(std::size_t row, std::size_t column) const;

    // |z_v − ẑ_v| ≤ y · errors()[v] + off · norms()[v] + rounding, where z_v is the logit that a product with W gives. NaN
    // where the row is not finite.
    struct Bound {
      float y, off, rounding;
    };
    const Bound& bound(std::size_t row) const { return bounds_[row]; }
    // Mean over the vocabulary of (z_v − ẑ_v)² of a row, and of the product of two rows' errors, which share those of W; as
    // if roundings were independent.
    double variance(std::size_t row) const { return covariance(row, row); }
    double covariance(std::size_t a, std::size_t b) const;

   private:
    struct Outlier {
      std::size_t in, row;
      float x;
    };
    const PackedMatrix& W_;
    const Screen& screen_;
    std::size_t n_row_, n_together_;    // rows in fours, a single one alone
    std::vector<std::uint8_t> values_;  // [n_group, n_chunk, kChunk / 4, n_together, 4] n + 64
    std::vector<float> scales_;         // [n_group, n_chunk, n_together]
    std::vector<float> shifts_;         // [n_group, n_together] x·m
    std::vector<std::vector<Outlier>> row_outliers_;
    std::vector<Outlier> outliers_;  // all rows', by input
    std::vector<float> y_,
        left_;  // [n_row, n_chunk, kChunk] y without outliers, and y − ŷ; NaN of a row that is not finite
    std::vector<Bound> bounds_;
  };

  // [n_out, and some to a whole vector] ‖w_v‖ and ‖w_v − d_v q_v‖, never less while squares of W are floats.
  const float* norms() const { return norms_.data(); }
  const float* errors() const { return errors_.data(); }

 private:
  std::size_t n_out_, n_chunk_;
  std::vector<double> mean_;         // [n_in] m
  std::vector<float> spread_;        // [n_in and to the chunk's end] r
  std::vector<std::int8_t> values_;  // [n_panel, n_chunk, kChunk / 4, kPanel, 4] q
  std::vector<std::int16_t> zeros_;  // [n_panel, n_chunk, kPanel, 2] what 64 in place of n = 0 adds, to be taken away
  std::vector<float> scales_, norms_, errors_;   // [n_padded]
  double squared_norm_ = 0, squared_error_ = 0;  // means over the vocabulary
  double largest_ = 0, largest_norm_ = 0;        // max_v ‖W_U[:, v]‖ and ‖w_v‖
};

}  // namespace lens
