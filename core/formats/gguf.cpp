// "GGUF", u32 version, u64 tensors, u64 keys; the keys; the tensors' infos; padding; the data.
#include "formats/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "base/message.h"
#include "formats/gguf_types.h"

namespace lens {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor bytes are used as they lie in the file");

constexpr std::size_t kMaxDims = 4;     // ggml's own limit
constexpr std::size_t kMaxKeys = 4096;  // some twenty are usual

constexpr std::pair<std::uint32_t, std::string_view> kOtherTensorTypes[] = {
    {2, "Q4_0"},  {3, "Q4_1"},  {6, "Q5_0"},  {7, "Q5_1"},  {9, "Q8_1"},
    {10, "Q2_K"}, {11, "Q3_K"}, {12, "Q4_K"}, {13, "Q5_K"}, {14, "Q6_K"}};

// Walks through the bytes and, once they run out, only ever says so.
class HeaderReader {
 public:
  explicit HeaderReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    T value{};
    if (take(sizeof value)) std::memcpy(&value, bytes_.data() + at_ - sizeof value, sizeof value);
    return value;
  }
  std::string string() {
    const auto length = number<std::uint64_t>();
    if (!take(length)) return {};
    return {reinterpret_cast<const char*>(bytes_.data()) + at_ - length, static_cast<std::size_t>(length)};
  }
  bool take(std::uint64_t n) {
    ok_ = ok_ && n <= bytes_.size() - at_;
    if (ok_) at_ += static_cast<std::size_t>(n);
    return ok_;
  }
  bool ok() const { return ok_; }
  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

// nullopt for a type that GGUF does not have.
std::optional<Json> read_value(HeaderReader& reader, GgufType type, int depth = 0) {
  switch (type) {
    case GgufType::u8:
      return Json(reader.number<std::uint8_t>());
    case GgufType::i8:
      return Json(reader.number<std::int8_t>());
    case GgufType::u16:
      return Json(reader.number<std::uint16_t>());
    case GgufType::i16:
      return Json(reader.number<std::int16_t>());
    case GgufType::u32:
      return Json(reader.number<std::uint32_t>());
    case GgufType::i32:
      return Json(reader.number<std::int32_t>());
    case GgufType::u64:
      return Json(reader.number<std::uint64_t>());
    case GgufType::i64:
      return Json(reader.number<std::int64_t>());
    case GgufType::f32:
      return Json(reader.number<float>());
    case GgufType::f64:
      return Json(reader.number<double>());
    case GgufType::boolean:
      return Json(reader.number<std::uint8_t>() != 0);
    case GgufType::string:
      return Json(reader.string());
    case GgufType::array: {
      const auto item = static_cast<GgufType>(reader.number<std::uint32_t>());
      const auto count = reader.number<std::uint64_t>();
      // Every item takes a byte at least, so a count that cannot be true is found before room is made for it.
      if (depth > 2) return std::nullopt;
      if (!reader.ok() || count > reader.left()) {
        reader.take(~std::uint64_t{0});
        return Json();
      }
      Json list = Json::array();
      for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        auto value = read_value(reader, item, depth + 1);
        if (!value) return std::nullopt;
        list.push_back(*std::move(value));
      }
      return list;
    }
  }
  return std::nullopt;
}

struct TensorInfo {
  std::string name;
  DType dtype;
  std::vector<std::size_t> shape;
  std::uint64_t offset;
};

class GgufHeader {
 public:
  GgufHeader(std::span<const std::byte> head, std::uint64_t size, std::string_view name)
      : bytes_(head), size_(size), name_(name), reader_(head) {}

  Result<GgufHead> read() {
    if (bytes_.size() < 4 || std::memcmp(bytes_.data(), "GGUF", 4) != 0)
      return wrong("it should begin with \"GGUF\", but does not; it is another kind of file");
    reader_.take(4);
    const auto version = reader_.number<std::uint32_t>();
    if (reader_.ok() && version != 2 && version != 3)
      return wrong("it is of GGUF version " + std::to_string(version) +
                   (version == 0 || (version & 0xFFFF) != 0 ? "; versions 2 and 3 can be read"
                                                            : ", big-endian; little-endian ones can be read"));
    const auto n_tensor = reader_.number<std::uint64_t>();
    const auto n_key = reader_.number<std::uint64_t>();
    if (reader_.ok() && n_key > kMaxKeys)
      return wrong("it claims " + std::to_string(n_key) + " keys; at most " + std::to_string(kMaxKeys) +
                   " are believed");

    GgufHead file;
    for (std::uint64_t i = 0; i < n_key && reader_.ok(); ++i) {
      const std::string key = reader_.string();
      const auto type = reader_.number<std::uint32_t>();
      auto value = read_value(reader_, static_cast<GgufType>(type));
      if (!value && reader_.ok())
        return wrong("the key " + in_quotes(key) + " has a value of a type that GGUF does not have");
      if (reader_.ok() && file.metadata.contains(key)) return wrong("the key " + in_quotes(key) + " stands twice");
      if (reader_.ok()) file.metadata[key] = *std::move(value);
    }
    std::vector<TensorInfo> infos;
    for (std::uint64_t i = 0; i < n_tensor && reader_.ok(); ++i) {
      auto info = read_info();
      if (!info) return info.error();
      infos.push_back(*std::move(info));
    }
    if (!reader_.ok() && bytes_.size() < size_)
      return Error{"head_short",
                   name_ + ": its header goes on beyond the first " + std::to_string(bytes_.size()) + " bytes"};
    if (!reader_.ok()) return truncated("its header does not end");
    if (auto status = place(infos, file); !status) return status.error();
    return file;
  }

 private:
  Error wrong(const std::string& what) const { return {"file_format", name_ + ": " + what + "."}; }
  Error truncated(const std::string& what) const {
    return {"file_truncated", name_ + ": the file has " + std::to_string(size_) + " bytes, but " + what +
                                  "; fetch it again, it is not complete."};
  }

  Result<TensorInfo> read_info() {
    TensorInfo info;
    info.name = reader_.string();
    const std::string where = "tensor " + in_quotes(info.name);
    const auto n_dim = reader_.number<std::uint32_t>();
    if (reader_.ok() && n_dim > kMaxDims)
      return wrong(where + " has " + std::to_string(n_dim) + " dimensions; at most 4 are possible");
    for (std::uint32_t d = 0; d < n_dim && reader_.ok(); ++d) {
      const auto extent = reader_.number<std::uint64_t>();
      if (extent > SIZE_MAX) return wrong(where + " is larger than memory");
      info.shape.insert(info.shape.begin(), static_cast<std::size_t>(extent));
    }
    const auto type = reader_.number<std::uint32_t>();
    info.offset = reader_.number<std::uint64_t>();
    if (!reader_.ok()) return info;
    const auto* known = std::ranges::find(kGgufTensorTypes, type, &std::pair<std::uint32_t, DType>::first);
    if (known == std::end(kGgufTensorTypes)) {
      const auto* other =
          std::ranges::find(kOtherTensorTypes, type, &std::pair<std::uint32_t, std::string_view>::first);
      const std::string name =
          other == std::end(kOtherTensorTypes) ? "type " + std::to_string(type) : std::string(other->second);
      return Error{"tensor_dtype", name_ + ": " + where + " is " + name +
                                       "; F32, F16, BF16 and Q8_0 can be read. Convert the model to one of them."};
    }
    info.dtype = known->second;
    return info;
  }

  // Where the tensors' bytes lie: the data begin at the next multiple of the alignment after the header.
  Status place(std::vector<TensorInfo>& infos, GgufHead& file) const {
    std::uint64_t alignment = kGgufAlignment;
    if (const auto key = file.metadata.find("general.alignment"); key != file.metadata.end()) {
      alignment = key->is_number_unsigned() ? key->get<std::uint64_t>() : 0;
      if (!std::has_single_bit(alignment) || alignment > (1u << 20))
        return wrong("general.alignment should be a power of two, but is " + printed(*key));
    }
    const std::uint64_t begin = (reader_.at() + alignment - 1) / alignment * alignment;
    const std::uint64_t n_data = begin > size_ ? 0 : size_ - begin;

    std::ranges::sort(infos, {}, &TensorInfo::offset);
    std::uint64_t end = 0;
    const TensorInfo* before = nullptr;
    for (TensorInfo& info : infos) {
      const std::string where = "tensor " + in_quotes(info.name);
      const auto n_byte = byte_count(info.dtype, info.shape);
      if (!n_byte)
        return wrong(where + " of type " + std::string(name_of(info.dtype)) + " cannot have the shape " +
                     shape_text(info.shape));
      if (info.offset % alignment != 0)
        return wrong(where + " begins at " + std::to_string(info.offset) + ", which is not a multiple of " +
                     std::to_string(alignment));
      if (info.offset > n_data || *n_byte > n_data - info.offset)
        return truncated(where + " ends at byte " + std::to_string(begin + info.offset) + " + " +
                         std::to_string(*n_byte));
      if (before && info.offset < end) return wrong(where + " overlaps " + in_quotes(before->name));
      end = info.offset + *n_byte;
      before = &info;
      if (!file.tensors.try_emplace(info.name, TensorPlace{info.dtype, info.shape, begin + info.offset, *n_byte})
               .second)
        return wrong(where + " stands twice");
    }
    return ok();
  }

  std::span<const std::byte> bytes_;  // the first of size_
  std::uint64_t size_;
  std::string name_;
  HeaderReader reader_;
};

}  // namespace

Result<GgufHead> read_gguf_head(std::span<const std::byte> head, std::uint64_t file_size, std::string_view file) {
  return GgufHeader(head, file_size, file).read();
}

Result<GgufFile> read_gguf(std::span<const std::byte> file_bytes, std::string_view file) {
  auto head = read_gguf_head(file_bytes, file_bytes.size(), file);
  if (!head) return head.error();
  return GgufFile{std::move(head->metadata), views_of(head->tensors, file_bytes)};
}

}  // namespace lens
