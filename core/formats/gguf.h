// GGUF: one file with hyper-parameters, tokenizer and tensors (github.com/ggml-org/ggml, docs/gguf.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "formats/tensors.h"

namespace lens {

struct GgufFile {
  Json metadata;         // {"general.architecture": "gpt2", …}; strings keep their bytes, UTF-8 or not
  NamedTensors tensors;  // views into the file, shapes slowest dimension first (the file lists the fastest first)
};

// Versions 2 and 3, little-endian; F32, F16, BF16 and Q8_0 tensors, others are refused by name. Checked before anything
// is believed: counts and lengths against the bytes that are there, names, dimensions, types, offsets, overlaps.
// Errors: file_truncated, file_format, tensor_dtype, each naming file and key or tensor.
Result<GgufFile> read_gguf(std::span<const std::byte> file_bytes, std::string_view file);

struct GgufHead {
  Json metadata;
  TensorPlaces tensors;
};
// The same from the file's first bytes and its size. Error besides: head_short, where the header goes on beyond them.
Result<GgufHead> read_gguf_head(std::span<const std::byte> head, std::uint64_t file_size, std::string_view file);

struct GgufTensor {
  std::string name;
  DType dtype;  // F32, F16, BF16 or Q8_0
  std::vector<std::size_t> shape;
};

// Everything that a file of version 3 holds before its tensors' data, which follow in the order of `tensors`, each
// filled up with zeros to a multiple of kGgufAlignment. A key's type is its JSON value's: unsigned u32, signed i32,
// real f32, text string, list an array of its first item's type.
std::vector<std::byte> gguf_header(const Json& metadata, std::span<const GgufTensor> tensors);
inline constexpr std::size_t kGgufAlignment = 32;

}  // namespace lens
