// One block's attention (Vaswani 2017): queries of some positions meet the keys and values of all positions up to their own.
// Heads lie side by side in a row: q, z [n, n_head·d_head], k, v [n_key, n_head·d_head]; S and A are [n_head·n, n_key], and
// query i stands at position first + i.
#pragma once

#include "base/matrix.h"

namespace lens {

// S[h, i, j] = q_i·k_j · scale, −inf where position j comes after position first + i.
void attention_scores(MatrixView<const float> q, std::size_t first, MatrixView<const float> k, std::size_t n_head,
                      float scale, MatrixView<float> S);

// A = softmax(S) over the positions up to each query's own, in place; 0 beyond.
void attention_pattern(std::size_t first, std::size_t n, MatrixView<float> S);

// z[i, h] = Σ_j A[h, i, j] v[j, h], added in order of j.
void attention_z(MatrixView<const float> A, std::size_t first, MatrixView<const float> v, std::size_t n_head,
                 MatrixView<float> z);

}  // namespace lens
