#include "model/config.h"

#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "base/message.h"

namespace lens {
namespace {

// Reads keys off one JSON object and remembers the first thing that is wrong with it.
class Keys {
 public:
  Keys(const Json& document, std::string_view file) : document_(document), file_(file) {}

  // A whole number from 1 to `most`. `alias` is the name that other families give to the same key.
  std::size_t count(const char* key, const char* alias, std::size_t fallback, std::size_t most) {
    const Json* value = find(key) ? find(key) : find(alias);
    if (!value) return fallback;
    if (!value->is_number_integer() || value->get<double>() < 1 || value->get<double>() > static_cast<double>(most)) {
      fail(key, "a whole number from 1 to " + std::to_string(most), *value);
      return fallback;
    }
    return value->get<std::size_t>();
  }
  bool flag(const char* key, bool fallback) {
    const Json* value = find(key);
    if (!value) return fallback;
    if (!value->is_boolean()) fail(key, "true or false", *value);
    return value->is_boolean() ? value->get<bool>() : fallback;
  }
  double number(const char* key, double fallback) {
    const Json* value = find(key);
    if (!value) return fallback;
    if (!value->is_number() || !(value->get<double>() > 0) || value->get<double>() > 1) {
      fail(key, "a number above 0 and at most 1", *value);
      return fallback;
    }
    return value->get<double>();
  }
  std::string text(const char* key, const char* fallback) {
    const Json* value = find(key);
    if (!value) return fallback;
    if (!value->is_string()) fail(key, "a string", *value);
    return value->is_string() ? value->get<std::string>() : fallback;
  }
  std::optional<TokenId> token(const char* key) {
    const Json* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_number_integer() || value->get<double>() < 0 || value->get<double>() > 2e9) {
      fail(key, "a token id", *value);
      return std::nullopt;
    }
    return value->get<TokenId>();
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  // A key that is null is a key left out.
  const Json* find(const char* key) const {
    if (!key) return nullptr;
    const auto it = document_.find(key);
    return it == document_.end() || it->is_null() ? nullptr : &*it;
  }
  void fail(const char* key, const std::string& expected, const Json& got) {
    if (!error_)
      error_ =
          Error{"config_format", file_ + ": \"" + key + "\" should be " + expected + ", but is " + printed(got) + "."};
  }

  const Json& document_;
  std::string file_;
  std::optional<Error> error_;
};

}  // namespace

float Config::score_scale(std::size_t layer) const {
  double scale = 1;
  if (scale_attention) scale /= std::sqrt(static_cast<double>(d_head));
  if (scale_attention_by_inverse_layer) scale /= static_cast<double>(layer + 1);
  return static_cast<float>(scale);
}

Result<Config> parse_config(const Json& document, std::string_view file) {
  const std::string name(file);
  if (!document.is_object())
    return Error{"config_format", name + ": should hold one JSON object with the model's hyper-parameters."};
  Keys keys(document, file);

  const std::string type = keys.text("model_type", "gpt2");
  if (type != "gpt2")
    return Error{"not_gpt2", name + ": model_type is " + in_quotes(type) + "; only \"gpt2\" can be read."};
  if (keys.flag("add_cross_attention", false))
    return Error{"not_gpt2", name + ": the model has cross-attention (add_cross_attention), which is not built."};

  Config config;
  config.n_layer = keys.count("n_layer", "num_hidden_layers", 12, 1000);
  config.n_head = keys.count("n_head", "num_attention_heads", 12, 1000);
  config.n_ctx = keys.count("n_positions", "n_ctx", 1024, 1 << 20);
  config.d_model = keys.count("n_embd", "hidden_size", 768, 1 << 16);
  config.d_mlp = keys.count("n_inner", nullptr, 4 * config.d_model, 1 << 18);
  config.d_vocab = keys.count("vocab_size", nullptr, 50257, 1 << 24);
  config.layer_norm_epsilon = static_cast<float>(keys.number("layer_norm_epsilon", 1e-5));
  config.scale_attention = keys.flag("scale_attn_weights", true);
  config.scale_attention_by_inverse_layer = keys.flag("scale_attn_by_inverse_layer_idx", false);
  config.tied_head = keys.flag("tie_word_embeddings", true);
  config.bos = keys.token("bos_token_id");
  // Some files name several; nothing here depends on it.
  if (const auto eos = document.find("eos_token_id"); eos != document.end() && eos->is_number())
    config.eos = keys.token("eos_token_id");
  const std::string activation = keys.text("activation_function", "gelu_new");
  if (keys.error()) return *keys.error();

  // The names of Hugging Face's ACT2FN; the first three are the tanh form.
  static const std::map<std::string, Activation, std::less<>> kActivations{
      {"gelu_new", Activation::gelu_new},  {"gelu_pytorch_tanh", Activation::gelu_new},
      {"gelu_fast", Activation::gelu_new}, {"gelu", Activation::gelu},
      {"relu", Activation::relu},          {"silu", Activation::silu},
      {"swish", Activation::silu},         {"tanh", Activation::tanh}};
  const auto known = kActivations.find(activation);
  if (known == kActivations.end())
    return Error{"not_gpt2", name + ": activation_function " + in_quotes(activation) +
                                 " is not built; gelu_new, gelu, relu, silu and tanh are."};
  config.activation = known->second;
  if (config.d_model % config.n_head != 0)
    return Error{"config_format", name + ": n_embd " + std::to_string(config.d_model) +
                                      " cannot be shared out evenly among n_head " + std::to_string(config.n_head) +
                                      " heads."};
  config.d_head = config.d_model / config.n_head;
  return config;
}

}  // namespace lens
