// From the end: a record that says where the directory is; in it an entry for each file, which says where that begins;
// there a header of its own, and behind it the bytes.
#include "formats/zip.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/message.h"

namespace lens {
namespace {

constexpr std::uint32_t kEnd = 0x06054b50, kDirectory = 0x02014b50, kLocal = 0x04034b50;
constexpr std::size_t kEndBytes = 22, kDirectoryBytes = 46, kLocalBytes = 30;
constexpr std::size_t kMostComment = 0xffff;
constexpr std::uint32_t kIsZip64 = 0xffffffff;

// Little-endian numbers at an offset; nothing beyond the end is read.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
  bool has(std::size_t at, std::size_t n) const { return at <= bytes_.size() && n <= bytes_.size() - at; }
  std::uint32_t u16(std::size_t at) const { return number<std::uint16_t>(at); }
  std::uint32_t u32(std::size_t at) const { return number<std::uint32_t>(at); }
  std::span<const std::byte> part(std::size_t at, std::size_t n) const { return bytes_.subspan(at, n); }
  std::size_t size() const { return bytes_.size(); }

 private:
  template <class T>
  T number(std::size_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }
  std::span<const std::byte> bytes_;
};

std::optional<std::size_t> find_end(const Bytes& bytes) {
  if (bytes.size() < kEndBytes) return std::nullopt;
  const std::size_t last = bytes.size() - kEndBytes;
  for (std::size_t back = 0; back <= std::min(last, kMostComment); ++back)
    if (bytes.u32(last - back) == kEnd) return last - back;
  return std::nullopt;
}

}  // namespace

Result<ZipEntries> read_zip(std::span<const std::byte> file_bytes, std::string_view file_name) {
  const std::string file(file_name);
  const Bytes bytes(file_bytes);
  const auto end = find_end(bytes);
  if (!end)
    return Error{"file_format", file +
                                    ": has no zip directory at its end; it is no zip file, or it was cut off. Fetch "
                                    "it again."};
  const auto cut_off = [&](const std::string& what) {
    return Error{"file_truncated", file + ": " + what + " lies beyond the end of the file; fetch it again."};
  };
  const std::size_t n_entry = bytes.u16(*end + 10);
  std::size_t at = bytes.u32(*end + 16);
  if (at == kIsZip64)
    return Error{"file_format",
                 file + ": is a zip64 file, of more than 4 GB or 65,535 entries, which is not read here."};

  ZipEntries entries;
  for (std::size_t i = 0; i < n_entry; ++i) {
    if (!bytes.has(at, kDirectoryBytes)) return cut_off("the zip directory");
    if (bytes.u32(at) != kDirectory)
      return Error{"file_format", file + ": its zip directory is damaged; fetch it again."};
    const std::size_t flags = bytes.u16(at + 8), method = bytes.u16(at + 10);
    const std::size_t packed = bytes.u32(at + 20), size = bytes.u32(at + 24), n_name = bytes.u16(at + 28);
    const std::size_t local = bytes.u32(at + 42);
    const std::size_t n_more = bytes.u16(at + 30) + bytes.u16(at + 32);
    if (!bytes.has(at + kDirectoryBytes, n_name)) return cut_off("the zip directory");
    const auto name_bytes = bytes.part(at + kDirectoryBytes, n_name);
    const std::string name(reinterpret_cast<const char*>(name_bytes.data()), n_name);
    const std::string where = file + ": entry " + in_quotes(name);
    if (flags & 1) return Error{"file_format", where + " is encrypted; save the file without."};
    if (method != 0 || packed != size)
      return Error{"file_format", where + " is compressed; torch.save writes plain entries. Save it again with that."};
    if (!bytes.has(local, kLocalBytes) || bytes.u32(local) != kLocal)
      return Error{"file_format", where + ": its data is not where the directory says; fetch the file again."};
    // The local header's name and extra field may be longer than the directory's: that is how data is aligned.
    const std::size_t data = local + kLocalBytes + bytes.u16(local + 26) + bytes.u16(local + 28);
    if (!bytes.has(data, size)) return cut_off("entry " + in_quotes(name));
    if (!entries.emplace(name, bytes.part(data, size)).second) return Error{"file_format", where + " is there twice."};
    at += kDirectoryBytes + n_name + n_more;
  }
  return entries;
}

}  // namespace lens
