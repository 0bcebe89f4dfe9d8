// What the rows of a model say on average, whatever the text: the raw lens' mean probabilities, from which the calibrated
// lens and the lift of a token are counted.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/matrix.h"
#include "model/activations.h"
#include "model/model.h"

namespace lens {

// Of the stream that enters each block, and of the output: [n_layer + 1] rows.
class MeanReadings {
 public:
  // ln p̄ [n_layer + 1, d_vocab], of the raw lens, its norm recomputed.
  explicit MeanReadings(Matrix log_mean);

  const Matrix& log_mean() const { return log_mean_; }
  std::span<const float> output() const { return log_mean_.row(log_mean_.n_row() - 1); }  // ln p̄_out
  // ln p̄_out − ln p̄_l, [d_vocab]; null for the output.
  const float* offset(std::size_t row) const;

 private:
  Matrix log_mean_;
  Matrix offsets_;  // [n_layer, d_vocab]
};

// Adds up p of every row over positions of finished runs.
class MeanProbabilities {
 public:
  // The share of a mean that is spread evenly over the vocabulary, so that a token which a row never says is not
  // infinitely surprising: p̄ = 0.99 · mean + 0.01 / d_vocab, in the output's row as in the others.
  static constexpr double kSmoothing = 0.01;

  explicit MeanProbabilities(const Model& model);

  // All positions of the run but the first `skip`.
  void add(const Activations& run, std::size_t skip);
  std::size_t n_position() const { return n_position_; }
  // Of at least one position.
  MeanReadings means() const;

 private:
  const Model& model_;
  std::size_t n_position_ = 0;
  std::vector<std::vector<double>> sums_;  // [n_layer + 1][d_vocab]
};

}  // namespace lens
