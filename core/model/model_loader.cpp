#include "model/model_loader.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <variant>

#include "base/message.h"

namespace lens {
namespace {

static_assert(kQ8Values == kQ8Block, "blocks are packed as they come");

std::size_t product(const std::vector<std::size_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies());
}

// The least that rounds to float16's infinity: its largest number is 65504, and 16 more are a tie.
constexpr float kHalfEnds = 65520;

// Blocks along the inputs of a whole matrix, by output. Conv1D's rows are inputs, so its columns are complete only at
// the end; what is held till then is the matrix in Q8_0.
struct Quants {
  Quants(std::size_t n_in, std::size_t n_out) : n_in(n_in), values(n_in * n_out), scales(n_in / kQ8Values * n_out) {}
  void set(std::size_t block, std::size_t out, const Q8Block& q8) {
    scales[out * (n_in / kQ8Values) + block] = q8.scale;
    std::ranges::copy(q8.values, values.begin() + static_cast<std::ptrdiff_t>(out * n_in + block * kQ8Values));
  }
  void move_into(PackedMatrix& field) {
    const std::size_t n_block = n_in / kQ8Values;
    for (std::size_t out = 0; out < field.n_out(); ++out)
      field.set_column(out, std::span(scales).subspan(out * n_block, n_block),
                       std::span(values).subspan(out * n_in, n_in));
  }
  std::size_t n_in;
  std::vector<std::int8_t> values;  // [n_out, n_in]
  std::vector<float> scales;        // [n_out, n_in / kQ8Values]
};

// What the model's screen will take.
std::size_t screen_size(const Config& c) {
  return Screen::pays(c.d_vocab) ? Screen::byte_size(c.d_model, c.d_vocab) : 0;
}

}  // namespace

std::optional<Precision> precision_named(std::string_view name) {
  for (const auto& [known, precision] : kPrecisions)
    if (name == known) return precision;
  return std::nullopt;
}

// One tensor that is coming, row by row.
class ModelLoader::Arrival {
 public:
  Arrival(const Checkpoint& checkpoint, const StoredWeight& stored, const WeightSlot& slot)
      : checkpoint_(checkpoint), stored_(stored), slot_(slot) {
    const auto& shape = stored.tensor->shape;
    n_col_ = shape.empty() ? 1 : shape.back();
    n_row_ = n_col_ == 0 ? 0 : stored.tensor->count() / n_col_;
    row_bytes_ = n_row_ == 0 ? 1 : stored.tensor->n_byte / n_row_;
    values_.resize(n_col_);
  }

  Status put(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t n = std::min(bytes.size(), row_bytes_ - begun_.size());
      const auto part = bytes.first(n);
      bytes = bytes.subspan(n);
      if (begun_.empty() && n == row_bytes_) {
        if (auto status = put_row(part); !status) return status;
        continue;
      }
      begun_.insert(begun_.end(), part.begin(), part.end());
      if (begun_.size() < row_bytes_) return ok();
      if (auto status = put_row(begun_); !status) return status;
      begun_.clear();
    }
    return ok();
  }

 private:
  Status put_row(std::span<const std::byte> bytes) {
    const std::size_t r = row_++;
    auto* const* matrix = std::get_if<PackedMatrix*>(&slot_.field);
    if (matrix && (*matrix)->storage() == PackedMatrix::Storage::q8_0) return put_q8_row(**matrix, r, bytes);
    if (auto status = checkpoint_.read(stored_, bytes, r * n_col_, values_); !status) return status;
    if (matrix && (*matrix)->storage() == PackedMatrix::Storage::float16)
      for (const float value : values_)
        if (std::abs(value) >= kHalfEnds) return beyond("F16");
    if (!matrix)
      std::ranges::copy(values_,
                        std::get<std::vector<float>*>(slot_.field)->begin() + static_cast<std::ptrdiff_t>(r * n_col_));
    else if (stored_.by_output)
      (*matrix)->set_column(r, values_);
    else
      (*matrix)->set_row(r, values_);
    return ok();
  }

  Status put_q8_row(PackedMatrix& field, std::size_t r, std::span<const std::byte> bytes) {
    if (stored_.by_output) {
      Quants column(n_col_, 1);
      for (std::size_t block = 0; block < n_col_ / kQ8Values; ++block) {
        const auto q8 = stored_.tensor->dtype == DType::Q8_0 ? stored_block(bytes, r, block) : rounded(bytes, r, block);
        if (!q8) return q8.error();
        column.set(block, 0, *q8);
      }
      field.set_column(r, column.scales, column.values);
      return ok();
    }
    if (!quants_) quants_ = std::make_unique<Quants>(n_row_, n_col_), inputs_.resize(kQ8Values * n_col_);
    const auto into = std::span(inputs_).subspan(r % kQ8Values * n_col_, n_col_);
    if (auto status = checkpoint_.read(stored_, bytes, r * n_col_, into); !status) return status;
    if ((r + 1) % kQ8Values != 0) return ok();
    for (std::size_t out = 0; out < n_col_; ++out) {
      float values[kQ8Values];
      for (std::size_t i = 0; i < kQ8Values; ++i) values[i] = inputs_[i * n_col_ + out];
      const auto q8 = checked(quantise_q8(values));
      if (!q8) return q8.error();
      quants_->set(r / kQ8Values, out, *q8);
    }
    if (r + 1 == n_row_) quants_->move_into(field);
    return ok();
  }

  // A block that is Q8_0 in the file stays as it is.
  Result<Q8Block> stored_block(std::span<const std::byte> row, std::size_t r, std::size_t block) const {
    return checkpoint_.read_q8(stored_, row.data() + block * bytes_per_block(DType::Q8_0),
                               r * (n_col_ / kQ8Values) + block);
  }

  Result<Q8Block> rounded(std::span<const std::byte> row, std::size_t r, std::size_t block) const {
    const std::size_t n_byte = bytes_per_block(stored_.tensor->dtype) * kQ8Values;
    float values[kQ8Values];
    const auto status =
        checkpoint_.read(stored_, row.subspan(block * n_byte, n_byte), r * n_col_ + block * kQ8Values, values);
    if (!status) return status.error();
    return checked(quantise_q8(values));
  }

  Result<Q8Block> checked(const Q8Block& block) const {
    if (std::isfinite(block.scale)) return block;
    return beyond("Q8_0");
  }

  Error beyond(const std::string& precision) const {
    return {"tensor_value", checkpoint_.in_file(stored_.name) + " has weights that " + precision +
                                " cannot hold; open the model as it is stored instead."};
  }

  const Checkpoint& checkpoint_;
  const StoredWeight& stored_;
  const WeightSlot& slot_;
  std::size_t n_row_, n_col_, row_bytes_, row_ = 0;
  std::vector<std::byte> begun_;  // the row whose end has not come
  std::vector<float> values_;     // [n_col]
  std::vector<float> inputs_;     // [kQ8Values, n_col]
  std::unique_ptr<Quants> quants_;
};

Result<std::unique_ptr<ModelLoader>> ModelLoader::begin(const Config& config, const TensorPlaces& tensors,
                                                        std::string_view file, Precision precision) {
  auto checkpoint = Checkpoint::open(config, tensors, file);
  if (!checkpoint) return checkpoint.error();
  std::unique_ptr<ModelLoader> loader(new ModelLoader(*std::move(checkpoint), precision));
  const Checkpoint& opened = loader->checkpoint_;
  std::vector<std::pair<StoredWeight, WeightSlot>> found;
  for (WeightSlot& slot : weight_table(opened.config(), loader->weights_)) {
    auto stored = opened.find(slot);
    if (!stored) return stored.error();
    loader->n_param_ += product(slot.shape);
    found.emplace_back(*std::move(stored), std::move(slot));
  }
  if (auto status = opened.check_all_expected(); !status) return status.error();
  std::ranges::sort(
      found, {}, [](const auto& weight) { return std::pair(weight.first.tensor->file, weight.first.tensor->begin); });
  for (auto& [stored, slot] : found) {
    const TensorPlace& place = *stored.tensor;
    loader->wanted_.push_back(
        {slot.name, stored.name, place.dtype, place.file, place.begin, place.begin + place.n_byte});
    loader->stored_.push_back(std::move(stored));
    loader->slots_.push_back(std::move(slot));
  }
  loader->arrived_.resize(found.size());
  loader->arrivals_.resize(found.size());
  return loader;
}

PackedMatrix::Storage ModelLoader::storage_of(const StoredWeight& stored, Precision precision) const {
  using enum PackedMatrix::Storage;
  const TensorPlace& tensor = *stored.tensor;
  if (tensor.dtype == DType::Q8_0) return q8_0;
  if (precision == Precision::q8_0 && tensor.shape[stored.by_output ? 1 : 0] % kQ8Values == 0) return q8_0;
  const bool is_stored = precision == Precision::as_stored && tensor.dtype == DType::F16;
  return is_stored || precision == Precision::f16 ? float16 : float32;
}

std::uint64_t ModelLoader::n_kept(Precision precision) const {
  std::uint64_t bytes = screen_size(config());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const std::uint64_t n_value = product(slots_[i].shape);
    const auto storage =
        slots_[i].layout == Layout::vector ? PackedMatrix::Storage::float32 : storage_of(stored_[i], precision);
    switch (storage) {
      case PackedMatrix::Storage::float32:
        bytes += n_value * sizeof(float);
        break;
      case PackedMatrix::Storage::float16:
        bytes += n_value * sizeof(std::uint16_t);
        break;
      case PackedMatrix::Storage::q8_0:
        bytes += n_value + n_value / kQ8Values * sizeof(float);
    }
  }
  return bytes;
}

void ModelLoader::make_room() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (auto* const* vector = std::get_if<std::vector<float>*>(&slots_[i].field)) {
      (*vector)->resize(product(slots_[i].shape));
      continue;
    }
    const auto& shape = stored_[i].tensor->shape;
    const bool by_output = stored_[i].by_output;
    *std::get<PackedMatrix*>(slots_[i].field) =
        PackedMatrix(shape[by_output ? 1 : 0], shape[by_output ? 0 : 1], storage_of(stored_[i], precision_));
  }
  screen_room_.resize(screen_size(config()));
}

Status ModelLoader::put(std::size_t file, std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::uint64_t end = offset + bytes.size();
  // The first tensor that ends behind `offset`.
  auto it = std::ranges::partition_point(
      wanted_, [&](const WantedBytes& w) { return std::pair(w.file, w.end) <= std::pair(file, offset); });
  for (; it != wanted_.end() && it->file == file && it->begin < end; ++it) {
    const std::uint64_t from = std::max(offset, it->begin), to = std::min(end, it->end);
    const auto part = bytes.subspan(static_cast<std::size_t>(from - offset), static_cast<std::size_t>(to - from));
    const auto i = static_cast<std::size_t>(it - wanted_.begin());
    if (auto status = put_in_tensor(i, from - it->begin, part); !status) return status;
  }
  return ok();
}

Status ModelLoader::put_in_tensor(std::size_t i, std::uint64_t at, std::span<const std::byte> bytes) {
  if (at != arrived_[i])
    return Error{"weights_order", checkpoint_.in_file(wanted_[i].stored) + ": byte " + std::to_string(arrived_[i]) +
                                      " should come next, but byte " + std::to_string(at) + " came."};
  if (!arrivals_[i]) arrivals_[i] = std::make_shared<Arrival>(checkpoint_, stored_[i], slots_[i]);
  if (auto status = arrivals_[i]->put(bytes); !status) return status;
  arrived_[i] += bytes.size();
  if (arrived_[i] == wanted_[i].end - wanted_[i].begin) arrivals_[i].reset();
  return ok();
}

Result<Model> ModelLoader::finish() {
  for (std::size_t i = 0; i < wanted_.size(); ++i)
    if (arrived_[i] != wanted_[i].end - wanted_[i].begin)
      return Error{"weights_missing", checkpoint_.in_file(wanted_[i].stored) + ": of its " +
                                          std::to_string(wanted_[i].end - wanted_[i].begin) + " bytes only " +
                                          std::to_string(arrived_[i]) + " came; open the model again."};
  screen_room_ = std::vector<std::byte>();
  return Model(config(), std::move(weights_), n_param_);
}

}  // namespace lens
