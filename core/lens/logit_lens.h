// The logit lens (nostalgebraist 2020): every row of the residual stream read as if it were the last.
//
//   residual row -> (affine translator of that row) -> final norm (recomputed, frozen, none) -> unembed (+ offset)
//
// This is the one interface of all lenses. The raw lens has neither translators nor offsets; tuned, Jacobian and
// calibrated lenses are data for it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/unembed.h"
#include "lens/mean_readings.h"
#include "model/activations.h"
#include "model/hook_point.h"
#include "model/model.h"

namespace lens {

// h -> h + h W + b: a tuned lens' own form (Belrose 2023); a Jacobian lens' J h is W = (J − 1)ᵀ, b = 0.
struct Translator {
  PackedMatrix W;        // [d_model, d_model]
  std::vector<float> b;  // [d_model], or empty for none
};

// h -> h + h W + b in place, of every row.
void translate(const Translator& translator, MatrixView<float> rows);

// A translator for the stream that enters each block, [n_layer], or none at all: the raw lens.
struct Lens {
  std::vector<Translator> translators;
  // The calibrated lens: softmax_t(ln p_l(t|x) + ln p̄_out(t) − ln p̄_l(t)), so that a token is not favoured in a row
  // because that row favours it everywhere (after Zhao 2021, contextual calibration). Of norm `recomputed` only.
  std::optional<MeanReadings> means = {};

  // The translator of a row, by the next block that reads it: block l's for blocks.l.hook_resid_pre, which is
  // blocks.(l−1).hook_resid_post, and none for the output. blocks.l.hook_resid_mid has block l's too: no lens is fitted
  // inside a block, and of its two ends the lower one's translator also stands for the MLP that is still to come.
  const Translator* at(HookPoint row) const;
  // What is added to its logits, [d_vocab], by the same rule; null for nothing.
  const float* offset_at(HookPoint row) const;
};

enum class Norm {
  recomputed,  // ln_f with the row's own mean and σ
  frozen,      // (x − mean(x)) / σ_out · γ + β: the row's own mean, the final row's σ at the same position
  none,        // x itself
};

struct TokenSet {
  std::string name;
  std::vector<TokenId> ids;
};

// What is asked of every cell.
struct LensOptions {
  Norm norm = Norm::recomputed;
  bool mid = false;     // also the rows between attention and MLP
  bool change = false;  // also how much each row differs from the one below
  std::size_t top = 10;
  std::vector<TokenId> track = {};
  std::vector<TokenSet> sets = {};
  std::vector<HookPoint> rows = {};  // only these of the grid's; none means all
  const Lens* beside = nullptr;      // also how far another lens' reading is from this one's
};

// The rows of the grid, bottom first: blocks.0.hook_resid_pre, then each block's (resid_mid and) resid_post.
std::vector<HookPoint> lens_rows(const Config& config, bool mid);
// Those that are read, in the same order. The row below another is then the one that is read below it.
std::vector<HookPoint> lens_rows(const Config& config, const LensOptions& options);

// One token's part in a cell.
struct TokenReading {
  TokenId id;
  float logit;
  std::int32_t rank;  // from 1; ties to the lower id
};

struct LensCell {
  RowReading reading;
  double kl;            // KL(output ‖ row), nats, from the model's true output at this position
  double change;        // KL(row ‖ row below), nats; NaN in the bottom row and where it was not asked for
  double beside_kl;     // KL(LensOptions::beside ‖ lens) of this row, nats; NaN where it was not asked for
  TokenReading answer;  // of the output's own top token
  TokenReading input;   // of the position's own token
  std::vector<TokenReading> track;  // in the order of LensOptions::track
  std::vector<double> set_prob;     // Σ p over each set, in the order of LensOptions::sets
};

// One position: a cell for each row that is read.
using LensColumn = std::vector<LensCell>;

// Reads some positions of a finished run. A column's numbers depend neither on which other columns are read with it
// nor on what comes after it.
std::vector<LensColumn> read_lens(const Model& model, const Lens& lens, const LensOptions& options,
                                  const Activations& run, std::span<const std::size_t> positions);

// The logit of one token in each row that is read at one position: what surprisal needs, without a pass over the
// vocabulary.
std::vector<float> read_token(const Model& model, const Lens& lens, const LensOptions& options, const Activations& run,
                              std::size_t position, TokenId token);

}  // namespace lens
