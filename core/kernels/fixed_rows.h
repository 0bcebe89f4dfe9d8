// Rows in fixed point, as they meet Q8_0. The integers of a block of 32 inputs are multiplied and added without any
// rounding, in half the instructions that it takes to make floats of the weights first.
//
//   Σ_k x_k d_b q_k = Σ_b d_b s_b Σ_{k in b} (high_k + low_k / 2¹⁵) q_k
//
// s_b is the power of two that brings the block's largest |x| to 2¹⁴ … 2¹⁵ (or, below 2⁻¹⁰⁰, towards it), high and low are
// int16. So an input is off by less than 2⁻²⁹ of the block's largest, most by nothing; what rounds is a block's sum once
// it is a float, and the sum over blocks: less than a float32 product of the same length.
//
// Where round_to_high made all rows nothing is in the low plane, which is then left out: the same bits in half the time, or
// for one row, whose weights come from memory, in five sixths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/matrix.h"

namespace lens {

class PackedMatrix;

// What it takes to round a value, in multiply-adds.
inline constexpr double kRoundingWork = 6;

class FixedRows {
 public:
  FixedRows() = default;
  // X [n, k] is to meet inputs first_in … first_in + k; it is filled up with zeros to whole blocks.
  FixedRows(MatrixView<const float> X, std::size_t first_in);

  // Panels [begin, end) of X·W, whole: out[r * stride + c] for c < (end − begin) · kPanel and for rows from first_row
  // on; what becomes of those before it is left open. W is q8_0.
  void products(const PackedMatrix& W, std::size_t begin, std::size_t end, float* out, std::size_t stride,
                std::size_t first_row = 0) const;

 private:
  std::size_t together() const;  // rows of a group; the last one has what is left

  std::size_t n_row_ = 0, first_block_ = 0, n_block_ = 0, n_plane_ = 1;
  // [n_group, n_block, kQ8Block / 2, rows, n_plane, 2], high before low, with scales [n_group, n_block, rows].
  std::vector<std::int16_t> planes_;
  std::vector<float> scales_;
};

// Rounds X [n, k], k whole blocks, to what the high plane holds: by 2⁻¹⁵ of a block's largest (above 2⁻¹⁰⁰) at most.
void round_to_high(MatrixView<float> X);

}  // namespace lens
