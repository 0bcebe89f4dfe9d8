#include "lens/translators.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "base/message.h"

namespace lens {
namespace {

enum class Part { weight, bias, jacobian, of_the_model };

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

class Reader {
 public:
  Reader(const Config& config, std::string_view file)
      : d_model_(config.d_model), n_layer_(config.n_layer), file_(file) {}

  Status take(const std::string& name, const TensorView& tensor) {
    const auto place = place_of(name);
    const std::string where = file_ + ": tensor " + in_quotes(name);
    if (!place)
      return Error{"lens_format", where +
                                      " is not a lens'; those are called 0.weight and 0.bias, or 0.jacobian, and so "
                                      "on for every block."};
    if (place->part == Part::of_the_model) return ok();
    const std::vector<std::size_t> shape(place->part == Part::bias ? 1 : 2, d_model_);
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
    if (!found_.try_emplace({place->block, place->part == Part::bias}, place->part, &tensor).second)
      return Error{"lens_format", where + " is there twice, under two names; a file holds one lens."};
    return ok();
  }

  Result<Lens> lens() const {
    Lens lens;
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

  Error not_finite(std::size_t block) const {
    return {"lens_format", file_ + ": the translator of block " + std::to_string(block) +
                               " holds a value that is not a finite number; fit the lens again."};
  }

  std::size_t d_model_, n_layer_;
  std::string file_;
  std::map<std::pair<std::size_t, bool>, std::pair<Part, const TensorView*>>
      found_;  // by block and whether it is a bias
};

}  // namespace

Result<Lens> lens_of(const NamedTensors& tensors, const Config& config, std::string_view file) {
  Reader reader(config, file);
  for (const auto& [name, tensor] : tensors)
    if (auto status = reader.take(name, tensor); !status) return status.error();
  return reader.lens();
}

}  // namespace lens
