// GGUF's words for a GPT-2, turned into Hugging Face's, which the rest of model/ speaks.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "formats/gguf.h"
#include "model/config.h"

namespace lens {

// The hyper-parameters in a GGUF's metadata. Errors: not_gpt2 (another architecture, by name), config_format.
Result<Config> config_of(const GgufFile& gguf, std::string_view file);

// The tensors under their Hugging Face names: "blk.3.ffn_up.weight" is "h.3.mlp.c_fc.weight". Others keep theirs.
NamedTensors renamed(const NamedTensors& gguf);

}  // namespace lens
