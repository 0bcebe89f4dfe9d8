// A checkpoint's files, each read for itself.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "formats/tensors.h"
#include "model/config.h"
#include "text/tokenizer.h"

namespace lens {

// A file's name without its folders, and its contents.
struct File {
  std::string name;
  std::vector<std::byte> bytes;
};

// What they say, before it is known to fit together.
struct ModelParts {
  Config config;
  NamedTensors tensors;                     // views into the files, under Hugging Face's names
  std::string weights;                      // the files that hold them, for messages
  std::optional<TokenizerFiles> tokenizer;  // some checkpoints have none
  Json about = Json::object();              // "general.name", "general.license", … as far as the files say so
};

// One GGUF file, which holds everything; or a Hugging Face folder: config.json, one or more .safetensors, and
// vocab.json + merges.txt or tokenizer.json (or neither). `ref` is used in messages. Errors: file_missing;
// tensor_duplicate; those of parse_config, read_safetensors, read_gguf and the tokenizer's readers.
Result<ModelParts> read_parts(const std::string& ref, const std::vector<File>& files);

// The tokenizer among them, if any, for a model of d_vocab tokens. Errors: tokenizer_format (also where it belongs to a
// larger vocabulary).
Result<std::optional<Tokenizer>> tokenizer_of(const ModelParts& parts, std::size_t d_vocab);

}  // namespace lens
