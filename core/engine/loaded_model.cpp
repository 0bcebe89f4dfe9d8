#include "engine/loaded_model.h"

namespace lens {

std::string LoadedModel::token_bytes(TokenId id) const {
  std::string bytes(tokenizer ? tokenizer->bytes_of(id) : std::string_view());
  return bytes.empty() ? "#" + std::to_string(id) : bytes;
}

Result<LoadedModel> load_model(std::string ref, std::vector<File> files) {
  const auto parts = read_parts(ref, files);
  if (!parts) return parts.error();
  auto model = Model::load(parts->config, parts->tensors, parts->weights);
  if (!model) return model.error();
  auto tokenizer = tokenizer_of(*parts, model->config().d_vocab);
  if (!tokenizer) return tokenizer.error();
  return LoadedModel{std::move(ref), *std::move(model), *std::move(tokenizer), parts->about.value("general.name", "")};
}

}  // namespace lens
