// Who wrote a cell: the exact parts of one centred logit, or of a difference of two, in a row of the residual stream.
//
// The row is a sum of what the embeddings, the heads, the MLPs and their biases wrote, and the final norm is linear
// once its σ is fixed. So with w̃_t = W_U[:, t] − mean_v W_U[:, v] (or the difference of two columns), γ and β of ln_f:
//
//   z_t − mean(z) = Σ_c ((u_c − mean(u_c)) ⊙ γ)·w̃_t / σ + β·w̃_t = Σ_c u_c·g + β·w̃_t
//
// g [d_model] is the same for every part (Model::norm_direction), so each costs one dot product. A head's part is taken
// without its value bias, Σ_j A_ij (n_j W_V) W_O with n = ln_1 of the stream; since Σ_j A_ij = 1, the biases of all
// heads stand together as b_O + Σ_h b_V W_O. Elhage 2021 (the residual stream as a sum of paths, heads as independent
// and additive), nostalgebraist 2020 (the row read early). These are direct effects only: what a part does by way of
// later blocks is in those blocks' parts.
//
// Norm `recomputed` takes σ of the row itself, `frozen` that of the final row, `none` has neither σ, γ nor β. A lens with
// a translator, u -> u (I + W_l) + b_l, turns g into g + W_l g, adds the part b_l·g, and takes σ of the translated row; a
// calibrated lens adds what it adds to the logit.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "lens/logit_lens.h"
#include "model/activations.h"
#include "model/hook_point.h"
#include "model/model.h"

namespace lens {

// What block `layer` wrote, in logits. Sums are float64.
struct BlockParts {
  std::vector<double> head;       // [n_head]
  std::vector<double> source;     // [n_head, position + 1] A_ij (n_j W_V) W_O, over j: these add up to the head
  std::vector<float> pattern;     // [n_head, position + 1] A_ij
  double attn_bias = 0;           // b_O + Σ_h b_V W_O
  std::vector<double> neuron;     // [d_mlp] m_i W_out[i]; empty where the row stands before the block's MLP
  std::vector<float> activation;  // [d_mlp] m_i
  double mlp = 0;                 // Σ neuron
  double mlp_bias = 0;            // b_out
};

struct CellQuestion {
  HookPoint row;  // blocks.0.hook_resid_pre, a resid_mid or a resid_post
  std::size_t position;
  TokenId token;
  std::optional<TokenId> against;  // then z_token − z_against
  Norm norm = Norm::recomputed;
};

class Components {
 public:
  // `run` has finished `asked.position`; mean_W_U [d_model] is mean_v W_U[:, v], needed for one token alone.
  Components(const Model& model, const Lens& lens, const Activations& run, const CellQuestion& asked,
             std::span<const double> mean_W_U);

  // Blocks that wrote to the row, the last of them perhaps by its attention alone.
  std::size_t n_block() const { return n_block_; }
  // The next one: computed again at this position, with the run's own K and V.
  void read_block(Activations& run);

  std::span<const BlockParts> blocks() const { return blocks_; }
  double shown() const { return shown_; }  // as the lens has it
  double embed() const { return embed_; }  // W_E[token at the position]
  double pos_embed() const { return pos_embed_; }
  double norm_bias() const { return norm_bias_; }  // β·w̃
  double lens_bias() const { return lens_bias_; }  // b_l·g and what is added to the logit; 0 of the raw lens

  double sum() const;   // of all parts; shown − sum is what rounding left over
  double size() const;  // Σ |part|, an MLP counting as one

 private:
  template <class F>
  void for_each_part(F f) const;

  const Model& model_;
  const CellQuestion asked_;
  std::size_t n_block_;
  std::vector<double> g_;  // [d_model]
  double shown_ = 0, embed_ = 0, pos_embed_ = 0, norm_bias_ = 0, lens_bias_ = 0;
  std::vector<BlockParts> blocks_;
};

}  // namespace lens
