// Files on disk: a model's, and one being written.
#pragma once

#include <filesystem>
#include <fstream>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/model_files.h"

namespace lens {

// Errors: file_missing, file_truncated.
Result<File> read_file(const std::filesystem::path& path);

// The files of a model: one .gguf, a Hugging Face folder, or one .safetensors with the small files that lie beside it.
// Errors: as read_file's.
Result<std::vector<File>> read_model_files(const std::filesystem::path& path);

// The files of a lens: one .safetensors, or a params.pt with the config.json beside it; a folder means the params.pt in
// it. Errors: as read_file's.
Result<std::vector<File>> read_lens_files(const std::filesystem::path& path);

// A file that appears under its name only when it is whole: until then it is NAME.part, which goes if it is left so.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // Errors of both: file_write.
  Status write(std::span<const std::byte> bytes);
  Status finish();

 private:
  Error failed() const;

  std::filesystem::path path_, part_;
  std::ofstream out_;
};

}  // namespace lens
