// Y = X·W + b, where every output element is summed over k = 0, 1, 2 … in one float accumulator, of Q8_0 block by block
// (kernels/fixed_rows.h). The order is fixed, so a row of Y has the same bits however many rows are multiplied at once:
// typing and pasting agree.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/matrix.h"
#include "kernels/fixed_rows.h"
#include "kernels/simd.h"

namespace lens {

// Columns that lie side by side in memory: two vectors, 8 with simd128 and 16 with AVX2.
inline constexpr std::size_t kPanel = 2 * kLanes;

// Values that share a scale in Q8_0: consecutive inputs of one column.
inline constexpr std::size_t kQ8Block = 32;

// W [n_in, n_out], stored as panels of kPanel columns: panel p holds [n_in, kPanel], zeros beyond n_out. A step over
// k then reads memory in order, for x·W and for one column alike. Values are float32; or float16, which become float32
// again panel by panel, so that results have the bits of the same values as float32; or Q8_0: int8 with a scale for every
// 32 inputs of a column, 1.125 bytes a value, where inputs go in twos: [n_in / 2, kPanel, 2].
class PackedMatrix {
 public:
  enum class Storage { float32, float16, q8_0 };

  PackedMatrix() = default;
  // n_in is a multiple of kQ8Block for q8_0.
  PackedMatrix(std::size_t n_in, std::size_t n_out, Storage storage = Storage::float32);

  std::size_t n_in() const { return n_in_; }
  std::size_t n_out() const { return n_out_; }
  std::size_t n_panel() const { return (n_out_ + kPanel - 1) / kPanel; }
  Storage storage() const {
    return !quants_.empty() ? Storage::q8_0 : !halves_.empty() ? Storage::float16 : Storage::float32;
  }
  std::size_t byte_size() const {
    return (panels_.size() + scales_.size()) * sizeof(float) + halves_.size() * sizeof(std::uint16_t) + quants_.size();
  }

  // Where row `in` of panel p lies: kPanel values or float16's bits side by side; of Q8_0 every other byte, and their
  // scales.
  const float* values(std::size_t p, std::size_t in) const { return panels_.data() + index(in, p * kPanel); }
  const std::uint16_t* halves(std::size_t p, std::size_t in) const { return halves_.data() + index(in, p * kPanel); }
  const std::int8_t* quants(std::size_t p, std::size_t in) const { return quants_.data() + pair_index(in, p * kPanel); }
  const float* scales(std::size_t p, std::size_t in) const { return scales_.data() + scale_index(in, p * kPanel); }

  // Rows first_in to first_in + n of panel p, [n, kPanel]: where they lie, or as floats in `room`, as long.
  const float* panel(std::size_t p, std::size_t first_in, std::size_t n, float* room) const;

  float at(std::size_t in, std::size_t out) const;
  // float32 or float16 storage, whose nearest they become; finite there.
  void set_row(std::size_t in, std::span<const float> values);      // values [n_out]
  void set_column(std::size_t out, std::span<const float> values);  // values [n_in]
  void set_column(std::size_t out, std::span<const float> scales, std::span<const std::int8_t> values);  // q8_0 storage
  void column(std::size_t out, std::span<float> values) const;  // values [n_in]
  std::vector<double> mean_column() const;                      // Σ_out W[:, out] / n_out, [n_in]

 private:
  std::size_t index(std::size_t in, std::size_t out) const {
    return (out / kPanel * n_in_ + in) * kPanel + out % kPanel;
  }
  std::size_t pair_index(std::size_t in, std::size_t out) const {
    return (out / kPanel * n_in_ + in / 2 * 2) * kPanel + out % kPanel * 2 + in % 2;
  }
  std::size_t n_in_ = 0;
  std::size_t n_out_ = 0;
  // Scale of the block that holds index(in, out): [n_panel, n_in / kQ8Block, kPanel].
  std::size_t scale_index(std::size_t in, std::size_t out) const {
    return (out / kPanel * (n_in_ / kQ8Block) + in / kQ8Block) * kPanel + out % kPanel;
  }
  void set(std::size_t index, float value);
  std::vector<float> panels_;          // float32: [n_panel, n_in, kPanel]
  std::vector<std::uint16_t> halves_;  // float16: the same, as bits
  std::vector<std::int8_t> quants_;    // q8_0:    [n_panel, n_in / 2, kPanel, 2]
  std::vector<float> scales_;
};

// Rows as the inner loop of a product meets them: for float32 four side by side, [n_group, n_in, kGroup], zeros beyond
// the last.
inline constexpr std::size_t kGroup = 4;
class GroupedRows {
 public:
  // X [n, k] is to meet inputs first_in … first_in + k of matrices that are stored as W is.
  GroupedRows(MatrixView<const float> X, const PackedMatrix& W, std::size_t first_in = 0);

  std::size_t n_row() const { return n_row_; }
  std::size_t n_in() const { return n_in_; }
  std::size_t first_in() const { return first_in_; }
  std::size_t n_group() const { return (n_row_ + kGroup - 1) / kGroup; }
  const float* group(std::size_t g) const { return values_.data() + g * n_in_ * kGroup; }
  std::size_t rows_in(std::size_t g) const { return std::min(kGroup, n_row_ - g * kGroup); }
  // The only row of one, [n_in].
  const float* single() const { return values_.data(); }
  const FixedRows& fixed() const { return fixed_; }

 private:
  std::size_t n_row_, n_in_, first_in_;
  std::vector<float> values_;  // a single row is not grouped
  FixedRows fixed_;            // for q8_0
};

// Makes X [n, n_in] inputs that W takes fastest: where W is q8_0, 16 bits and a scale for each 32 (fixed_rows.h), so that what
// is small beside its 31 neighbours may become 0; what they were else. Whoever keeps or shows what W met keeps these: parts
// of a sum then still add up to it.
void round_inputs(MatrixView<float> X, const PackedMatrix& W);

// X [n, n_in], b [n_out] or empty for none, Y [n, n_out].
void matmul(MatrixView<const float> X, const PackedMatrix& W, std::span<const float> b, MatrixView<float> Y);

// Y = X·W[first_in : first_in + X.n_col, :], without a bias: one head's share of W_O.
void matmul_slice(MatrixView<const float> X, const PackedMatrix& W, std::size_t first_in, MatrixView<float> Y);

// An element of a product.
struct Place {
  std::size_t row;
  std::size_t column;
};

// out[i] = the element of X·W at places[i], the same bits as in the whole product. What is read of W is read once, whatever
// the places' order.
void products_at(MatrixView<const float> X, const PackedMatrix& W, std::span<const Place> places, float* out);

// out = W[first_in : first_in + out.size(), :]·y in double, y [n_out]: what each of these inputs of W is worth along y.
// Summed panel by panel, in a fixed order; double, because parts of a sum are compared with the sum.
void matmul_transposed(const PackedMatrix& W, std::span<const double> y, std::span<double> out,
                       std::size_t first_in = 0);

// Panels [begin, end) of X·W[X.first_in() : X.first_in() + X.n_in(), :], whole: out[r * stride + c] for c <
// (end − begin) · kPanel and for rows from first_row on; what becomes of those before it is left open.
void panel_products(const GroupedRows& X, const PackedMatrix& W, std::size_t begin, std::size_t end, float* out,
                    std::size_t stride, std::size_t first_row = 0);

}  // namespace lens
