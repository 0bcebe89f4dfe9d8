#include "model/gguf_names.h"

#include <algorithm>
#include <string>

#include "base/message.h"

namespace lens {
namespace {

struct Renaming {
  std::string_view gguf, hugging_face;
};

// llama.cpp writes gelu's tanh form for this architecture, and a LayerNorm with biases: GPT2Config's defaults.
constexpr Renaming kKeys[] = {
    {"gpt2.block_count", "n_layer"},         {"gpt2.attention.head_count", "n_head"},
    {"gpt2.context_length", "n_positions"},  {"gpt2.embedding_length", "n_embd"},
    {"gpt2.feed_forward_length", "n_inner"}, {"gpt2.attention.layer_norm_epsilon", "layer_norm_epsilon"},
};
constexpr std::string_view kOptionalKey = "gpt2.feed_forward_length";  // 4 · n_embd where it is left out

constexpr Renaming kTensors[] = {
    {"token_embd", "wte"},
    {"position_embd", "wpe"},
    {"output_norm", "ln_f"},
    {"output", "lm_head"},
};
constexpr Renaming kBlockTensors[] = {
    {"attn_norm", "ln_1"}, {"attn_qkv", "attn.c_attn"}, {"attn_output", "attn.c_proj"},
    {"ffn_norm", "ln_2"},  {"ffn_up", "mlp.c_fc"},      {"ffn_down", "mlp.c_proj"},
};

template <std::size_t N>
std::string_view look_up(const Renaming (&table)[N], std::string_view name) {
  const auto* found = std::ranges::find(table, name, &Renaming::gguf);
  return found == std::end(table) ? std::string_view() : found->hugging_face;
}

std::string renamed(std::string_view name) {
  const std::size_t suffix = std::min(name.rfind('.'), name.size());  // ".weight" or ".bias"
  std::string_view stem = name.substr(0, suffix);
  std::string prefix;
  std::string_view known = look_up(kTensors, stem);
  if (stem.starts_with("blk.")) {
    const std::size_t dot = stem.find('.', 4);
    if (dot == std::string_view::npos) return std::string(name);
    prefix = "h." + std::string(stem.substr(4, dot - 4)) + ".";
    known = look_up(kBlockTensors, stem.substr(dot + 1));
  }
  return known.empty() ? std::string(name) : prefix + std::string(known) + std::string(name.substr(suffix));
}

}  // namespace

Result<Config> config_of(const GgufFile& gguf, std::string_view file) {
  const std::string name(file);
  const auto architecture = gguf.metadata.find("general.architecture");
  if (architecture == gguf.metadata.end() || *architecture != "gpt2")
    return Error{"not_gpt2", name + ": general.architecture is " +
                                 (architecture == gguf.metadata.end() ? "missing" : printed(*architecture)) +
                                 "; only \"gpt2\" can be read."};
  Json config = Json::object();
  for (const auto& [key, hugging_face] : kKeys) {
    const auto value = gguf.metadata.find(key);
    if (value != gguf.metadata.end())
      config[std::string(hugging_face)] = *value;
    else if (key != kOptionalKey)
      return Error{"config_format", name + ": the key \"" + std::string(key) + "\" is missing."};
  }
  if (const auto bos = gguf.metadata.find("tokenizer.ggml.bos_token_id"); bos != gguf.metadata.end())
    config["bos_token_id"] = *bos;
  return parse_config(config, file);
}

NamedTensors renamed(const NamedTensors& gguf) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : gguf) tensors.emplace(renamed(name), tensor);
  return tensors;
}

}  // namespace lens
