// The lens on what attention alone, or the MLP alone, wrote: the tokens that this one addition to the stream promotes
// and suppresses, u -> ((u − mean(u)) ⊙ γ / σ)·w̃_t over all tokens t, in centred logits. σ is that of the row it was
// added into (the mid-block row for attn_out, resid_post for mlp_out), or the final row's, or neither γ nor σ (Norm);
// β belongs to no part. A direct effect only. Elhage 2021; Geva 2022 (promoted and suppressed tokens of an MLP's
// update).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lens/logit_lens.h"

namespace lens {

struct Write {
  std::vector<ScoredToken> promoted;    // highest first; ties to the lower id
  std::vector<ScoredToken> suppressed;  // lowest first
};

struct BlockWrites {
  Write attn_out, mlp_out;
};

// Block `layer` at each of `positions`, which `run` has finished; top ≤ d_vocab.
std::vector<BlockWrites> read_writes(const Model& model, Activations& run, std::size_t layer,
                                     std::span<const std::size_t> positions, Norm norm, std::size_t top);

}  // namespace lens
