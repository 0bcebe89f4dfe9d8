// A checkpoint's files turned into a model and its tokenizer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/model_files.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace lens {

struct LoadedModel {
  std::string ref;
  Model model;
  std::optional<Tokenizer> tokenizer;  // absent: the model reads and says ids
  std::string name;                    // as its file calls it (general.name); empty where it does not say

  // The bytes of a token; "#12" where there is no tokenizer or the id has no token in it.
  std::string token_bytes(TokenId id) const;
};

// `files` are those of one checkpoint (model_files.h); they stay in memory until the model stands beside them.
// Errors: read_parts', Model::load's and tokenizer_of's.
Result<LoadedModel> load_model(std::string ref, std::vector<File> files);

}  // namespace lens
