// A lens' files turned into a lens of a loaded model.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/loaded_model.h"
#include "engine/model_files.h"
#include "lens/logit_lens.h"

namespace lens {

struct LoadedLens {
  std::string key;  // no other lens that an engine ever loads has it: what was read through this one is cached under it
  Lens lens;
};

using Lenses = std::map<std::string, std::shared_ptr<const LoadedLens>>;  // by name; "raw" is always there

// One .safetensors of translators or of mean readings (lens/lens_file.h), or what tuned-lens publishes: params.pt, and
// config.json as far as it is given. What config.json or the metadata say of the model that the lens was fitted for is held against
// `model`, as far as both say it: d_model, num_hidden_layers, base_model_fingerprint (Model::fingerprint), or, where
// that is unknown, base_model_name_or_path.
// Errors: file_missing; those of read_safetensors, read_torch and lens_of; not_built (another lens_type, by name);
// lens_model (a lens of another model).
Result<Lens> load_lens(const std::vector<File>& files, const LoadedModel& model);

}  // namespace lens
