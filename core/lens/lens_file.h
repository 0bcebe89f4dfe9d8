// The tensors of a lens file as a Lens: translators of the stream that enters each block, or what each says on average.
//
//   {i}.weight [d_model, d_model], {i}.bias [d_model]   h + weight · h + bias, as tuned-lens writes them; a lens
//                                                       without biases has none of the latter
//   {i}.jacobian [d_model, d_model]                     jacobian · h
//
// for i = 0 to n_layer − 1, h being the stream that enters block i; matrices are [out, in]. Or, of a calibrated lens,
//
//   mean_log_prob [n_layer + 1, d_vocab]                ln p̄ of the stream that enters each block, and of the output
//
// and nothing else. Files of before April 2023
// call 0 input_adapter (or input_probe) and i layer_adapters.{i−1} (or layer_probes), and hold the model's own
// layer_norm and unembedding beside them, which are not read.
#pragma once

#include <string_view>

#include "base/result.h"
#include "formats/tensors.h"
#include "lens/logit_lens.h"
#include "model/config.h"

namespace lens {

// `file` is used in messages. Errors: lens_format (a tensor that no lens has, of another type, or not finite; means
// that are no probabilities);
// lens_model (tensors that are missing, too many or of other shapes: the lens of another model).
Result<Lens> lens_of(const NamedTensors& tensors, const Config& config, std::string_view file);

}  // namespace lens
