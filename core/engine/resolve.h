// The experiment's words as a model's numbers: prompts and texts become ids, or an error that says why not.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/experiment.h"
#include "engine/loaded_lens.h"
#include "engine/loaded_model.h"

namespace lens {

// How messages name a model.
std::string title(const LoadedModel& model);

// The lens that a read names. Error: lens_missing, which says what there is.
Result<std::shared_ptr<const LoadedLens>> resolve_lens(const Lenses& lenses, const std::string& name,
                                                       const LoadedModel& model);

// Error: lens_norm, for a calibrated lens and any norm but the recomputed one.
Status check_norm(const LoadedLens& lens, Norm norm);

// What a run reads, BOS included. Errors: no_tokenizer, token_id, prompt_empty, prompt_length.
Result<std::vector<TokenId>> resolve_input(const LoadedModel& model, const RunSpec& spec);

// Each token once. Errors: no_tokenizer, token_id, token_text (not exactly one token).
Result<std::vector<TokenId>> resolve_tokens(const LoadedModel& model, std::span<const TokenRef> refs);

// Errors: layer, neuron, head (beyond what the model has).
Status check_layer(const LoadedModel& model, std::size_t layer);
Status check_neuron(const LoadedModel& model, std::size_t layer, std::size_t neuron);
Status check_head(const LoadedModel& model, std::size_t layer, std::size_t head);

// The positions that a read of a run names, each once: −1 is the last of the run's n, none named means all of them.
// Error: position.
Result<std::vector<std::size_t>> resolve_positions(std::span<const int> named, std::size_t n, const std::string& run);

}  // namespace lens
