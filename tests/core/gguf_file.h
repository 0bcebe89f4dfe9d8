// Writes GGUF files for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace lens::test {

class GgufWriter {
 public:
  static constexpr std::uint32_t kU32 = 4, kF32 = 6, kString = 8, kArray = 9;

  void key(const std::string& name, std::uint32_t value) { begin_key(name, kU32), put(keys_, value); }
  void key(const std::string& name, float value) { begin_key(name, kF32), put(keys_, value); }
  void key(const std::string& name, const std::string& value) { begin_key(name, kString), put(keys_, value); }
  void key(const std::string& name, const std::vector<std::string>& list) {
    begin_key(name, kArray);
    put(keys_, kString);
    put(keys_, std::uint64_t{list.size()});
    for (const std::string& item : list) put(keys_, item);
  }
  void key(const std::string& name, const std::vector<std::uint32_t>& list) {
    begin_key(name, kArray);
    put(keys_, kU32);
    put(keys_, std::uint64_t{list.size()});
    for (const std::uint32_t item : list) put(keys_, item);
  }

  // `shape` slowest dimension first; `type` is ggml's number.
  void tensor(const std::string& name, std::vector<std::uint64_t> shape, std::uint32_t type,
              std::span<const std::byte> bytes) {
    put(infos_, name);
    put(infos_, static_cast<std::uint32_t>(shape.size()));
    for (auto extent = shape.rbegin(); extent != shape.rend(); ++extent) put(infos_, *extent);
    put(infos_, type);
    put(infos_, std::uint64_t{data_.size()});
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    pad(data_);
    ++n_tensor_;
  }

  std::vector<std::byte> file(std::uint32_t version = 3) const {
    std::vector<std::byte> file;
    for (const char c : {'G', 'G', 'U', 'F'}) file.push_back(static_cast<std::byte>(c));
    put(file, version);
    put(file, n_tensor_);
    put(file, n_key_);
    file.insert(file.end(), keys_.begin(), keys_.end());
    file.insert(file.end(), infos_.begin(), infos_.end());
    pad(file);
    file.insert(file.end(), data_.begin(), data_.end());
    return file;
  }

 private:
  template <class T>
  static void put(std::vector<std::byte>& out, T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    out.insert(out.end(), bytes, bytes + sizeof value);
  }
  static void put(std::vector<std::byte>& out, const std::string& text) {
    put(out, std::uint64_t{text.size()});
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    out.insert(out.end(), bytes, bytes + text.size());
  }
  static void pad(std::vector<std::byte>& out) { out.resize((out.size() + 31) / 32 * 32); }
  void begin_key(const std::string& name, std::uint32_t type) {
    put(keys_, name);
    put(keys_, type);
    ++n_key_;
  }

  std::uint64_t n_key_ = 0, n_tensor_ = 0;
  std::vector<std::byte> keys_, infos_, data_;
};

}  // namespace lens::test
