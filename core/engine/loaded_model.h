// A checkpoint's files turned into a model and its tokenizer.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace lens {

// A file's name without its folders, and its contents.
struct File {
  std::string name;
  std::vector<std::byte> bytes;
};

struct LoadedModel {
  std::string ref;
  Model model;
  std::optional<Tokenizer> tokenizer;  // absent: the model reads and says ids

  // The bytes of a token; "#12" where there is no tokenizer or the id has no token in it.
  std::string token_bytes(TokenId id) const;
};

// One GGUF file, which holds everything; or a Hugging Face folder: config.json, one or more .safetensors, and
// vocab.json + merges.txt or tokenizer.json (or neither). The files stay in memory until the model stands beside them.
// Errors: file_missing; those of parse_config, read_safetensors, Model::load and Tokenizer; tokenizer_format (a
// tokenizer for another vocabulary).
Result<LoadedModel> load_model(std::string ref, std::vector<File> files);

}  // namespace lens
