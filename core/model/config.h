// The hyper-parameters of a GPT-2, read from a checkpoint's config.json and checked once.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "kernels/elementwise.h"
#include "text/token_id.h"

namespace lens {

struct Config {
  std::size_t n_layer = 0;
  std::size_t n_head = 0;
  std::size_t n_ctx = 0;
  std::size_t d_model = 0;
  std::size_t d_head = 0;  // d_model / n_head
  std::size_t d_mlp = 0;
  std::size_t d_vocab = 0;  // config.json's word until the weights are read; theirs counts
  Activation activation = Activation::gelu_new;
  float layer_norm_epsilon = 1e-5f;
  bool scale_attention = true;                    // scores / sqrt(d_head)
  bool scale_attention_by_inverse_layer = false;  // scores / (layer + 1) as well
  bool tied_head = true;                          // without an lm_head of its own the model unembeds with W_E
  std::optional<TokenId> bos;                     // the token that opens a document
  std::optional<TokenId> eos;                     // and the one that ends it; carried for other programs

  // Attention scores of block `layer` are q·k times this.
  float score_scale(std::size_t layer) const;
};

// Hugging Face's config.json; keys that are absent have GPT2Config's defaults, but bos, which is then none. `file` is
// used in messages. Errors: config_format (key, expected, got); not_gpt2 (another architecture, or a variant not built,
// by name).
Result<Config> parse_config(const Json& document, std::string_view file);

}  // namespace lens
