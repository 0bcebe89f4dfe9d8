// Attention heads read from their weights alone (Elhage 2021, "A Mathematical Framework for Transformer Circuits"; Dar
// 2022): what a head writes when it attends to a token (OV), and what it attends to (QK). In rows, as the code has
// them:
//
//   W_OV = W_V W_O      W_QK = W_Q W_Kᵀ      both [d_model, d_model], of rank d_head, and never formed
//
// Read through the norms (Reader::gamma), what reads the stream is C diag(γ) W, with γ of the norm in front and C
// taking the mean off, and what W_O writes meets C diag(γ_f) W̃_U; σ is left out. As published, weights are taken as
// they are. Biases are left out in both.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "lens/directions.h"
#include "model/activations.h"

namespace lens {

struct Head {
  std::size_t layer, head;
};

enum class Circuit {
  OV,  // from a token that is attended to, to a token whose logit rises: e_from W_OV w̃_to
  QK,  // from a token that asks, to a token that is attended to: e_from W_QK e_toᵀ · the model's score scale
};

struct TokenPair {
  TokenId from, to;
  float score;
};

// The pairs of tokens with the highest and the lowest scores in a circuit, searched by blocks: both sides are factors
// of d_head numbers a token, sorted by length, and |a · b| ≤ ‖a‖ ‖b‖ says when no pair further on can be better. Ties
// to the lower ids.
class PairSearch {
 public:
  PairSearch(const Model& model, Head head, Circuit circuit, Reader reader, std::size_t top);

  std::size_t steps_left() const;
  void step();  // one block of tokens against as many as needed

  std::span<const TokenPair> best() const { return best_; }    // highest first
  std::span<const TokenPair> worst() const { return worst_; }  // lowest first

 private:
  void offer(std::vector<TokenPair>& list, TokenPair pair, float sign);
  float least_kept() const;

  std::size_t top_;
  std::vector<TokenId> from_ids_, to_ids_;  // longest factor first
  std::vector<float> from_norms_, to_norms_;
  Matrix from_;                   // [d_vocab, d_head]
  std::vector<PackedMatrix> to_;  // tiles of [d_head, d_vocab]
  std::size_t done_ = 0;
  std::vector<TokenPair> best_, worst_;
};

// One token's row or column of both circuits.
struct HeadOfToken {
  TokenEnds writes;      // attending to it raises and lowers these tokens
  TokenEnds attends_to;  // asking, it attends most and least to these
  TokenEnds attended_by;
};
HeadOfToken read_head(const Model& model, Head head, TokenId token, Reader reader, std::size_t top);

// Scores of all heads, computed step by step.
class CircuitScores {
 public:
  CircuitScores(const Model& model, Reader reader);

  std::size_t steps_left() const;
  void step();

  // Σ Re λ / Σ |λ| over the eigenvalues of W_E W_OV W_U, which are those of the d_head × d_head matrix W_O (W̃_U W_E)
  // W_V: 1 where the head raises what it attends to, −1 where it lowers it (Elhage 2021). Where embedding and
  // unembedding are tied, as in GPT-2, a head that does nothing in particular scores above 0 too. [n_layer · n_head]
  std::span<const double> copying() const { return copying_; }

  // How much of what the first head writes the second one reads, the first one's layer being lower: ‖OV₁ QK₂‖ / (‖OV₁‖
  // ‖QK₂‖) for its queries, QK₂ᵀ for its keys, OV₂ for its values (Frobenius), less the same of random factors.
  // [second · n + first], n = n_layer · n_head; NaN elsewhere.
  std::span<const double> q_composition() const { return composition_[0]; }
  std::span<const double> k_composition() const { return composition_[1]; }
  std::span<const double> v_composition() const { return composition_[2]; }
  double baseline() const { return baseline_; }

 private:
  void add_vocabulary_tile();
  void read_head_weights(std::size_t head);
  void compose(std::size_t second);

  const Model& model_;
  const Reader reader_;
  std::size_t done_ = 0;
  std::vector<double> mean_W_U_;
  std::vector<double> through_;  // W̃_U W_Eᵀ summed over tiles of the vocabulary, [d_model, d_model]
  Matrix O_;                     // C of every head's W_O, [n_layer · d_model, d_model]
  std::vector<double> V_gram_;   // W_Vᵀ W_V of every head, [n, d_head, d_head]
  std::vector<double> O_gram_;   // W_O W_Oᵀ
  std::vector<double> copying_;
  std::vector<double> composition_[3];
  double baseline_ = 0;
};

// ‖OV₁ QK₂‖ / (‖OV₁‖ ‖QK₂‖) of factors drawn uniformly from −1 to 1 (mt19937, seed 1): the mean of 8.
double random_composition(std::size_t d_model, std::size_t d_head);

// Wang 2022: of the tokens at some positions of a run, the share that is among the 5 that a head says when it attends
// to them with all its weight: unembed(ln_f(ln_1(blocks.0.hook_resid_post) W_V W_O)), and the same with what the head
// writes turned round, for heads that lower what they attend to. Both [n_head] of one layer.
struct NameCopying {
  std::vector<double> copied, turned;
};
NameCopying name_copying(const Model& model, const Activations& run, std::size_t layer,
                         std::span<const std::size_t> positions);

}  // namespace lens
