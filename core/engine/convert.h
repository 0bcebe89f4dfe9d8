// A checkpoint rewritten as one GGUF, which llama.cpp opens too.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/model_files.h"

namespace lens {

// What became of the weights.
struct Conversion {
  std::size_t n_byte = 0;         // of the new file
  double worst_error = 0;         // the largest |written − read| of all weights
  std::string worst_tensor;       // where it is; none where nothing changed
  double worst_tensor_size = 0;   // the largest |weight| there
  std::vector<std::string> wide;  // tensors written as F16 because their rows do not divide into blocks of Q8_0
};

// Takes the file's bytes piece by piece. Its error ends the conversion.
using Sink = std::function<Status(std::span<const std::byte>)>;

// Writes the checkpoint in `files` as GGUF version 3, architecture gpt2, with its tokenizer inside: matrices as `type`
// (F32, F16 or Q8_0), vectors and W_pos as F32, as llama.cpp's own converter does; Q8_0 stays the same blocks. One
// tensor at a time is held beside `files`. `name` becomes general.name where the files do not say one.
// Errors: read_parts', Checkpoint's, tokenizer_of's; not_gguf (a model that GGUF has no words for); tensor_value (a
// weight beyond what `type` holds); the sink's.
Result<Conversion> convert(const std::string& name, const std::vector<File>& files, DType type, const Sink& sink);

}  // namespace lens
