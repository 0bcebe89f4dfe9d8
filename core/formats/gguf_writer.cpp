#include <algorithm>
#include <ranges>
#include <type_traits>

#include "formats/gguf.h"
#include "formats/gguf_types.h"

namespace lens {
namespace {

class Writer {
 public:
  template <class T>
  requires std::is_arithmetic_v<T>
  void put(T value) {
    const auto raw = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  void put(GgufType type) { put(static_cast<std::uint32_t>(type)); }
  void put(std::string_view text) {
    put(std::uint64_t{text.size()});
    const auto raw = std::as_bytes(std::span(text));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }

  static GgufType type_of(const Json& value) {
    switch (value.type()) {
      case Json::value_t::number_unsigned:
        return GgufType::u32;
      case Json::value_t::number_integer:
        return GgufType::i32;
      case Json::value_t::number_float:
        return GgufType::f32;
      case Json::value_t::boolean:
        return GgufType::boolean;
      case Json::value_t::array:
        return GgufType::array;
      default:
        return GgufType::string;
    }
  }
  void put_value(const Json& value) {
    switch (type_of(value)) {
      case GgufType::u32:
        return put(value.get<std::uint32_t>());
      case GgufType::i32:
        return put(value.get<std::int32_t>());
      case GgufType::f32:
        return put(value.get<float>());
      case GgufType::boolean:
        return put(std::uint8_t{value.get<bool>()});
      case GgufType::array:
        put(value.empty() ? GgufType::string : type_of(value.front()));
        put(std::uint64_t{value.size()});
        for (const Json& item : value) put_value(item);
        return;
      default:
        return put(std::string_view(value.get_ref<const std::string&>()));
    }
  }
  void pad() { bytes.resize((bytes.size() + kGgufAlignment - 1) / kGgufAlignment * kGgufAlignment); }

  std::vector<std::byte> bytes;
};

}  // namespace

std::vector<std::byte> gguf_header(const Json& metadata, std::span<const GgufTensor> tensors) {
  Writer writer;
  for (const char letter : std::string_view("GGUF")) writer.put(letter);
  writer.put(std::uint32_t{3});
  writer.put(std::uint64_t{tensors.size()});
  writer.put(std::uint64_t{metadata.size()});
  for (const auto& [key, value] : metadata.items()) {
    writer.put(std::string_view(key));
    writer.put(Writer::type_of(value));
    writer.put_value(value);
  }
  std::uint64_t offset = 0;
  for (const GgufTensor& tensor : tensors) {
    writer.put(std::string_view(tensor.name));
    writer.put(static_cast<std::uint32_t>(tensor.shape.size()));
    for (const std::size_t extent : tensor.shape | std::views::reverse) writer.put(std::uint64_t{extent});
    writer.put(std::ranges::find(kGgufTensorTypes, tensor.dtype, &std::pair<std::uint32_t, DType>::second)->first);
    writer.put(offset);
    const std::uint64_t n_byte = *byte_count(tensor.dtype, tensor.shape);
    offset += (n_byte + kGgufAlignment - 1) / kGgufAlignment * kGgufAlignment;
  }
  writer.pad();
  return std::move(writer.bytes);
}

}  // namespace lens
