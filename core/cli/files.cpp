#include "cli/files.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace lens {

namespace fs = std::filesystem;

namespace {

Result<std::vector<File>> read_all(const std::vector<fs::path>& paths) {
  std::vector<File> files;
  for (const fs::path& path : paths) {
    auto file = read_file(path);
    if (!file) return file.error();
    files.push_back(*std::move(file));
  }
  return files;
}

}  // namespace

Result<File> read_file(const fs::path& path) {
  std::error_code error;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || !fs::is_regular_file(path, error))
    return Error{"file_missing", path.string() + " cannot be opened; does it exist?"};
  File file{path.filename().string(), std::vector<std::byte>(static_cast<std::size_t>(in.tellg()))};
  in.seekg(0);
  in.read(reinterpret_cast<char*>(file.bytes.data()), static_cast<std::streamsize>(file.bytes.size()));
  if (!in) return Error{"file_truncated", path.string() + " could not be read to its end."};
  return file;
}

Result<std::vector<File>> read_model_files(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> paths;
  const bool is_folder = fs::is_directory(path, error);
  const fs::path folder = is_folder ? path : path.parent_path();
  if (!is_folder) {
    if (!fs::is_regular_file(path, error))
      return Error{"file_missing", path.string() + " is neither a file nor a folder."};
    paths.push_back(path);
    if (path.extension() == ".gguf") return read_all(paths);
  }
  for (const char* name : {"config.json", "tokenizer.json", "vocab.json", "merges.txt", "model.safetensors.index.json"})
    if (fs::is_regular_file(folder / name, error)) paths.push_back(folder / name);
  if (is_folder)
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
  return read_all(paths);
}

Result<std::vector<File>> read_lens_files(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> paths{fs::is_directory(path, error) ? path / "params.pt" : path};
  if (const fs::path config = paths[0].parent_path() / "config.json";
      paths[0].extension() == ".pt" && fs::is_regular_file(config, error))
    paths.push_back(config);
  return read_all(paths);
}

NewFile::NewFile(fs::path path) : path_(std::move(path)), part_(path_), out_() {
  part_ += ".part";
  out_.open(part_, std::ios::binary | std::ios::trunc);
}

NewFile::~NewFile() {
  out_.close();
  std::error_code error;
  fs::remove(part_, error);
}

Status NewFile::write(std::span<const std::byte> bytes) {
  out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return out_ ? ok() : failed();
}

Status NewFile::finish() {
  out_.close();
  if (!out_) return failed();
  std::error_code error;
  fs::rename(part_, path_, error);
  return error ? failed() : ok();
}

Error NewFile::failed() const {
  return {"file_write", path_.string() + " could not be written (" + std::generic_category().message(errno) + ")."};
}

}  // namespace lens
