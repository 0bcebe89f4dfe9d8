// What heads attend to in a text that repeats itself, ids = R R: scores that need no word's meaning (Elhage 2021,
// Olsson 2022; the names are TransformerLens' head detector's). A [n_head, n, n] is a block's attention pattern, T =
// |R|.
#pragma once

#include <cstddef>
#include <vector>

#include "model/activations.h"
#include "model/model.h"

namespace lens {

struct HeadScores {
  double previous = 0;   // mean over i ≥ 1 of A[i, i − 1]
  double duplicate = 0;  // mean over i ≥ T of A[i, i − T]: the same token, one period ago
  double induction = 0;  // mean over i ≥ T of A[i, i − T + 1]: what followed it then (prefix matching)
};

// The heads of block `layer` over the first n positions of a finished run; 2 ≤ T < n. Its block is computed again.
std::vector<HeadScores> read_head_scores(const Model& model, Activations& run, std::size_t layer, std::size_t n,
                                         std::size_t T);

}  // namespace lens
