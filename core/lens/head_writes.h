// Whether a head writes what it looks at: attention against prediction, over the pairs of a prompt (Wang 2023's scatter
// of name movers, "attention probability vs projection"). For head h, positions i and j ≤ i:
//
//   pattern A_ij against written_ij = ((u_i − mean(u_i)) ⊙ γ)·w̃_t / σ_i, t the token at j
//
// u_i = Σ_k A_ik (n_k W_V) W_O is what the head writes at i, without its value bias, σ_i that of the output row there,
// and w̃_t = W_U[:, t] − mean_v W_U[:, v]. A direct effect only.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/activations.h"
#include "model/model.h"

namespace lens {

struct HeadWrites {
  std::vector<float> pattern;  // [n, n], 0 where j > i
  std::vector<float> written;  // [n, n], NaN where j > i
  std::size_t n_pair = 0;      // all i ≥ j ≥ 1: the first position, where heads rest, is left out
  double r = 0;                // Pearson's over these; NaN for fewer than 20, or where one side does not vary
};

// The first n positions of a finished run; mean_W_U [d_model]. The block is computed again.
HeadWrites read_head_writes(const Model& model, Activations& run, std::size_t layer, std::size_t head, std::size_t n,
                            std::span<const double> mean_W_U);

}  // namespace lens
