// A checkpoint's files, each read for itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "formats/tensors.h"
#include "model/config.h"
#include "text/tokenizer.h"

namespace lens {

// A file's name without its folders, and its contents; of one with weights the beginning is enough to know what it
// holds.
struct File {
  std::string name;
  std::vector<std::byte> bytes;
  std::optional<std::uint64_t> whole = {};  // the file's size, where `bytes` are only its first
  std::uint64_t size() const { return whole.value_or(bytes.size()); }
};

// What they say, before it is known to fit together.
struct ModelParts {
  Config config;
  TensorPlaces tensors;                     // in the files as they were given, under Hugging Face's names
  std::string weights;                      // the files that hold them, for messages
  std::optional<TokenizerFiles> tokenizer;  // some checkpoints have none
  Json about = Json::object();              // "general.name", "general.license", … as far as the files say so
};

// One GGUF file, which holds everything; or a Hugging Face folder: config.json, one or more .safetensors with or
// without their index, and vocab.json + merges.txt or tokenizer.json (or neither). `ref` is used in messages. Errors:
// file_missing; tensor_duplicate; head_short, where more of a file's beginning is needed; not_gpt2; those of
// parse_config, read_safetensors, read_gguf and the tokenizer's readers.
Result<ModelParts> read_parts(const std::string& ref, const std::vector<File>& files);
// The tokenizer's files alone. Errors: file_missing, tokenizer_format.
Result<std::optional<TokenizerFiles>> read_tokenizer(const std::vector<File>& files);

// The tokenizer among them, if any, for a model of d_vocab tokens. Errors: tokenizer_format (also where it belongs to a
// larger vocabulary).
Result<std::optional<Tokenizer>> tokenizer_of(const std::optional<TokenizerFiles>& files, std::size_t d_vocab);

}  // namespace lens
