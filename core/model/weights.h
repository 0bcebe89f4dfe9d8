// What a GPT-2 is made of, and the one table that says under which name and shape a checkpoint holds it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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

// How a tensor of the checkpoint stands there. The four projections of a block are stored [in, out] by Hugging Face's
// Conv1D and [out, in] by nn.Linear and GGUF; the table gives the Conv1D shape.
enum class Layout { vector, projection, embedding };

struct WeightSlot {
  std::string name;  // as in Hugging Face's GPT2Model, without prefix: "h.3.mlp.c_fc.weight"
  std::vector<std::size_t> shape;
  Layout layout;
  std::variant<std::vector<float>*, PackedMatrix*> field;  // in the Weights given
};

// Makes room in `weights` for the blocks and, where the head is its own, for W_E.
std::vector<WeightSlot> weight_table(const Config& config, Weights& weights);

}  // namespace lens
