// Unembedding fused with its reductions: a tile of W_U in cache meets all rows, and what is asked of the logits is
// folded while they are there. The logits of all rows are never stored: for GPT-2 small and 64 positions they would be
// 167 MB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/matrix.h"
#include "kernels/matmul.h"
#include "kernels/screen.h"

namespace lens {

struct ScoredToken {
  std::int32_t id;
  float logit;
};

struct RowReading {
  std::vector<ScoredToken> top;  // best first; ties to the lower id
  double log_z = 0;              // ln Σ_v exp(z_v)
  double mean_logit = 0;         // Σ_v z_v / d_vocab
  double entropy = 0;            // −Σ_v p_v ln p_v, nats
};

// How many tokens stand before `id` in `row`: rank = 1 + #{v : z_v > z_id, or z_v = z_id and v < id}. Behind a screen those of
// the top list are exact; the others are counted in the screen's logits, off by about one in a thousand.
struct RankQuery {
  std::size_t row;
  std::int32_t id;
  float logit = 0;        // in: what logit_of(row, id) gives, or products_at, and the offset
  std::int32_t rank = 0;  // out
};

// KL(p ‖ q) = Σ_v p_v ln(p_v / q_v) of the softmaxes of two rows.
struct KlQuery {
  std::size_t p, q;  // rows
  double nats = 0;   // out
};

// Logits of some rows, kept by one call of unembed for the next: [n_tile, n_row, tokens of a tile].
struct KeptLogits {
  std::vector<float> values;
  std::size_t n_row = 0;
};

// Tokens of a row that are scored again behind a screen.
inline constexpr std::size_t kScored = 512;

// rows [n, d_model] as they meet W_U [d_model, d_vocab]; top ≤ d_vocab tokens per row. `offsets`, [n] or none at all:
// what is added to a row's logits, [d_vocab], or null for nothing.
//
// Sums run over fixed tiles of the vocabulary and are merged pairwise in double, so they depend neither on the other
// rows nor on who computes which tile. Inside a tile: float lanes, exponents relative to the tile's maximum.
// Accuracy against float64 on the same logits is a test (1e-6 relative on log_z and entropy).
//
// Behind a screen (of W_U) the top tokens and their logits are the same to the bit. The kScored tokens that stand first
// there are scored again; where its bound leaves open whether another belongs among the top, or its errors are too large,
// the row is read without it. The rest enter the sums as the screen has them, less what rounding adds to a sum of
// exponentials on average. Of GPT-2's vocabulary that leaves log_z within 1e-3 nats, entropy too (1.4e-3 where logits spread
// by 2 to 4 and hundreds of tokens share what is left) and KL within two thousandths of 1 + KL: a test, of rows with
// outliers as GPT-2 has them, and of rows that resemble each other; models/fidelity.py measures it beside float64.
//
// `kept` without rows is filled with those of this call; else its rows, of the same W_U, screen and offsets, come first among
// these, and are hardly multiplied again.
std::vector<RowReading> unembed(MatrixView<const float> rows, const PackedMatrix& W_U, std::size_t top,
                                std::span<RankQuery> ranks, std::span<KlQuery> divergences,
                                std::span<const float* const> offsets = {}, const Screen* screen = nullptr,
                                KeptLogits* kept = nullptr);

// z_id = row · W_U[:, id], the same bits as unembed's own logit before an offset.
float logit_of(std::span<const float> row, const PackedMatrix& W_U, std::int32_t id);

}  // namespace lens
