// A GPT-2: its hyper-parameters and weights, loaded from named tensors by one table.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "base/result.h"
#include "formats/tensors.h"
#include "kernels/matmul.h"
#include "model/config.h"

namespace lens {

struct LayerNormWeights {
  std::vector<float> gamma;  // [d_model]
  std::vector<float> beta;   // [d_model]
};

struct BlockWeights {
  LayerNormWeights ln_1;
  PackedMatrix W_QKV;  // [d_model, 3 · d_model]: q | k | v, in each the heads side by side, d_head columns a head
  std::vector<float> b_QKV;  // [3 · d_model]
  PackedMatrix W_O;          // [d_model, d_model]: rows are z of the heads side by side
  std::vector<float> b_O;    // [d_model]
  LayerNormWeights ln_2;
  PackedMatrix W_in;         // [d_model, d_mlp]
  std::vector<float> b_in;   // [d_mlp]
  PackedMatrix W_out;        // [d_mlp, d_model]
  std::vector<float> b_out;  // [d_model]
};

struct Weights {
  PackedMatrix W_U;                  // [d_model, d_vocab]
  std::optional<PackedMatrix> W_E;   // [d_model, d_vocab], a token's embedding a column; absent when tied to W_U
  std::vector<float> W_pos;          // [n_ctx, d_model]
  std::vector<BlockWeights> blocks;  // [n_layer]
  LayerNormWeights ln_f;
};

class Model {
 public:
  // Takes every tensor of a GPT-2 out of `tensors` (with or without a "transformer." prefix, Conv1D or Linear
  // orientation; F32, F16 and BF16 become float32, the matrices' Q8_0 stays Q8_0); mask buffers and classification
  // heads are passed over. `file` is used in messages. Errors: tensor_missing, tensor_duplicate, tensor_shape,
  // tensor_dtype, tensor_value (NaN or infinity), tensor_unknown.
  static Result<Model> load(Config config, const NamedTensors& tensors, std::string_view file);

  const Config& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  std::size_t n_param() const { return n_param_; }
  std::size_t byte_size() const;

  void embed(TokenId token, std::span<float> out) const;         // W_E[token], out [d_model]
  std::span<const float> pos_embed(std::size_t position) const;  // W_pos[position], [d_model]

  // ln_f's σ of each row: rows [n, d_model], scale [n].
  void final_scale(MatrixView<const float> rows, std::span<float> scale) const;
  // (x − mean(x)) / scale · γ_f + β_f: rows and out [n, d_model], scale [n].
  void final_norm(MatrixView<const float> rows, std::span<const float> scale, MatrixView<float> out) const;
  const PackedMatrix& W_U() const { return weights_.W_U; }

 private:
  Config config_;
  Weights weights_;
  std::size_t n_param_ = 0;
};

}  // namespace lens
