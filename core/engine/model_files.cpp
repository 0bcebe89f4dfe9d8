#include "engine/model_files.h"

#include <algorithm>

#include "base/message.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "model/gguf_names.h"

namespace lens {
namespace {

constexpr std::string_view kIndex = "model.safetensors.index.json";

std::string_view text_of(const File& file) {
  return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
}

const File* find(const std::vector<File>& files, std::string_view name) {
  const auto it = std::ranges::find(files, name, &File::name);
  return it == files.end() ? nullptr : &*it;
}

}  // namespace

Result<std::optional<TokenizerFiles>> read_tokenizer(const std::vector<File>& files) {
  const File* vocab = find(files, "vocab.json");
  const File* merges = find(files, "merges.txt");
  const File* tokenizer = find(files, "tokenizer.json");
  if (!tokenizer && (vocab != nullptr) != (merges != nullptr))
    return Error{"file_missing", std::string(vocab ? "merges.txt" : "vocab.json") + " is missing beside " +
                                     (vocab ? "vocab.json" : "merges.txt") + "; a tokenizer needs both."};
  if (!tokenizer && !vocab) return std::optional<TokenizerFiles>();
  // tokenizer.json first: it alone names added tokens.
  auto read =
      tokenizer ? read_tokenizer_json(text_of(*tokenizer)) : read_vocab_and_merges(text_of(*vocab), text_of(*merges));
  if (!read) return read.error();
  return std::optional(*std::move(read));
}

namespace {

// One file with everything in it.
Result<ModelParts> read_gguf_parts(const File& file) {
  const auto gguf = read_gguf_head(file.bytes, file.size(), file.name);
  if (!gguf) return gguf.error();
  const auto config = config_of(gguf->metadata, file.name);
  if (!config) return config.error();
  ModelParts parts{.config = *config, .tensors = renamed(gguf->tensors), .weights = file.name, .tokenizer = {}};
  const auto model = gguf->metadata.find("tokenizer.ggml.model");
  if (model != gguf->metadata.end() && *model != "no_vocab" && *model != "none") {
    auto tokenizer = read_gguf_tokenizer(gguf->metadata, file.name);
    if (!tokenizer) return tokenizer.error();
    parts.tokenizer = *std::move(tokenizer);
  }
  for (const auto& [key, value] : gguf->metadata.items())
    if (key.starts_with("general.") && value.is_string()) parts.about[key] = value;
  return parts;
}

// {"weight_map": {"wte.weight": "model-00001-of-00002.safetensors", …}}
Status check_index(const std::vector<File>& files) {
  const File* index = find(files, kIndex);
  if (!index) return ok();
  const auto document = parse_json(text_of(*index), kIndex);
  if (!document) return document.error();
  const auto map = document->find("weight_map");
  if (map == document->end() || !map->is_object())
    return Error{"file_format", std::string(kIndex) + ": \"weight_map\" should say which file holds which tensor."};
  for (const auto& [tensor, file] : map->items())
    if (!file.is_string() || !find(files, file.get_ref<const std::string&>()))
      return Error{"file_missing", printed(file) + " is missing: " + std::string(kIndex) + " says that it holds " +
                                       in_quotes(tensor) + ". Give all the files together."};
  return ok();
}

}  // namespace

Result<ModelParts> read_parts(const std::string& ref, const std::vector<File>& files) {
  const auto gguf = std::ranges::find_if(files, [](const File& file) { return file.name.ends_with(".gguf"); });
  if (gguf != files.end()) {
    auto parts = read_gguf_parts(*gguf);
    if (!parts) return parts.error();
    for (auto& [name, tensor] : parts->tensors) tensor.file = static_cast<std::size_t>(gguf - files.begin());
    return parts;
  }
  if (find(files, "adapter_config.json") || find(files, "adapter_model.safetensors"))
    return Error{"not_gpt2", ref +
                                 ": this is a LoRA adapter, a change to a model and not a model; merge it into its "
                                 "model (peft's merge_and_unload) and open the result."};
  const File* config_file = find(files, "config.json");
  if (!config_file)
    return Error{"file_missing", ref +
                                     ": config.json is missing; it says how many layers and heads the model has. "
                                     "Give it together with the weights."};
  const auto document = parse_json(text_of(*config_file), "config.json");
  if (!document) return document.error();
  const auto config = parse_config(*document, "config.json");
  if (!config) return config.error();
  ModelParts parts{.config = *config, .tensors = {}, .weights = {}, .tokenizer = {}};
  auto tokenizer = read_tokenizer(files);
  if (!tokenizer) return tokenizer.error();
  parts.tokenizer = *std::move(tokenizer);
  if (auto status = check_index(files); !status) return status.error();

  for (std::size_t i = 0; i < files.size(); ++i) {
    const File& file = files[i];
    if (!file.name.ends_with(".safetensors")) continue;
    auto named = read_safetensors_head(file.bytes, file.size(), file.name);
    if (!named) return named.error();
    for (auto& [name, tensor] : *named) {
      tensor.file = i;
      if (!parts.tensors.try_emplace(name, std::move(tensor)).second)
        return Error{"tensor_duplicate",
                     file.name + ": tensor " + in_quotes(name) + " stands in " + parts.weights + " too."};
    }
    parts.weights += (parts.weights.empty() ? "" : ", ") + file.name;
  }
  if (parts.weights.empty())
    return Error{"file_missing", ref + ": no .safetensors file was given; it holds the model's weights."};
  return parts;
}

Result<std::optional<Tokenizer>> tokenizer_of(const std::optional<TokenizerFiles>& files, std::size_t d_vocab) {
  if (!files) return std::optional<Tokenizer>();
  auto tokenizer = Tokenizer::build(*files);
  if (!tokenizer) return tokenizer.error();
  if (tokenizer->size() > d_vocab)
    return Error{"tokenizer_format", "The tokenizer has ids up to " + std::to_string(tokenizer->size() - 1) +
                                         ", but the model knows " + std::to_string(d_vocab) +
                                         " tokens; they do not belong together."};
  return std::optional(*std::move(tokenizer));
}

}  // namespace lens
