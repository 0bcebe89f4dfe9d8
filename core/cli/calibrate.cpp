#include "cli/calibrate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/json.h"
#include "cli/windows.h"
#include "formats/tensors.h"
#include "lens/mean_readings.h"
#include "model/forward.h"

namespace lens {
namespace {

std::vector<std::byte> file_of(const LoadedModel& loaded, const Matrix& log_mean, std::size_t n_position) {
  const Config& config = loaded.model.config();
  const std::size_t n_value = log_mean.n_row() * log_mean.n_col(), n_byte = n_value * 2;
  char smoothing[32];
  std::snprintf(smoothing, sizeof smoothing, "%g", MeanProbabilities::kSmoothing);
  std::string header = print_json(
      {{"__metadata__",
        {{"lens_type", "calibrated_lens"},
         {"base_model_fingerprint", loaded.model.fingerprint()},
         {"d_model", std::to_string(config.d_model)},
         {"num_hidden_layers", std::to_string(config.n_layer)},
         {"positions", std::to_string(n_position)},
         {"smoothing", smoothing}}},
       {"mean_log_prob",
        {{"dtype", "F16"}, {"shape", {log_mean.n_row(), log_mean.n_col()}}, {"data_offsets", {0, n_byte}}}}});
  header.append((8 - header.size() % 8) % 8, ' ');
  const std::uint64_t n_header = header.size();
  std::vector<std::byte> file(sizeof n_header + header.size() + n_byte);
  std::memcpy(file.data(), &n_header, sizeof n_header);
  std::memcpy(file.data() + sizeof n_header, header.data(), header.size());
  write_floats(DType::F16, {log_mean.view().data, n_value}, std::span(file).last(n_byte));
  return file;
}

}  // namespace

Result<Calibration> calibrate(const LoadedModel& loaded, std::string_view text) {
  const auto windows = Windows::of(loaded, text);
  if (!windows) return windows.error();
  MeanProbabilities sums(loaded.model);
  windows->for_each([&](std::span<const TokenId> inputs, std::span<const TokenId>) {
    Activations run(loaded.model.config());
    run.append(inputs);
    forward(loaded.model, 0, run);
    sums.add(run, 1);
  });
  if (sums.n_position() == 0) return Error{"text_short", "The text has no token to predict; give it more words."};
  const MeanReadings means = sums.means();
  const auto& log_mean = means.log_mean();
  if (!std::ranges::all_of(std::span(log_mean.view().data, log_mean.n_row() * log_mean.n_col()),
                           [](float x) { return std::isfinite(x); }))
    return Error{"out_of_range", loaded.ref + " gives numbers too large for float32 on this text."};
  return Calibration{file_of(loaded, log_mean, sums.n_position()), sums.n_position()};
}

}  // namespace lens
