#include "cli/score.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "cli/windows.h"
#include "kernels/unembed.h"
#include "model/forward.h"

namespace lens {
namespace {

// Σ −ln p(targets[i] | inputs[0..i]).
double window_nats(const Model& model, std::span<const TokenId> inputs, std::span<const TokenId> targets) {
  const Config& config = model.config();
  Activations run(config);
  run.append(inputs);
  forward(model, 0, run);
  Matrix rows(inputs.size(), config.d_model);
  std::vector<float> scale(inputs.size());
  const Matrix& resid = run.resid(config.n_layer);
  model.final_scale(resid, scale);
  model.final_norm(resid, scale, rows);
  const auto outputs = unembed(rows, model.W_U(), 1, {}, {});
  double nats = 0;
  for (std::size_t i = 0; i < targets.size(); ++i)
    nats += outputs[i].log_z - static_cast<double>(logit_of(rows.row(i), model.W_U(), targets[i]));
  return nats;
}

}  // namespace

double Score::mean_loss() const { return nats / static_cast<double>(n_token); }

double Score::bits_per_byte() const { return nats / std::numbers::ln2 / static_cast<double>(n_byte); }

Result<Score> score_text(const LoadedModel& loaded, std::string_view text) {
  const auto windows = Windows::of(loaded, text);
  if (!windows) return windows.error();
  Score score{.n_token = windows->n_predicted(), .n_byte = text.size()};
  if (!loaded.model.config().bos) score.n_byte -= loaded.token_bytes(windows->first()).size();
  windows->for_each([&](std::span<const TokenId> inputs, std::span<const TokenId> targets) {
    score.nats += window_nats(loaded.model, inputs, targets);
  });
  if (!std::isfinite(score.nats))
    return Error{"out_of_range",
                 loaded.ref + " gives numbers too large for float32 on this text; no score can be had."};
  return score;
}

Json score_json(const LoadedModel& model, const Score& score) {
  return {{"v", 1},
          {"tokens", score.n_token},
          {"bytes", score.n_byte},
          {"loss", score.mean_loss()},
          {"bits_per_byte", score.bits_per_byte()},
          {"window", model.model.config().n_ctx},
          {"bos", model.model.config().bos.has_value()}};
}

}  // namespace lens
