// safetensors: the container of Hugging Face's checkpoints (github.com/huggingface/safetensors, README "Format").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "formats/tensors.h"

namespace lens {

// Checked before anything is believed: header length, JSON, names, dtypes, begin <= end <= size, byte count against
// shape without overflow, overlaps, holes. Data may begin at an odd offset: OpenAI's own GPT-2 file does.
// `file` is used in messages. Errors: file_truncated, file_format, each naming file and tensor, expected and got.
Result<NamedTensors> read_safetensors(std::span<const std::byte> file_bytes, std::string_view file);
// The same from the file's first bytes and its size. Error besides: head_short, where the header goes on beyond them.
Result<TensorPlaces> read_safetensors_head(std::span<const std::byte> head, std::uint64_t file_size,
                                           std::string_view file);

// What the file says about itself, "__metadata__": texts by name, {} where it says nothing. Errors: as above.
Result<Json> read_safetensors_metadata(std::span<const std::byte> file_bytes, std::string_view file);

}  // namespace lens
