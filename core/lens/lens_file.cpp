#include "lens/lens_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "base/message.h"

namespace lens {
namespace {

enum class Part { weight, bias, jacobian, mean_log_prob, of_the_model };

struct Place {
  std::size_t block = 0;
  Part part = Part::of_the_model;
};

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.size() > 4) return std::nullopt;
  return number;
}

// What a tensor's name says; nullopt where no lens has such a tensor.
std::optional<Place> place_of(std::string_view name) {
  if (name == "mean_log_prob") return Place{0, Part::mean_log_prob};
  if (name.starts_with("layer_norm.") || name.starts_with("unembedding.")) return Place{};
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  std::string_view owner = name.substr(0, dot);
  const std::string_view kind = name.substr(dot + 1);
  std::optional<std::size_t> block;
  if (owner == "input_adapter" || owner == "input_probe") {
    block = 0;
  } else {
    std::size_t first = 0;
    for (const std::string_view old : {"layer_adapters.", "layer_probes."})
      if (owner.starts_with(old)) owner.remove_prefix(old.size()), first = 1;
    block = number_in(owner);
    if (block) *block += first;
  }
  if (!block) return std::nullopt;
  if (kind == "weight") return Place{*block, Part::weight};
  if (kind == "bias") return Place{*block, Part::bias};
  if (kind == "jacobian") return Place{*block, Part::jacobian};
  return std::nullopt;
}

class TensorReader {
 public:
  TensorReader(const Config& config, std::string_view file)
      : d_model_(config.d_model), n_layer_(config.n_layer), d_vocab_(config.d_vocab), file_(file) {}

  Status take(const std::string& name, const TensorView& tensor) {
    const auto place = place_of(name);
    const std::string where = file_ + ": tensor " + in_quotes(name);
    if (!place)
      return Error{"lens_format", where +
                                      " is not a lens'; those are called 0.weight and 0.bias, or 0.jacobian, and so "
                                      "on for every block, or mean_log_prob."};
    if (place->part == Part::of_the_model) return ok();
    const auto shape = place->part == Part::mean_log_prob
                           ? std::vector{n_layer_ + 1, d_vocab_}
                           : std::vector<std::size_t>(place->part == Part::bias ? 1 : 2, d_model_);
    if (tensor.shape != shape)
      return Error{"lens_model", where + " is " + shape_text(tensor.shape) + ", for this model it would be " +
                                     shape_text(shape) +
                                     ": the lens was fitted for another model; take the one that "
                                     "was made for this."};
    if (place->block >= n_layer_)
      return Error{"lens_model", where + " is for block " + std::to_string(place->block) + ", but the model has " +
                                     std::to_string(n_layer_) +
                                     " blocks: the lens was fitted for another model; take "
                                     "the one that was made for this."};
    if (!is_readable_float(tensor.dtype))
      return Error{"lens_format",
                   where + " is " + std::string(name_of(tensor.dtype)) + "; save the lens in F32, F16 or BF16."};
    if (place->part == Part::mean_log_prob) {
      means_ = &tensor;
      return ok();
    }
    if (!found_.try_emplace({place->block, place->part == Part::bias}, place->part, &tensor).second)
      return Error{"lens_format", where + " is there twice, under two names; a file holds one lens."};
    return ok();
  }

  Result<Lens> lens() const {
    Lens lens;
    if (means_) {
      if (!found_.empty())
        return Error{"lens_format", file_ + ": it holds both translators and mean_log_prob; a file holds one lens."};
      auto means = mean_readings();
      if (!means) return means.error();
      lens.means = *std::move(means);
      return lens;
    }
    for (std::size_t block = 0; block < n_layer_; ++block) {
      const auto matrix = found_.find({block, false}), bias = found_.find({block, true});
      if (matrix == found_.end())
        return Error{"lens_model", file_ + ": no tensor " + in_quotes(std::to_string(block) + ".weight") +
                                       ": a lens for this model has one for each of its " + std::to_string(n_layer_) +
                                       " blocks; this one was fitted for another model or is not complete."};
      Translator translator{PackedMatrix(d_model_, d_model_), {}};
      const auto [part, tensor] = matrix->second;
      if (auto status = fill(block, *tensor, part == Part::jacobian, translator.W); !status) return status.error();
      if (bias != found_.end()) {
        translator.b.resize(d_model_);
        read_floats(*bias->second.second, 0, translator.b);
        if (!std::ranges::all_of(translator.b, [](float x) { return std::isfinite(x); })) return not_finite(block);
      }
      lens.translators.push_back(std::move(translator));
    }
    return lens;
  }

 private:
  // `rows` is [out, in]; W stands as row · W wants it.
  Status fill(std::size_t block, const TensorView& rows, bool without_identity, PackedMatrix& W) const {
    std::vector<float> row(d_model_);
    for (std::size_t out = 0; out < d_model_; ++out) {
      read_floats(rows, out * d_model_, row);
      if (without_identity) row[out] -= 1;
      if (!std::ranges::all_of(row, [](float x) { return std::isfinite(x); })) return not_finite(block);
      W.set_column(out, row);
    }
    return ok();
  }

  // Rounded to F16 as logarithms, the p̄ of a row add up to 1 within a hundredth.
  Result<MeanReadings> mean_readings() const {
    Matrix log_mean(n_layer_ + 1, d_vocab_);
    for (std::size_t r = 0; r < log_mean.n_row(); ++r) {
      const auto row = log_mean.row(r);
      read_floats(*means_, r * d_vocab_, row);
      double sum = 0;
      for (const float value : row) sum += std::exp(static_cast<double>(value));
      if (!(std::abs(sum - 1) <= 0.01) || !std::ranges::all_of(row, [](float x) { return std::isfinite(x); }))
        return Error{"lens_format", file_ + ": row " + std::to_string(r) +
                                        " of mean_log_prob are not the logarithms of probabilities that add up to 1; "
                                        "make the file again."};
    }
    return MeanReadings(std::move(log_mean));
  }

  Error not_finite(std::size_t block) const {
    return {"lens_format", file_ + ": the translator of block " + std::to_string(block) +
                               " holds a value that is not a finite number; fit the lens again."};
  }

  std::size_t d_model_, n_layer_, d_vocab_;
  std::string file_;
  const TensorView* means_ = nullptr;
  std::map<std::pair<std::size_t, bool>, std::pair<Part, const TensorView*>>
      found_;  // by block and whether it is a bias
};

}  // namespace

Result<Lens> lens_of(const NamedTensors& tensors, const Config& config, std::string_view file) {
  TensorReader reader(config, file);
  for (const auto& [name, tensor] : tensors)
    if (auto status = reader.take(name, tensor); !status) return status.error();
  return reader.lens();
}

}  // namespace lens
