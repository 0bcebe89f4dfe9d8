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
#include "model/forward.h"
#include "model/model.h"

namespace lens {

// Read in steps: its block is computed again some positions at a time, then come the tokens, some at a time. What is said
// of all of them holds once no step is left.
class HeadWrites {
 public:
  // The first n positions of a finished run; mean_W_U [d_model]. Neither model nor mean_W_U goes before this does.
  HeadWrites(const Model& model, const Activations& run, std::size_t layer, std::size_t head, std::size_t n,
             std::span<const double> mean_W_U);

  static std::size_t steps(std::size_t n) { return forward_chunks(n) + token_steps(n); }
  std::size_t steps_left() const { return forward_chunks(n_ - n_met_) + token_steps(n_ - n_read_); }
  void step(Activations& run);  // the same run, each time

  const std::vector<float>& pattern() const { return pattern_; }  // [n, n], 0 where j > i
  const std::vector<float>& written() const { return written_; }  // [n, n], NaN where j > i
  // All i ≥ j ≥ 1: the first position, where heads rest, is left out.
  std::size_t n_pair() const { return n_ * (n_ - 1) / 2; }
  // Pearson's over these pairs; NaN for fewer than 20, or where one side does not vary.
  double r() const;

 private:
  static constexpr std::size_t kTokens = 16;
  static std::size_t token_steps(std::size_t n) { return (n + kTokens - 1) / kTokens; }
  void meet_positions(Activations& run);
  void read_tokens(const Activations& run);

  const Model& model_;
  const std::size_t layer_, head_, n_;
  const std::span<const double> mean_W_U_;
  std::size_t n_met_ = 0;   // positions
  std::size_t n_read_ = 0;  // tokens
  std::vector<float> pattern_, written_;
  std::vector<float> scale_;  // [n] σ of the output rows
  std::vector<double> z_;     // [n, d_head], without the value bias
};

}  // namespace lens
