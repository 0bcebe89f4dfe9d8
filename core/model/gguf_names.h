// GGUF's words for a GPT-2, and Hugging Face's, which the rest of model/ speaks.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "formats/gguf.h"
#include "model/config.h"

namespace lens {

// The hyper-parameters in a GGUF's metadata. Errors: not_gpt2 (another architecture, by name), config_format.
Result<Config> config_of(const Json& metadata, std::string_view file);

// The tensors under their Hugging Face names: "blk.3.ffn_up.weight" is "h.3.mlp.c_fc.weight". Others keep theirs.
TensorPlaces renamed(const TensorPlaces& gguf);

// The other way: the keys that config_of reads, as llama.cpp writes them. Error: not_gguf, where the model differs from
// GPT-2 in what readers of the architecture "gpt2" take for granted (the activation, the attention's scale).
Result<Json> gguf_keys(const Config& config, std::string_view file);
// "h.3.mlp.c_fc.weight" is "blk.3.ffn_up.weight".
std::string gguf_name(std::string_view hugging_face);

}  // namespace lens
