#include "formats/tensors.h"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>

namespace lens {
namespace {

struct DTypeEntry {
  DType dtype;
  std::string_view name;
  std::size_t n_byte;       // of a block
  std::size_t n_value = 1;  // in a block
};

// In the order of the enum.
constexpr std::array kDTypes = {
    DTypeEntry{DType::F64, "F64", 8},         DTypeEntry{DType::F32, "F32", 4},
    DTypeEntry{DType::F16, "F16", 2},         DTypeEntry{DType::BF16, "BF16", 2},
    DTypeEntry{DType::F8_E4M3, "F8_E4M3", 1}, DTypeEntry{DType::F8_E5M2, "F8_E5M2", 1},
    DTypeEntry{DType::I64, "I64", 8},         DTypeEntry{DType::I32, "I32", 4},
    DTypeEntry{DType::I16, "I16", 2},         DTypeEntry{DType::I8, "I8", 1},
    DTypeEntry{DType::U64, "U64", 8},         DTypeEntry{DType::U32, "U32", 4},
    DTypeEntry{DType::U16, "U16", 2},         DTypeEntry{DType::U8, "U8", 1},
    DTypeEntry{DType::BOOL, "BOOL", 1},       DTypeEntry{DType::Q8_0, "Q8_0", 34, kQ8Values},
};

const DTypeEntry& entry_of(DType dtype) {
  const DTypeEntry& entry = kDTypes[static_cast<std::size_t>(dtype)];
  assert(entry.dtype == dtype);
  return entry;
}

// Stored may lie at any address, so each value is copied out before it is looked at.
template <class Stored>
void convert(const std::byte* from, std::span<float> out) {
  for (float& value : out) {
    Stored stored;
    std::memcpy(&stored, from, sizeof stored);
    value = static_cast<float>(stored);
    from += sizeof stored;
  }
}

template <class Stored>
std::byte* put(Stored value, std::byte* out) {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

void write_q8_block(std::span<const float, kQ8Values> values, std::byte* out) {
  const Q8Block block = quantise_q8(values);
  out = put(Eigen::half(block.scale), out);
  std::memcpy(out, block.values, kQ8Values);
}

std::size_t product(std::span<const std::size_t> shape) {
  std::size_t n = 1;
  for (const std::size_t size : shape) n *= size;
  return n;
}

}  // namespace

std::string_view name_of(DType dtype) { return entry_of(dtype).name; }

std::optional<DType> dtype_named(std::string_view name) {
  for (const DTypeEntry& entry : kDTypes) {
    if (entry.name == name && entry.n_value == 1) return entry.dtype;
  }
  return std::nullopt;
}

std::size_t values_per_block(DType dtype) { return entry_of(dtype).n_value; }
std::size_t bytes_per_block(DType dtype) { return entry_of(dtype).n_byte; }

std::optional<std::size_t> byte_count(DType dtype, std::span<const std::size_t> shape) {
  const std::size_t n_value = values_per_block(dtype);
  if (n_value > 1 && (shape.empty() || shape.back() % n_value != 0)) return std::nullopt;
  std::size_t n = bytes_per_block(dtype);
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const std::size_t extent = d + 1 == shape.size() ? shape[d] / n_value : shape[d];
    if (__builtin_mul_overflow(n, extent, &n)) return std::nullopt;
  }
  return n;
}

bool is_readable_float(DType dtype) {
  return dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16 || dtype == DType::Q8_0;
}

Q8Block read_q8_block(const std::byte* at) {
  Q8Block block;
  convert<Eigen::half>(at, {&block.scale, 1});
  std::memcpy(block.values, at + sizeof(Eigen::half), kQ8Values);
  return block;
}

Q8Block quantise_q8(std::span<const float, kQ8Values> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  const float scale = largest / 127.0f, inverse = scale == 0 ? 0 : 1.0f / scale;
  Q8Block block{static_cast<float>(Eigen::half(scale)), {}};
  for (std::size_t i = 0; i < kQ8Values; ++i)
    block.values[i] = static_cast<std::int8_t>(std::round(values[i] * inverse));
  return block;
}

std::size_t TensorView::count() const { return product(shape); }
std::size_t TensorPlace::count() const { return product(shape); }

NamedTensors views_of(const TensorPlaces& places, std::span<const std::byte> file_bytes) {
  NamedTensors tensors;
  for (const auto& [name, place] : places)
    tensors.emplace(name, TensorView{place.dtype, place.shape,
                                     file_bytes.subspan(static_cast<std::size_t>(place.begin), place.n_byte)});
  return tensors;
}

std::string shape_text(std::span<const std::size_t> shape) {
  std::string text = "[";
  for (const std::size_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "]";
}

void read_floats(const TensorView& tensor, std::size_t offset, std::span<float> out) {
  assert(is_readable_float(tensor.dtype));
  assert(offset <= tensor.count() && out.size() <= tensor.count() - offset);
  assert(offset % values_per_block(tensor.dtype) == 0 && out.size() % values_per_block(tensor.dtype) == 0);
  const std::byte* from = tensor.bytes.data() + offset / values_per_block(tensor.dtype) * bytes_per_block(tensor.dtype);
  switch (tensor.dtype) {
    case DType::F16:
      return convert<Eigen::half>(from, out);
    case DType::BF16:
      return convert<Eigen::bfloat16>(from, out);
    case DType::Q8_0:
      for (std::size_t i = 0; i < out.size(); i += kQ8Values, from += bytes_per_block(DType::Q8_0)) {
        const Q8Block block = read_q8_block(from);
        for (std::size_t j = 0; j < kQ8Values; ++j) out[i + j] = block.scale * static_cast<float>(block.values[j]);
      }
      return;
    default:
      return convert<float>(from, out);
  }
}

void write_floats(DType dtype, std::span<const float> values, std::span<std::byte> out) {
  assert(out.size() == byte_count(dtype, std::array{values.size()}));
  std::byte* to = out.data();
  switch (dtype) {
    case DType::F16:
      for (const float value : values) to = put(Eigen::half(value), to);
      return;
    case DType::Q8_0:
      for (std::size_t i = 0; i < values.size(); i += kQ8Values, to += bytes_per_block(DType::Q8_0))
        write_q8_block(values.subspan(i).first<kQ8Values>(), to);
      return;
    default:
      assert(dtype == DType::F32);
      for (const float value : values) to = put(value, to);
  }
}

}  // namespace lens
