#include "model/model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <variant>

#include "base/message.h"

namespace lens {
namespace {

static_assert(kQ8Values == kQ8Block, "blocks are packed as they come");

// Where a tensor of the checkpoint goes. The four projections of a block are stored [in, out] by Hugging Face's
// Conv1D and [out, in] by nn.Linear; the table gives the Conv1D shape.
enum class Layout { vector, projection, embedding };

struct Slot {
  std::string name;
  std::vector<std::size_t> shape;
  Layout layout;
  std::variant<std::vector<float>*, PackedMatrix*> field;
};

// The one table: checkpoint name > shape > field (names as in Hugging Face's GPT2Model, without prefix).
std::vector<Slot> slots(const Config& c, Weights& w) {
  std::vector<Slot> table;
  const auto vector = [&](std::string name, std::vector<std::size_t> shape, std::vector<float>& field) {
    table.push_back({std::move(name), std::move(shape), Layout::vector, &field});
  };
  const auto projection = [&](std::string name, std::size_t in, std::size_t out, PackedMatrix& field) {
    table.push_back({std::move(name), {in, out}, Layout::projection, &field});
  };
  const auto layer_norm = [&](const std::string& name, LayerNormWeights& field) {
    vector(name + ".weight", {c.d_model}, field.gamma);
    vector(name + ".bias", {c.d_model}, field.beta);
  };

  if (w.W_E) table.push_back({"lm_head.weight", {c.d_vocab, c.d_model}, Layout::embedding, &w.W_U});
  table.push_back({"wte.weight", {c.d_vocab, c.d_model}, Layout::embedding, w.W_E ? &*w.W_E : &w.W_U});
  vector("wpe.weight", {c.n_ctx, c.d_model}, w.W_pos);
  w.blocks.resize(c.n_layer);
  for (std::size_t l = 0; l < c.n_layer; ++l) {
    const std::string h = "h." + std::to_string(l);
    BlockWeights& b = w.blocks[l];
    layer_norm(h + ".ln_1", b.ln_1);
    projection(h + ".attn.c_attn.weight", c.d_model, 3 * c.d_model, b.W_QKV);
    vector(h + ".attn.c_attn.bias", {3 * c.d_model}, b.b_QKV);
    projection(h + ".attn.c_proj.weight", c.d_model, c.d_model, b.W_O);
    vector(h + ".attn.c_proj.bias", {c.d_model}, b.b_O);
    layer_norm(h + ".ln_2", b.ln_2);
    projection(h + ".mlp.c_fc.weight", c.d_model, c.d_mlp, b.W_in);
    vector(h + ".mlp.c_fc.bias", {c.d_mlp}, b.b_in);
    projection(h + ".mlp.c_proj.weight", c.d_mlp, c.d_model, b.W_out);
    vector(h + ".mlp.c_proj.bias", {c.d_model}, b.b_out);
  }
  layer_norm("ln_f", w.ln_f);
  return table;
}

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

class Loader {
 public:
  Loader(const NamedTensors& tensors, std::string_view file) : file_(file) {
    for (const auto& [name, tensor] : tensors) {
      const auto bare = without_prefix(name);
      if (is_passed_over(bare)) continue;
      const auto [first, is_new] = tensors_.emplace(bare, Found{name, &tensor});
      if (!is_new) doubles_.emplace_back(first->second.name, name);
    }
  }

  // With and without a prefix: which of the two is meant cannot be known.
  Status check_no_doubles() const {
    if (doubles_.empty()) return ok();
    return Error{"tensor_duplicate", in_file(doubles_[0].first) + " stands there as " + in_quotes(doubles_[0].second) +
                                         " too; only one of them can be meant."};
  }

  bool has(const std::string& name) const { return tensors_.contains(name); }

  // Conv1D or Linear, read off c_attn, the only projection whose shape always tells (c_proj is square).
  void find_orientation(const Config& c) {
    const auto it = tensors_.find("h.0.attn.c_attn.weight");
    is_linear_ = it != tensors_.end() && it->second.tensor->shape == std::vector{3 * c.d_model, c.d_model};
  }

  Result<std::size_t> vocabulary(const Config& c) const {
    const auto it = tensors_.find("wte.weight");
    if (it == tensors_.end()) return missing("wte.weight");
    const auto& shape = it->second.tensor->shape;
    if (shape.size() != 2 || shape[0] == 0 || shape[1] != c.d_model)
      return wrong_shape(it->second, "[d_vocab, " + std::to_string(c.d_model) + "]");
    return shape[0];
  }

  Status fill(const Slot& slot) {
    const auto it = tensors_.find(slot.name);
    if (it == tensors_.end()) return missing(slot.name);
    const Found& found = it->second;
    const bool transposed = slot.layout == Layout::projection && is_linear_;
    std::vector<std::size_t> expected = slot.shape;
    if (transposed) std::swap(expected[0], expected[1]);
    if (found.tensor->shape != expected) return wrong_shape(found, shape_text(expected));
    if (!is_readable_float(found.tensor->dtype))
      return Error{"tensor_dtype", in_file(found.name) + " is " + std::string(name_of(found.tensor->dtype)) +
                                       "; weights should be F32, F16, BF16 or Q8_0."};

    if (slot.layout == Layout::vector) {
      auto& field = *std::get<std::vector<float>*>(slot.field);
      field.resize(found.tensor->count());
      return read(found, 0, field);
    }
    // Row by row, so that no second copy of a large matrix exists.
    auto& field = *std::get<PackedMatrix*>(slot.field);
    const bool by_column = transposed || slot.layout == Layout::embedding;
    if (found.tensor->dtype == DType::Q8_0) {
      // Blocks run along the inputs, as they do in memory, only where the file's rows are our columns.
      if (!by_column)
        return Error{"tensor_shape",
                     in_file(found.name) + " is Q8_0 in Conv1D orientation; GGUF stores it transposed."};
      return fill_q8(found, expected, field);
    }
    field = by_column ? PackedMatrix(expected[1], expected[0]) : PackedMatrix(expected[0], expected[1]);
    std::vector<float> row(expected[1]);
    for (std::size_t r = 0; r < expected[0]; ++r) {
      if (auto status = read(found, r * row.size(), row); !status) return status;
      by_column ? field.set_column(r, row) : field.set_row(r, row);
    }
    return ok();
  }

  void expect(const std::vector<Slot>& table) {
    for (const Slot& slot : table) expected_.insert(slot.name);
  }

  // A name that nothing asks for is a part that we would silently leave out of the model.
  Status check_all_expected() const {
    for (const auto& [name, found] : tensors_)
      if (!expected_.contains(name))
        return Error{"tensor_unknown", in_file(found.name) +
                                           " is not a weight of GPT-2's architecture with these "
                                           "hyper-parameters; is config.json this checkpoint's own?"};
    return ok();
  }

 private:
  struct Found {
    std::string name;  // as the file spells it
    const TensorView* tensor;
  };

  std::string in_file(const std::string& tensor) const { return file_ + ": tensor " + in_quotes(tensor); }
  Error wrong_shape(const Found& found, const std::string& expected) const {
    return {"tensor_shape", in_file(found.name) + " should have shape " + expected + ", but has " +
                                shape_text(found.tensor->shape) + "; do config.json and the weights belong together?"};
  }
  Error missing(const std::string& name) const {
    std::string message = in_file(name) + " is missing.";
    std::string unexpected;
    for (const auto& [other, found] : tensors_)
      if (!expected_.contains(other) && other.substr(0, other.find('.')) == name.substr(0, name.find('.'))) {
        unexpected = found.name;
        break;
      }
    if (tensors_.empty())
      message += " The file holds no tensor of a GPT-2.";
    else if (!unexpected.empty())
      message += " The file has a " + in_quotes(unexpected) + " instead; was it renamed?";
    return {"tensor_missing", message};
  }
  // Q8_0 stays Q8_0.
  Status fill_q8(const Found& found, std::span<const std::size_t> shape, PackedMatrix& field) const {
    const std::size_t n_block = shape[1] / kQ8Values;
    field = PackedMatrix(shape[1], shape[0], PackedMatrix::Storage::q8_0);
    std::vector<float> scales(n_block);
    std::vector<std::int8_t> values(shape[1]);
    const std::byte* at = found.tensor->bytes.data();
    for (std::size_t r = 0; r < shape[0]; ++r) {
      for (std::size_t b = 0; b < n_block; ++b, at += bytes_per_block(DType::Q8_0)) {
        const Q8Block block = read_q8_block(at);
        if (!std::isfinite(block.scale)) return not_finite(found, block.scale, r * shape[1] + b * kQ8Values);
        scales[b] = block.scale;
        std::ranges::copy(block.values, values.begin() + static_cast<std::ptrdiff_t>(b * kQ8Values));
      }
      field.set_column(r, scales, values);
    }
    return ok();
  }
  Error not_finite(const Found& found, float value, std::size_t at) const {
    return {"tensor_value", in_file(found.name) + " holds " + (std::isnan(value) ? "NaN" : "infinity") + " at value " +
                                std::to_string(at) + "; the file is damaged, or the training diverged."};
  }
  Status read(const Found& found, std::size_t offset, std::span<float> out) const {
    read_floats(*found.tensor, offset, out);
    const auto bad = std::find_if(out.begin(), out.end(), [](float value) { return !std::isfinite(value); });
    if (bad == out.end()) return ok();
    return not_finite(found, *bad, offset + static_cast<std::size_t>(bad - out.begin()));
  }

  std::string file_;
  std::map<std::string, Found, std::less<>> tensors_;         // by bare name
  std::set<std::string, std::less<>> expected_;               // by bare name: what the model is made of
  std::vector<std::pair<std::string, std::string>> doubles_;  // names of one and the same tensor
  bool is_linear_ = false;
};

}  // namespace

Result<Model> Model::load(Config config, const NamedTensors& tensors, std::string_view file) {
  Loader loader(tensors, file);
  if (auto status = loader.check_no_doubles(); !status) return status.error();
  const auto d_vocab = loader.vocabulary(config);
  if (!d_vocab) return d_vocab.error();
  config.d_vocab = *d_vocab;  // a resized vocabulary shows in the weights first
  loader.find_orientation(config);

  Model model;
  model.config_ = config;
  if (loader.has("lm_head.weight") || !config.tied_head) model.weights_.W_E.emplace();
  const auto table = slots(config, model.weights_);
  loader.expect(table);
  for (const Slot& slot : table) {
    if (auto status = loader.fill(slot); !status) return status.error();
    std::size_t count = 1;
    for (const std::size_t extent : slot.shape) count *= extent;
    model.n_param_ += count;
  }
  if (auto status = loader.check_all_expected(); !status) return status.error();
  return model;
}

std::size_t Model::byte_size() const {
  std::size_t bytes =
      weights_.W_U.byte_size() + (weights_.W_E ? weights_.W_E->byte_size() : 0) + weights_.W_pos.size() * sizeof(float);
  for (const BlockWeights& b : weights_.blocks)
    bytes += b.W_QKV.byte_size() + b.W_O.byte_size() + b.W_in.byte_size() + b.W_out.byte_size();
  return bytes;
}

void Model::embed(TokenId token, std::span<float> out) const {
  (weights_.W_E ? *weights_.W_E : weights_.W_U).column(static_cast<std::size_t>(token), out);
}

std::span<const float> Model::pos_embed(std::size_t position) const {
  return std::span(weights_.W_pos).subspan(position * config_.d_model, config_.d_model);
}

void Model::final_scale(MatrixView<const float> rows, std::span<float> scale) const {
  for (std::size_t r = 0; r < rows.n_row; ++r) scale[r] = layer_norm_scale(rows.row(r), config_.layer_norm_epsilon);
}

void Model::final_norm(MatrixView<const float> rows, std::span<const float> scale, MatrixView<float> out) const {
  for (std::size_t r = 0; r < rows.n_row; ++r)
    layer_norm(rows.row(r), scale[r], weights_.ln_f.gamma, weights_.ln_f.beta, out.row(r));
}

}  // namespace lens
