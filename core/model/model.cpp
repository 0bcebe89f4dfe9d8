#include "model/model.h"

#include <algorithm>
#include <cstdint>
#include <variant>

#include "model/checkpoint.h"

namespace lens {
namespace {

static_assert(kQ8Values == kQ8Block, "blocks are packed as they come");

// Row by row, so that no second copy of a large matrix exists.
Status fill_matrix(const Checkpoint& checkpoint, const StoredWeight& stored, PackedMatrix& field) {
  const std::size_t n_row = stored.tensor->shape[0], n_col = stored.tensor->shape[1];
  field = stored.by_output ? PackedMatrix(n_col, n_row) : PackedMatrix(n_row, n_col);
  std::vector<float> row(n_col);
  for (std::size_t r = 0; r < n_row; ++r) {
    if (auto status = checkpoint.read(stored, r * n_col, row); !status) return status;
    stored.by_output ? field.set_column(r, row) : field.set_row(r, row);
  }
  return ok();
}

// Q8_0 stays Q8_0.
Status fill_q8(const Checkpoint& checkpoint, const StoredWeight& stored, PackedMatrix& field) {
  const std::size_t n_row = stored.tensor->shape[0], n_col = stored.tensor->shape[1], n_block = n_col / kQ8Values;
  field = PackedMatrix(n_col, n_row, PackedMatrix::Storage::q8_0);
  std::vector<float> scales(n_block);
  std::vector<std::int8_t> values(n_col);
  for (std::size_t r = 0; r < n_row; ++r) {
    for (std::size_t b = 0; b < n_block; ++b) {
      const auto block = checkpoint.read_q8(stored, r * n_block + b);
      if (!block) return block.error();
      scales[b] = block->scale;
      std::ranges::copy(block->values, values.begin() + static_cast<std::ptrdiff_t>(b * kQ8Values));
    }
    field.set_column(r, scales, values);
  }
  return ok();
}

Status fill(const Checkpoint& checkpoint, const WeightSlot& slot) {
  const auto stored = checkpoint.find(slot);
  if (!stored) return stored.error();
  if (const auto* vector = std::get_if<std::vector<float>*>(&slot.field)) {
    (*vector)->resize(stored->tensor->count());
    return checkpoint.read(*stored, 0, **vector);
  }
  auto& matrix = *std::get<PackedMatrix*>(slot.field);
  return stored->tensor->dtype == DType::Q8_0 ? fill_q8(checkpoint, *stored, matrix)
                                              : fill_matrix(checkpoint, *stored, matrix);
}

}  // namespace

Result<Model> Model::load(const Config& config, const NamedTensors& tensors, std::string_view file) {
  const auto checkpoint = Checkpoint::open(config, tensors, file);
  if (!checkpoint) return checkpoint.error();
  Model model;
  model.config_ = checkpoint->config();
  for (const WeightSlot& slot : weight_table(model.config_, model.weights_)) {
    if (auto status = fill(*checkpoint, slot); !status) return status.error();
    std::size_t count = 1;
    for (const std::size_t extent : slot.shape) count *= extent;
    model.n_param_ += count;
  }
  if (auto status = checkpoint->check_all_expected(); !status) return status.error();
  return model;
}

std::size_t Model::byte_size() const {
  std::size_t bytes =
      weights_.W_U.byte_size() + (weights_.W_E ? weights_.W_E->byte_size() : 0) + weights_.W_pos.size() * sizeof(float);
  for (const BlockWeights& b : weights_.blocks)
    bytes += b.W_QKV.byte_size() + b.W_O.byte_size() + b.W_in.byte_size() + b.W_out.byte_size();
  return bytes;
}

std::string Model::fingerprint() const {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto* values : {&weights_.ln_f.gamma, &weights_.ln_f.beta})
    for (const std::byte byte : std::as_bytes(std::span(*values)))
      hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[hash >> shift & 0xf];
  return digits;
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

Model::NormDirection Model::norm_direction(std::span<const double> d, float scale) const {
  NormDirection direction{std::vector<double>(d.size()), 0};
  double mean = 0;
  for (std::size_t k = 0; k < d.size(); ++k) {
    direction.linear[k] = static_cast<double>(weights_.ln_f.gamma[k]) * d[k];
    mean += direction.linear[k] / static_cast<double>(d.size());
    direction.bias += static_cast<double>(weights_.ln_f.beta[k]) * d[k];
  }
  for (double& value : direction.linear) value = (value - mean) / static_cast<double>(scale);
  return direction;
}

}  // namespace lens
