// The tiny model of tests/golden as the engine takes it.
#pragma once

#include <vector>

#include "engine/loaded_model.h"
#include "read_file.h"

namespace lens::test {

inline std::vector<File> tiny_files() {
  std::vector<File> files;
  for (const char* name : {"config.json", "model.safetensors", "vocab.json", "merges.txt"}) {
    const std::string text = read_file(std::string(LENS_SOURCE_DIR "/tests/golden/tiny/") + name);
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    files.push_back({name, {bytes, bytes + text.size()}});
  }
  return files;
}

}  // namespace lens::test
