// The named tensors of a checkpoint file, whatever its container: shapes and bytes, nothing trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lens {

// All of safetensors' types of whole bytes. Only F32, F16 and BF16 are ever read as numbers; a file may hold others
// beside them (mask buffers, counters).
enum class DType : std::uint8_t { F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL };

std::string_view name_of(DType dtype);  // "F16"
std::optional<DType> dtype_named(std::string_view name);
std::size_t bytes_per_value(DType dtype);

struct TensorView {
  DType dtype;
  std::vector<std::size_t> shape;    // [] is a scalar
  std::span<const std::byte> bytes;  // row-major, little-endian; may start at any address

  std::size_t count() const;  // number of values
};

// "[768, 2304]"
std::string shape_text(std::span<const std::size_t> shape);

// Names to views into the file's bytes, which the caller keeps alive.
using NamedTensors = std::map<std::string, TensorView, std::less<>>;

// `true` for the types that read_floats takes: F32, F16, BF16.
bool is_readable_float(DType dtype);

// Reads values [offset, offset + out.size()) of the flattened tensor as float32, exactly. F32, F16 and BF16 only, and
// no further than the tensor goes (assert).
void read_floats(const TensorView& tensor, std::size_t offset, std::span<float> out);

// The tensors of a safetensors file (github.com/huggingface/safetensors, README "Format"). Checked before anything is
// believed: header length, JSON, names, dtypes, begin <= end <= size, byte count against shape without overflow,
// overlaps, holes. Data may begin at an odd offset: OpenAI's own GPT-2 file does.
// `file` is used in messages. Errors: file_truncated, file_format, each naming file and tensor, expected and got.
Result<NamedTensors> read_safetensors(std::span<const std::byte> file_bytes, std::string_view file);

}  // namespace lens
