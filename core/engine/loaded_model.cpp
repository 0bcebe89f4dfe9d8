#include "engine/loaded_model.h"

#include <algorithm>

#include "base/message.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "model/config.h"
#include "model/gguf_names.h"

namespace lens {
namespace {

std::string_view text_of(const File& file) {
  return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
}

const File* find(const std::vector<File>& files, std::string_view name) {
  const auto it = std::ranges::find(files, name, &File::name);
  return it == files.end() ? nullptr : &*it;
}

Result<std::optional<Tokenizer>> load_tokenizer(const std::vector<File>& files) {
  const File* vocab = find(files, "vocab.json");
  const File* merges = find(files, "merges.txt");
  const File* tokenizer = find(files, "tokenizer.json");
  if (!tokenizer && (vocab != nullptr) != (merges != nullptr))
    return Error{"file_missing", std::string(vocab ? "merges.txt" : "vocab.json") + " is missing beside " +
                                     (vocab ? "vocab.json" : "merges.txt") + "; a tokenizer needs both."};
  if (!tokenizer && !vocab) return std::optional<Tokenizer>();
  // tokenizer.json first: it alone names added tokens.
  auto loaded = tokenizer ? Tokenizer::from_tokenizer_json(text_of(*tokenizer))
                          : Tokenizer::from_vocab_and_merges(text_of(*vocab), text_of(*merges));
  if (!loaded) return loaded.error();
  return std::optional(*std::move(loaded));
}

Result<LoadedModel> finish(std::string ref, Result<Model> model, std::optional<Tokenizer> tokenizer) {
  if (!model) return model.error();
  if (tokenizer && tokenizer->size() > model->config().d_vocab)
    return Error{"tokenizer_format", "The tokenizer has ids up to " + std::to_string(tokenizer->size() - 1) +
                                         ", but the model knows " + std::to_string(model->config().d_vocab) +
                                         " tokens; they do not belong together."};
  return LoadedModel{std::move(ref), *std::move(model), std::move(tokenizer)};
}

// One file with everything in it.
Result<LoadedModel> load_gguf(std::string ref, const File& file) {
  const auto gguf = read_gguf(file.bytes, file.name);
  if (!gguf) return gguf.error();
  const auto config = config_of(*gguf, file.name);
  if (!config) return config.error();
  std::optional<Tokenizer> tokenizer;
  if (gguf->metadata.contains("tokenizer.ggml.model")) {
    auto inside = Tokenizer::from_gguf(gguf->metadata, file.name);
    if (!inside) return inside.error();
    tokenizer = *std::move(inside);
  }
  return finish(std::move(ref), Model::load(*config, renamed(gguf->tensors), file.name), std::move(tokenizer));
}

}  // namespace

std::string LoadedModel::token_bytes(TokenId id) const {
  std::string bytes(tokenizer ? tokenizer->bytes_of(id) : std::string_view());
  return bytes.empty() ? "#" + std::to_string(id) : bytes;
}

Result<LoadedModel> load_model(std::string ref, std::vector<File> files) {
  if (const auto gguf = std::ranges::find_if(files, [](const File& file) { return file.name.ends_with(".gguf"); });
      gguf != files.end())
    return load_gguf(std::move(ref), *gguf);
  const File* config_file = find(files, "config.json");
  if (!config_file)
    return Error{"file_missing", ref +
                                     ": config.json is missing; it says how many layers and heads the model has. "
                                     "Give it together with the weights."};
  const auto document = parse_json(text_of(*config_file), "config.json");
  if (!document) return document.error();
  const auto config = parse_config(*document, "config.json");
  if (!config) return config.error();
  auto tokenizer = load_tokenizer(files);
  if (!tokenizer) return tokenizer.error();

  NamedTensors tensors;
  std::string weights_name;
  for (const File& file : files) {
    if (!file.name.ends_with(".safetensors")) continue;
    auto named = read_safetensors(file.bytes, file.name);
    if (!named) return named.error();
    for (auto& [name, tensor] : *named)
      if (!tensors.try_emplace(name, std::move(tensor)).second)
        return Error{"tensor_duplicate",
                     file.name + ": tensor " + in_quotes(name) + " stands in " + weights_name + " too."};
    weights_name += (weights_name.empty() ? "" : ", ") + file.name;
  }
  if (weights_name.empty())
    return Error{"file_missing", ref + ": no .safetensors file was given; it holds the model's weights."};
  return finish(std::move(ref), Model::load(*config, tensors, weights_name), *std::move(tokenizer));
}

}  // namespace lens
