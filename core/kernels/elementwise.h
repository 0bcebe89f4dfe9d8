// Layer norm, softmax and activations on rows of floats.
#pragma once

#include <span>

#include "base/matrix.h"

namespace lens {

// σ = sqrt(mean((x − mean(x))²) + eps), the biased variance with eps inside the root, as GPT-2 has it. Sums are double:
// real GPT-2 has a few channels a hundred times the rest, and one row costs nothing beside a matmul.
float layer_norm_scale(std::span<const float> x, float eps);

// out = (x − mean(x)) / scale · gamma + beta (Ba 2016). `scale` is the row's own layer_norm_scale, or another row's
// where a lens freezes it. All [d_model]; `out` may be `x`.
void layer_norm(std::span<const float> x, float scale, std::span<const float> gamma, std::span<const float> beta,
                std::span<float> out);

// The same for each row of x [n, d_model], shared among threads; scale [n].
void layer_norm_scales(MatrixView<const float> x, float eps, std::span<float> scale);
void layer_norm_rows(MatrixView<const float> x, std::span<const float> scale, std::span<const float> gamma,
                     std::span<const float> beta, MatrixView<float> out);

// x_i <- exp(x_i − max x) / Σ_j exp(x_j − max x). Summed in double, so long rows lose nothing.
void softmax(std::span<float> x);
// Of each row, shared among threads.
void softmax_rows(MatrixView<float> X);

enum class Activation {
  gelu_new,  // 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))): GPT-2's own (Hendrycks & Gimpel 2016, the tanh form)
  gelu,      // 0.5 x (1 + erf(x / √2)): the exact one, which nanoGPT and its kin use
  relu,      // max(x, 0)
  silu,      // x / (1 + exp(−x))
  tanh,
};

// Of each value, shared among threads.
void activate(Activation activation, std::span<float> x);

// Σ x_i y_i over float lanes, added up in a fixed order.
float dot(std::span<const float> x, std::span<const float> y);

// out[j] = dot(x, rows[j, first : first + x.size()]), the same bits: one head's queries and keys.
void dots(std::span<const float> x, MatrixView<const float> rows, std::size_t first, std::span<float> out);

// y += a · x
void add_scaled(float a, std::span<const float> x, std::span<float> y);

// out = Σ_j weights[j] · rows[j, first : first + out.size()], added in order of j.
void weighted_sum(std::span<const float> weights, MatrixView<const float> rows, std::size_t first,
                  std::span<float> out);

}  // namespace lens
