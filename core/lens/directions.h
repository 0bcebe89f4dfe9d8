// Directions of the residual stream read as tokens, without a prompt (Geva 2021, Dar 2022): what a vector that is added
// to the stream does to each token's logit.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernels/unembed.h"
#include "model/model.h"

namespace lens {

// W̃_U[:, t] = W_U[:, t] − mean_v W_U[:, v] gives logits centred over the vocabulary; C u = u − mean(u).
enum class Reader {
  gamma,      // (C u ⊙ γ_f) · w̃_t: as ln_f reads the stream, but for its σ
  published,  // u · w̃_t: as the papers have it, without a norm
};

// The tokens that a direction raises most and lowers most, furthest first, with their centred logits.
struct TokenEnds {
  std::vector<ScoredToken> promoted;
  std::vector<ScoredToken> suppressed;
};

// rows [n, d_model] as they meet W_U: C u ⊙ γ_f, or u as published.
Matrix as_read(const Model& model, MatrixView<const float> rows, Reader reader);

// rows [n, d_model]; top ≤ d_vocab tokens at each end.
std::vector<TokenEnds> tokens_written(const Model& model, MatrixView<const float> rows, Reader reader, std::size_t top);

// g, [d_model], with u · g = the centred logit of `token` under `reader` for every u.
std::vector<float> token_direction(const Model& model, TokenId token, Reader reader);

// The tokens whose embedding meets a reading direction most and least: (C e_t ⊙ γ) · k, or e_t · k as published, less
// the mean over the vocabulary. `gamma` is that of the norm through which k reads. rows [n, d_model].
std::vector<TokenEnds> tokens_read(const Model& model, std::span<const float> gamma, MatrixView<const float> rows,
                                   Reader reader, std::size_t top);

// Rows first to first + n of a weight matrix, [n, n_out].
Matrix weight_rows(const PackedMatrix& W, std::size_t first, std::size_t n);

// x ⊙ gamma, less its mean: with it u · out = (C u ⊙ gamma) · x.
void fold_gamma(std::span<const float> gamma, std::span<float> x);

}  // namespace lens
