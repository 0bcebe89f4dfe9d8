#include "model/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/message.h"

namespace lens {
namespace {

// Wrappers that training scripts leave in front of GPT-2's own names.
std::string_view without_prefix(std::string_view name) {
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view prefix : {"_orig_mod.", "module.", "model.", "transformer."})
      if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
        found = true;
      }
  }
  return name;
}

// Tensors that are not weights of the language model: causal masks stored as buffers (".attn.bias" is one,
// ".attn.c_attn.bias" is not), and heads for other tasks.
bool is_passed_over(std::string_view name) {
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") || name.starts_with("score.") ||
         name.starts_with("multiple_choice_head.");
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const Config& config, const TensorPlaces& tensors, std::string_view file) {
  Checkpoint checkpoint(config, file);
  for (const auto& [name, tensor] : tensors) {
    const auto bare = without_prefix(name);
    if (is_passed_over(bare)) continue;
    const auto [first, is_new] = checkpoint.tensors_.emplace(bare, Found{name, tensor});
    if (!is_new)  // with and without a prefix
      return Error{"tensor_duplicate", checkpoint.in_file(first->second.name) + " stands there as " + in_quotes(name) +
                                           " too; only one of them can be meant."};
  }
  const auto find = [&](std::string_view name) -> const Found* {
    const auto it = checkpoint.tensors_.find(name);
    return it == checkpoint.tensors_.end() ? nullptr : &it->second;
  };

  Config& c = checkpoint.config_;
  const Found* wte = find("wte.weight");
  if (!wte) return checkpoint.missing("wte.weight");
  const auto& shape = wte->tensor.shape;
  if (shape.size() != 2 || shape[0] == 0 || shape[1] != c.d_model)
    return checkpoint.wrong_shape(*wte, "[d_vocab, " + std::to_string(c.d_model) + "]");
  c.d_vocab = shape[0];  // a resized vocabulary shows in the weights first
  c.tied_head = c.tied_head && !find("lm_head.weight");
  // Conv1D or Linear, read off c_attn, the only projection whose shape always tells (c_proj is square).
  const Found* c_attn = find("h.0.attn.c_attn.weight");
  checkpoint.is_linear_ = c_attn && c_attn->tensor.shape == std::vector{3 * c.d_model, c.d_model};

  Weights room;
  for (WeightSlot& slot : weight_table(c, room)) checkpoint.expected_.push_back(std::move(slot.name));
  std::ranges::sort(checkpoint.expected_);
  return checkpoint;
}

Result<StoredWeight> Checkpoint::find(const WeightSlot& slot) const {
  const auto it = tensors_.find(slot.name);
  if (it == tensors_.end()) return missing(slot.name);
  const Found& found = it->second;
  const bool transposed = slot.layout == Layout::projection && is_linear_;
  std::vector<std::size_t> expected = slot.shape;
  if (transposed) std::swap(expected[0], expected[1]);
  if (found.tensor.shape != expected) return wrong_shape(found, shape_text(expected));
  if (!is_readable_float(found.tensor.dtype))
    return Error{"tensor_dtype", in_file(found.name) + " is " + std::string(name_of(found.tensor.dtype)) +
                                     "; weights should be F32, F16, BF16 or Q8_0."};
  const bool by_output = transposed || slot.layout == Layout::embedding;
  // Blocks run along the inputs, as they do in memory, only where the file's rows are our columns.
  if (found.tensor.dtype == DType::Q8_0 && slot.layout == Layout::projection && !by_output)
    return Error{"tensor_shape", in_file(found.name) + " is Q8_0 in Conv1D orientation; GGUF stores it transposed."};
  return StoredWeight{found.name, &found.tensor, by_output};
}

Status Checkpoint::read(const StoredWeight& weight, std::span<const std::byte> bytes, std::size_t offset,
                        std::span<float> out) const {
  read_floats({weight.tensor->dtype, {out.size()}, bytes}, 0, out);
  const auto bad = std::ranges::find_if(out, [](float value) { return !std::isfinite(value); });
  if (bad == out.end()) return ok();
  return not_finite(weight, *bad, offset + static_cast<std::size_t>(bad - out.begin()));
}

Result<Q8Block> Checkpoint::read_q8(const StoredWeight& weight, const std::byte* at, std::size_t index) const {
  const Q8Block block = read_q8_block(at);
  if (!std::isfinite(block.scale)) return not_finite(weight, block.scale, index * kQ8Values);
  return block;
}

Status Checkpoint::check_all_expected() const {
  for (const auto& [name, found] : tensors_)
    if (!is_expected(name))
      return Error{"tensor_unknown", in_file(found.name) +
                                         " is not a weight of GPT-2's architecture with these "
                                         "hyper-parameters; is config.json this checkpoint's own?"};
  return ok();
}

std::string Checkpoint::in_file(std::string_view tensor) const { return file_ + ": tensor " + in_quotes(tensor); }

bool Checkpoint::is_expected(std::string_view bare) const { return std::ranges::binary_search(expected_, bare); }

Error Checkpoint::missing(std::string_view name) const {
  std::string message = in_file(name) + " is missing.";
  const auto family = [](std::string_view tensor) { return tensor.substr(0, tensor.find('.')); };
  const auto unexpected = std::ranges::find_if(
      tensors_, [&](const auto& other) { return !is_expected(other.first) && family(other.first) == family(name); });
  if (tensors_.empty())
    message += " The file holds no tensor of a GPT-2.";
  else if (unexpected != tensors_.end())
    message += " The file has a " + in_quotes(unexpected->second.name) + " instead; was it renamed?";
  return {"tensor_missing", message};
}

Error Checkpoint::wrong_shape(const Found& found, const std::string& expected) const {
  return {"tensor_shape", in_file(found.name) + " should have shape " + expected + ", but has " +
                              shape_text(found.tensor.shape) + "; do config.json and the weights belong together?"};
}

Error Checkpoint::not_finite(const StoredWeight& weight, float value, std::size_t at) const {
  return {"tensor_value", in_file(weight.name) + " holds " + (std::isnan(value) ? "NaN" : "infinity") + " at value " +
                              std::to_string(at) + "; the file is damaged, or the training diverged."};
}

}  // namespace lens
