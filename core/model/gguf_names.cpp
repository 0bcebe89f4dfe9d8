#include "model/gguf_names.h"

#include <algorithm>
#include <cstdint>
#include <map>
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

// `name` with one side's words replaced by the other's; empty where the table does not know it.
template <std::size_t N>
std::string_view look_up(const Renaming (&table)[N], std::string_view name, std::string_view Renaming::*from,
                         std::string_view Renaming::*to) {
  const auto* found = std::ranges::find(table, name, from);
  return found == std::end(table) ? std::string_view() : found->*to;
}

// Block 3's tensors begin with "blk.3." there and "h.3." here.
std::string renamed(std::string_view name, std::string_view Renaming::*from, std::string_view Renaming::*to) {
  constexpr Renaming blocks{"blk.", "h."};
  const std::size_t suffix = std::min(name.rfind('.'), name.size());  // ".weight" or ".bias"
  const std::string_view stem = name.substr(0, suffix);
  std::string prefix;
  std::string_view known = look_up(kTensors, stem, from, to);
  if (stem.starts_with(blocks.*from)) {
    const std::size_t layer = (blocks.*from).size(), dot = stem.find('.', layer);
    if (dot == std::string_view::npos) return std::string(name);
    prefix = std::string(blocks.*to) + std::string(stem.substr(layer, dot + 1 - layer));
    known = look_up(kBlockTensors, stem.substr(dot + 1), from, to);
  }
  return known.empty() ? std::string(name) : prefix + std::string(known) + std::string(name.substr(suffix));
}

}  // namespace

Result<Config> config_of(const Json& metadata, std::string_view file) {
  const std::string name(file);
  const auto architecture = metadata.find("general.architecture");
  if (architecture == metadata.end() || *architecture != "gpt2")
    return Error{"not_gpt2", name + ": general.architecture is " +
                                 (architecture == metadata.end() ? "missing" : printed(*architecture)) +
                                 "; only \"gpt2\" can be read."};
  Json config = Json::object();
  for (const auto& [key, hugging_face] : kKeys) {
    const auto value = metadata.find(key);
    if (value != metadata.end())
      config[std::string(hugging_face)] = *value;
    else if (key != kOptionalKey)
      return Error{"config_format", name + ": the key \"" + std::string(key) + "\" is missing."};
  }
  for (const std::string token : {"bos_token_id", "eos_token_id"})
    if (const auto id = metadata.find("tokenizer.ggml." + token); id != metadata.end()) config[token] = *id;
  return parse_config(config, file);
}

TensorPlaces renamed(const TensorPlaces& gguf) {
  TensorPlaces tensors;
  for (const auto& [name, tensor] : gguf)
    tensors.emplace(renamed(name, &Renaming::gguf, &Renaming::hugging_face), tensor);
  return tensors;
}

Result<Json> gguf_keys(const Config& c, std::string_view file) {
  const auto refused = [&](const std::string& what) {
    return Error{"not_gguf",
                 std::string(file) + ": " + what +
                     ", which a GGUF of the architecture \"gpt2\" cannot say; whoever read it would compute "
                     "other numbers."};
  };
  if (c.activation != Activation::gelu_new) return refused("the activation is not the tanh form of GELU");
  if (!c.scale_attention) return refused("scale_attn_weights is false");
  if (c.scale_attention_by_inverse_layer) return refused("scale_attn_by_inverse_layer_idx is true");

  const std::map<std::string_view, Json> values{
      {"n_layer", c.n_layer}, {"n_head", c.n_head}, {"n_positions", c.n_ctx},
      {"n_embd", c.d_model},  {"n_inner", c.d_mlp}, {"layer_norm_epsilon", c.layer_norm_epsilon},
  };
  Json keys{{"general.architecture", "gpt2"}};
  for (const auto& [gguf, hugging_face] : kKeys) keys[std::string(gguf)] = values.at(hugging_face);
  keys["gpt2.vocab_size"] = c.d_vocab;
  if (c.bos) keys["tokenizer.ggml.bos_token_id"] = static_cast<std::uint32_t>(*c.bos);
  if (c.eos) keys["tokenizer.ggml.eos_token_id"] = static_cast<std::uint32_t>(*c.eos);
  return keys;
}

std::string gguf_name(std::string_view hugging_face) {
  return renamed(hugging_face, &Renaming::hugging_face, &Renaming::gguf);
}

}  // namespace lens
