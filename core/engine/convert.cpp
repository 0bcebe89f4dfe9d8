#include "engine/convert.h"

#include <algorithm>
#include <cmath>

#include "base/message.h"
#include "formats/gguf.h"
#include "model/checkpoint.h"
#include "model/gguf_names.h"

namespace lens {
namespace {

// Rows of outputs, as GGUF has them: shape [d_vocab, d_model], [out, in], [n].
std::vector<std::size_t> gguf_shape(const WeightSlot& slot) {
  std::vector<std::size_t> shape = slot.shape;
  if (slot.layout == Layout::projection) std::swap(shape[0], shape[1]);
  return shape;
}

DType gguf_dtype(const WeightSlot& slot, DType type) {
  if (slot.layout == Layout::vector) return DType::F32;
  return byte_count(type, gguf_shape(slot)) ? type : DType::F16;
}

// llama.cpp's number for what most of a file's tensors are (enum llama_ftype).
std::uint32_t file_type(DType type) { return type == DType::F32 ? 0 : type == DType::F16 ? 1 : 7; }

class Converter {
 public:
  Converter(const Checkpoint& checkpoint, const std::vector<File>& files, DType type, const Sink& sink)
      : checkpoint_(checkpoint),
        files_(files),
        table_(weight_table(checkpoint.config(), room_)),
        type_(type),
        sink_(sink) {}

  Result<Conversion> write(const Json& metadata) {
    std::vector<GgufTensor> infos;
    std::vector<StoredWeight> stored;
    for (const WeightSlot& slot : table_) {
      auto found = checkpoint_.find(slot);
      if (!found) return found.error();
      stored.push_back(*std::move(found));
      infos.push_back({gguf_name(slot.name), gguf_dtype(slot, type_), gguf_shape(slot)});
      if (slot.layout != Layout::vector && infos.back().dtype != type_) done_.wide.push_back(slot.name);
    }
    if (auto status = checkpoint_.check_all_expected(); !status) return status.error();
    if (auto status = put(gguf_header(metadata, infos)); !status) return status.error();
    for (std::size_t i = 0; i < infos.size(); ++i) {
      auto status = write_tensor(stored[i], table_[i].layout, infos[i]);
      if (!status) return status.error();
      const std::size_t over = done_.n_byte % kGgufAlignment;
      if (over > 0) status = put(std::vector<std::byte>(kGgufAlignment - over));
      if (!status) return status.error();
    }
    return done_;
  }

 private:
  Status put(std::span<const std::byte> bytes) {
    done_.n_byte += bytes.size();
    return sink_(bytes);
  }

  // Values [offset, offset + out.size()) of a tensor, and the bytes that they are there.
  std::span<const std::byte> bytes_of(const StoredWeight& weight, std::size_t offset, std::size_t n) const {
    const TensorPlace& place = *weight.tensor;
    const auto in_bytes = [&](std::size_t n_value) {
      return n_value / values_per_block(place.dtype) * bytes_per_block(place.dtype);
    };
    return std::span(files_[place.file].bytes)
        .subspan(static_cast<std::size_t>(place.begin) + in_bytes(offset), in_bytes(n));
  }
  Status read(const StoredWeight& weight, std::size_t offset, std::span<float> out) const {
    return checkpoint_.read(weight, bytes_of(weight, offset, out.size()), offset, out);
  }

  Status write_tensor(const StoredWeight& weight, Layout layout, const GgufTensor& info) {
    const std::size_t n_row = info.shape.size() == 1 ? 1 : info.shape[0], n_col = weight.tensor->count() / n_row;
    // Conv1D's rows are inputs; turned round they do not come one by one.
    std::vector<float> turned;
    if (layout == Layout::projection && !weight.by_output) {
      std::vector<float> row(n_row);
      turned.resize(n_row * n_col);
      for (std::size_t in = 0; in < n_col; ++in) {
        if (auto status = read(weight, in * n_row, row); !status) return status;
        for (std::size_t out = 0; out < n_row; ++out) turned[out * n_col + in] = row[out];
      }
    }
    std::vector<float> row(n_col), again(n_col);
    std::vector<std::byte> bytes(*byte_count(info.dtype, std::array{n_col}));
    double error = 0, size = 0;
    for (std::size_t r = 0; r < n_row; ++r) {
      if (!turned.empty())
        std::copy_n(&turned[r * n_col], n_col, row.begin());
      else if (auto status = read(weight, r * n_col, row); !status)
        return status;
      if (weight.tensor->dtype == info.dtype && turned.empty())  // also Q8_0, which rounding again could change
        std::ranges::copy(bytes_of(weight, r * n_col, n_col), bytes.begin());
      else
        write_floats(info.dtype, row, bytes);
      read_floats({info.dtype, {n_col}, bytes}, 0, again);
      for (std::size_t i = 0; i < n_col; ++i) {
        size = std::max(size, std::abs(static_cast<double>(row[i])));
        error = std::max(error, std::abs(static_cast<double>(again[i]) - static_cast<double>(row[i])));
      }
      if (!std::ranges::all_of(again, [](float value) { return std::isfinite(value); }))
        return Error{"tensor_value", checkpoint_.in_file(weight.name) + " has weights up to " + printed(size) +
                                         ", which " + std::string(name_of(info.dtype)) +
                                         " cannot hold; convert to F32 instead."};
      if (auto status = put(bytes); !status) return status;
    }
    if (error > done_.worst_error)
      done_.worst_error = error, done_.worst_tensor = weight.name, done_.worst_tensor_size = size;
    return ok();
  }

  const Checkpoint& checkpoint_;
  const std::vector<File>& files_;
  Weights room_;  // that the table speaks of; nothing is loaded
  const std::vector<WeightSlot> table_;
  const DType type_;
  const Sink& sink_;
  Conversion done_;
};

}  // namespace

Result<Conversion> convert(const std::string& name, const std::vector<File>& files, DType type, const Sink& sink) {
  const auto parts = read_parts(name, files);
  if (!parts) return parts.error();
  const auto checkpoint = Checkpoint::open(parts->config, parts->tensors, parts->weights);
  if (!checkpoint) return checkpoint.error();
  const std::size_t d_vocab = checkpoint->config().d_vocab;
  if (const auto tokenizer = tokenizer_of(parts->tokenizer, d_vocab); !tokenizer) return tokenizer.error();

  auto metadata = gguf_keys(checkpoint->config(), parts->weights);
  if (!metadata) return metadata.error();
  metadata->emplace("general.name", name);
  metadata->update(parts->about);
  metadata->update({{"general.file_type", file_type(type)}});
  if (type == DType::Q8_0) metadata->emplace("general.quantization_version", 2u);  // ggml's GGML_QNT_VERSION
  // "no_vocab" is llama.cpp's word for a model that reads ids.
  metadata->update(parts->tokenizer ? gguf_keys(*parts->tokenizer, d_vocab)
                                    : Json{{"tokenizer.ggml.model", "no_vocab"}});
  return Converter(*checkpoint, files, type, sink).write(*metadata);
}

}  // namespace lens
