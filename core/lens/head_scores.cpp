#include "lens/head_scores.h"

#include <cassert>

#include "model/forward.h"

namespace lens {

std::vector<HeadScores> read_head_scores(const Model& model, Activations& run, std::size_t layer, std::size_t n,
                                         std::size_t T) {
  assert(2 <= T && T < n);
  const Tensor A = read_hook(model, run, {Site::pattern, static_cast<int>(layer)}, 0, n);
  std::vector<HeadScores> scores(model.config().n_head);
  for (std::size_t h = 0; h < scores.size(); ++h) {
    // The mean of a diagonal: over i ≥ back of A[h, i, i − back + on].
    const auto diagonal = [&](std::size_t back, std::size_t on) {
      double sum = 0;
      for (std::size_t i = back; i < n; ++i) sum += static_cast<double>(A.values[(h * n + i) * n + i - back + on]);
      return sum / static_cast<double>(n - back);
    };
    scores[h] = {diagonal(1, 0), diagonal(T, 0), diagonal(T, 1)};
  }
  return scores;
}

}  // namespace lens
