#include "lens/mean_readings.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>

#include "kernels/elementwise.h"

namespace lens {
namespace {

// Rows of logits at once: 6 MB for GPT-2's vocabulary.
constexpr std::size_t kRows = 32;

}  // namespace

MeanReadings::MeanReadings(Matrix log_mean)
    : log_mean_(std::move(log_mean)), offsets_(log_mean_.n_row() - 1, log_mean_.n_col()) {
  for (std::size_t r = 0; r < offsets_.n_row(); ++r)
    std::ranges::transform(output(), log_mean_.row(r), offsets_.row(r).begin(), std::minus<>());
}

const float* MeanReadings::offset(std::size_t row) const {
  return row < offsets_.n_row() ? offsets_.row(row).data() : nullptr;
}

MeanProbabilities::MeanProbabilities(const Model& model)
    : model_(model), sums_(model.config().n_layer + 1, std::vector<double>(model.config().d_vocab)) {}

void MeanProbabilities::add(const Activations& run, std::size_t skip) {
  const std::size_t n = run.size();
  for (std::size_t r = 0; r < sums_.size(); ++r)
    for (std::size_t begin = skip; begin < n; begin += kRows) {
      const auto resid = run.resid(r).rows(begin, std::min(begin + kRows, n));
      Matrix normed(resid.n_row, resid.n_col), p(resid.n_row, model_.config().d_vocab);
      std::vector<float> scale(resid.n_row);
      model_.final_scale(resid, scale);
      model_.final_norm(resid, scale, normed);
      matmul(normed, model_.W_U(), {}, p);
      softmax_rows(p);
      for (std::size_t i = 0; i < resid.n_row; ++i)
        std::ranges::transform(sums_[r], p.row(i), sums_[r].begin(), std::plus<>());
    }
  n_position_ += n - std::min(n, skip);
}

MeanReadings MeanProbabilities::means() const {
  assert(n_position_ > 0);
  const std::size_t d_vocab = model_.config().d_vocab;
  Matrix log_mean(sums_.size(), d_vocab);
  for (std::size_t r = 0; r < sums_.size(); ++r)
    std::ranges::transform(sums_[r], log_mean.row(r).begin(), [&](double sum) {
      return static_cast<float>(std::log((1 - kSmoothing) * sum / static_cast<double>(n_position_) +
                                         kSmoothing / static_cast<double>(d_vocab)));
    });
  return MeanReadings(std::move(log_mean));
}

}  // namespace lens
