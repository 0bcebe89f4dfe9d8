// GGUF: one file with hyper-parameters, tokenizer and tensors (github.com/ggml-org/ggml, docs/gguf.md).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

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

}  // namespace lens
