// How well a model predicts a text.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/json.h"
#include "engine/loaded_model.h"

namespace lens {

struct Score {
  std::size_t n_token = 0;  // tokens predicted
  std::size_t n_byte = 0;   // their bytes
  double nats = 0;          // Σ −ln p over them

  double mean_loss() const;      // nats a token
  double bits_per_byte() const;  // nats / ln 2 / n_byte
};

// Cross-entropy of `text` in windows of the model's context (windows.h). Errors: those of Windows::of; out_of_range (the
// model's numbers overflow).
Result<Score> score_text(const LoadedModel& model, std::string_view text);

// {"v", "tokens", "bytes", "loss", "bits_per_byte", "window", "bos"}
Json score_json(const LoadedModel& model, const Score& score);

}  // namespace lens
