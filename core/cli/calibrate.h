// The mean readings that a calibrated lens needs, made from a text.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/loaded_model.h"

namespace lens {

struct Calibration {
  std::vector<std::byte> file;  // .safetensors, ln p̄ in F16 (lens/lens_file.h)
  std::size_t n_position = 0;   // that the means are of
};

// `text` in windows of the model's context (windows.h), their first positions left out. The file names the model by
// its fingerprint and sizes, so that another model refuses it. Errors: those of Windows::of; out_of_range (the model's
// numbers overflow).
Result<Calibration> calibrate(const LoadedModel& loaded, std::string_view text);

}  // namespace lens
