// Y = X·W + b, where every output element is summed over k = 0, 1, 2 … in one float accumulator. The order is fixed, so
// a row of Y has the same bits however many rows are multiplied at once: typing and pasting agree.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/matrix.h"
#include "kernels/simd.h"

namespace lens {

// Columns that lie side by side in memory; two vectors of simd128, one of AVX2.
inline constexpr std::size_t kPanel = kLanes > 8 ? kLanes : 8;

// W [n_in, n_out], stored as panels of kPanel columns: panel p holds [n_in, kPanel], zeros beyond n_out. A step over
// k then reads memory in order, for x·W and for one column alike.
class PackedMatrix {
 public:
  PackedMatrix() = default;
  PackedMatrix(std::size_t n_in, std::size_t n_out)
      : n_in_(n_in), n_out_(n_out), panels_((n_out + kPanel - 1) / kPanel * n_in * kPanel) {}

  std::size_t n_in() const { return n_in_; }
  std::size_t n_out() const { return n_out_; }
  std::size_t n_panel() const { return (n_out_ + kPanel - 1) / kPanel; }
  std::size_t byte_size() const { return panels_.size() * sizeof(float); }
  const float* panel(std::size_t p) const { return panels_.data() + p * n_in_ * kPanel; }  // [n_in, kPanel]

  float at(std::size_t in, std::size_t out) const { return panels_[index(in, out)]; }
  void set_row(std::size_t in, std::span<const float> values);      // values [n_out]
  void set_column(std::size_t out, std::span<const float> values);  // values [n_in]
  void column(std::size_t out, std::span<float> values) const;      // values [n_in]

 private:
  std::size_t index(std::size_t in, std::size_t out) const {
    return (out / kPanel * n_in_ + in) * kPanel + out % kPanel;
  }
  std::size_t n_in_ = 0;
  std::size_t n_out_ = 0;
  std::vector<float> panels_;
};

// X [n, n_in], b [n_out] or empty for none, Y [n, n_out].
void matmul(MatrixView<const float> X, const PackedMatrix& W, std::span<const float> b, MatrixView<float> Y);

// Y = X·W[first_in : first_in + X.n_col, :], without a bias: one head's share of W_O.
void matmul_slice(MatrixView<const float> X, const PackedMatrix& W, std::size_t first_in, MatrixView<float> Y);

// One panel of X·W: out[r * stride + c] = X[r] · W[:, p * kPanel + c] for c < kPanel.
void panel_product(MatrixView<const float> X, const PackedMatrix& W, std::size_t p, float* out, std::size_t stride);

}  // namespace lens
