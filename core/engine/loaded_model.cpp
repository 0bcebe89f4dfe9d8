#include "engine/loaded_model.h"

namespace lens {

std::string LoadedModel::token_bytes(TokenId id) const {
  std::string bytes(tokenizer ? tokenizer->bytes_of(id) : std::string_view());
  return bytes.empty() ? "#" + std::to_string(id) : bytes;
}

Result<LoadedModel> load_model(std::string ref, std::vector<File> files, Precision precision) {
  auto model = ArrivingModel::begin(std::move(ref), files, precision);
  if (!model) return model.error();
  model->make_room();
  for (std::size_t i = 0; i < files.size(); ++i)
    if (auto status = model->put(i, 0, files[i].bytes); !status) return status.error();
  return model->finish();
}

Result<ArrivingModel> ArrivingModel::begin(std::string ref, const std::vector<File>& files, Precision precision) {
  const auto parts = read_parts(ref, files);
  if (!parts) return parts.error();
  auto weights = ModelLoader::begin(parts->config, parts->tensors, parts->weights, precision);
  if (!weights) return weights.error();
  auto tokenizer = tokenizer_of(parts->tokenizer, (*weights)->config().d_vocab);
  if (!tokenizer) return tokenizer.error();
  return ArrivingModel(std::move(ref), *std::move(weights), *std::move(tokenizer),
                       parts->about.value("general.name", ""));
}

Result<LoadedModel> ArrivingModel::finish() {
  auto model = weights_->finish();
  if (!model) return model.error();
  return LoadedModel{std::move(ref_), *std::move(model), std::move(tokenizer_), std::move(name_)};
}

}  // namespace lens
