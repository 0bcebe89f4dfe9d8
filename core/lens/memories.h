// The MLP as key-value memories (Geva 2021, 2022): neuron i of a block has a key, W_in[:, i], and a value, W_out[i];
// m_i = act(ln_2(x) · W_in[:, i] + b_in[i]), and the block's MLP writes Σ_i m_i W_out[i] + b_out.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lens/directions.h"
#include "model/activations.h"

namespace lens {

enum class MemoryOrder {
  weight,  // |m_i| · ‖W_out[i]‖: how much it writes (Geva 2022)
  effect,  // what it adds to one token's logit: direct effect only
};

struct MemoriesOptions {
  std::size_t layer = 0;
  std::size_t position = 0;
  Reader reader = Reader::gamma;
  MemoryOrder order = MemoryOrder::weight;
  std::optional<TokenId> token = {};  // of the effect; without one the output's own top token
  std::size_t neurons = 10;           // the best so many
  std::size_t top = 10;               // tokens at each end
};

struct Memory {
  std::size_t neuron;
  float pre;         // before the activation function
  float activation;  // m_i
  float weight;
  // On the token's centred logit in the row after this block: m_i (C W_out[i] ⊙ γ_f) · w̃_t / σ, σ that row's own; as
  // published, m_i W_out[i] · w̃_t. A block's effects, b_out's with them, add up to what its MLP did to that logit.
  float effect;
  TokenEnds says;  // of m_i W_out[i], so swapped where m_i < 0; scaled as the effect is
  // 1 − ‖y − Σ m_j W_out[j]‖² / ‖y‖² over the memories up to this one, y = Σ_i m_i W_out[i] without b_out.
  double explained;
};

struct LayerMemories {
  std::vector<Memory> best;
  TokenId token;        // that of the effects
  float scale;          // σ of the row after the block
  TokenId layer_top;    // the token that y as a whole raises most
  double active_share;  // of memories whose pre-activation is above 0
  double all_effect;    // Σ effect over all memories of the block
};

LayerMemories read_memories(const Model& model, Activations& run, const MemoriesOptions& options);

// The memories of the block whose own most promoted token, of m_i W_out[i], is `token`: where the layer as a whole
// says what none of them says, it composed its answer (Geva 2021, 5.1).
std::vector<std::size_t> memories_that_say(const Model& model, Activations& run, const MemoriesOptions& options,
                                           TokenId token);

// One neuron's part in a text.
struct NeuronRun {
  std::vector<float> pre;         // [position]
  std::vector<float> activation;  // [position]
};
NeuronRun read_neuron(const Model& model, Activations& run, std::size_t layer, std::size_t neuron, std::size_t begin,
                      std::size_t end);

// Where in its value's ranking `tokens` stand, from 1: how often the value says what came next (Geva 2021, 4.2).
std::vector<std::int32_t> value_ranks(const Model& model, std::size_t layer, std::size_t neuron, Reader reader,
                                      std::span<const TokenId> tokens);

// What a neuron reads and writes, no run needed (Dar 2022): `key` are the tokens whose embedding excites it most and
// least through ln_2's γ, `value` those it promotes and suppresses.
struct NeuronWeights {
  TokenEnds key;
  TokenEnds value;
  double key_norm;    // ‖W_in[:, i]‖
  double value_norm;  // ‖W_out[i]‖
  float bias;         // b_in[i]
};
NeuronWeights read_neuron_weights(const Model& model, std::size_t layer, std::size_t neuron, Reader reader,
                                  std::size_t top);

// The neurons of one block, in their order, by what their values do for the token of a token_direction.
struct Promoter {
  std::size_t layer, neuron;
  float logit;  // (C W_out[i] ⊙ γ_f) · w̃_t, or W_out[i] · w̃_t as published
  float norm;   // ‖W_out[i]‖
};
std::vector<Promoter> block_promoters(const Model& model, std::size_t layer, std::span<const float> direction);

}  // namespace lens
