#include "formats/tensors.h"

#include <Eigen/Core>
#include <array>
#include <cassert>
#include <cstring>

namespace lens {
namespace {

struct DTypeEntry {
  DType dtype;
  std::string_view name;
  std::size_t n_byte;
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
    DTypeEntry{DType::BOOL, "BOOL", 1},
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

}  // namespace

std::string_view name_of(DType dtype) { return entry_of(dtype).name; }

std::optional<DType> dtype_named(std::string_view name) {
  for (const DTypeEntry& entry : kDTypes) {
    if (entry.name == name) return entry.dtype;
  }
  return std::nullopt;
}

std::size_t bytes_per_value(DType dtype) { return entry_of(dtype).n_byte; }

bool is_readable_float(DType dtype) { return dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16; }

std::size_t TensorView::count() const {
  std::size_t n = 1;
  for (const std::size_t size : shape) n *= size;
  return n;
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
  const std::byte* from = tensor.bytes.data() + offset * bytes_per_value(tensor.dtype);
  switch (tensor.dtype) {
    case DType::F16:
      return convert<Eigen::half>(from, out);
    case DType::BF16:
      return convert<Eigen::bfloat16>(from, out);
    default:
      return convert<float>(from, out);
  }
}

}  // namespace lens
