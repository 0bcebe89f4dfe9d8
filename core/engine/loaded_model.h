// A checkpoint's files turned into a model and its tokenizer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/model_files.h"
#include "model/model.h"
#include "model/model_loader.h"
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
// Errors: read_parts', ModelLoader's and tokenizer_of's.
Result<LoadedModel> load_model(std::string ref, std::vector<File> files, Precision precision = Precision::as_stored);

// A model of which the tokenizer is here and the weights are on their way (ModelLoader).
class ArrivingModel {
 public:
  // Of the files with weights the beginning is enough. Errors: as above.
  static Result<ArrivingModel> begin(std::string ref, const std::vector<File>& files, Precision precision);

  const ModelLoader& weights() const { return *weights_; }
  bool has_tokenizer() const { return tokenizer_.has_value(); }
  void make_room() { weights_->make_room(); }
  Status put(std::size_t file, std::uint64_t offset, std::span<const std::byte> bytes) {
    return weights_->put(file, offset, bytes);
  }
  Result<LoadedModel> finish();

 private:
  ArrivingModel(std::string ref, std::unique_ptr<ModelLoader> weights, std::optional<Tokenizer> tokenizer,
                std::string name)
      : ref_(std::move(ref)), weights_(std::move(weights)), tokenizer_(std::move(tokenizer)), name_(std::move(name)) {}

  std::string ref_;
  std::unique_ptr<ModelLoader> weights_;
  std::optional<Tokenizer> tokenizer_;
  std::string name_;
};

}  // namespace lens
