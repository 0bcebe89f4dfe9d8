// u64 header length, little-endian; the header, JSON; then the buffer, which the tensors fill gaplessly.
#include "formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/message.h"

namespace lens {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor bytes are used as they lie in the file");

// A header has about 100 bytes a tensor, so this is room for 160,000 tensors.
constexpr std::uint64_t kMaxHeaderBytes = std::uint64_t{16} << 20;

constexpr std::string_view kFetchAgain = "; fetch the file again, it is not complete or not safetensors";

// Where a tensor says that its bytes lie, relative to the buffer.
struct Extent {
  std::string_view name;
  std::uint64_t begin;
  std::uint64_t end;
};

// Number is std::size_t for what must fit into memory, std::uint64_t for places in a file.
template <class Number>
std::optional<std::vector<Number>> as_numbers(const Json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<Number> numbers;
  numbers.reserve(value.size());
  for (const Json& item : value) {
    if (!item.is_number_unsigned() || item.get<std::uint64_t>() > std::numeric_limits<Number>::max())
      return std::nullopt;
    numbers.push_back(static_cast<Number>(item.get<std::uint64_t>()));
  }
  return numbers;
}

// One entry of the header: {"dtype": "F32", "shape": [768, 2304], "data_offsets": [begin, end]}.
// The buffer begins at byte `data_begin` of the file.
Result<TensorPlace> read_entry(const Json& entry, std::uint64_t data_begin, std::uint64_t n_data,
                               const std::string& where) {
  const auto wrong = [&](std::string what) { return Error{"file_format", where + ": " + std::move(what)}; };
  if (!entry.is_object()) return wrong("expected an object with dtype, shape and data_offsets, got " + printed(entry));
  const auto member = [&](const char* key) {
    const auto found = entry.find(key);
    return found == entry.end() ? Json() : *found;
  };

  const Json dtype_json = member("dtype");
  const std::optional<DType> dtype =
      dtype_json.is_string() ? dtype_named(dtype_json.get_ref<const std::string&>()) : std::nullopt;
  if (!dtype) {
    return wrong("dtype " + printed(dtype_json) + " is not known here; convert the model to F32, F16 or BF16");
  }

  const Json shape_json = member("shape");
  std::optional<std::vector<std::size_t>> shape = as_numbers<std::size_t>(shape_json);
  if (!shape) return wrong("shape: expected a list of sizes, got " + printed(shape_json));

  const Json offsets_json = member("data_offsets");
  const std::optional<std::vector<std::uint64_t>> offsets = as_numbers<std::uint64_t>(offsets_json);
  if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1]) {
    return wrong("data_offsets: expected [begin, end] with begin <= end, got " + printed(offsets_json));
  }
  const std::uint64_t begin = (*offsets)[0], end = (*offsets)[1];

  const std::optional<std::size_t> expected = byte_count(*dtype, *shape);
  if (!expected) return wrong("shape " + printed(shape_json) + " has more values than can be counted");
  if (*expected != end - begin) {
    return wrong("shape " + printed(shape_json) + " of " + std::string(name_of(*dtype)) + " takes " +
                 std::to_string(*expected) + " bytes, data_offsets give it " + std::to_string(end - begin));
  }
  if (end > n_data) {
    return Error{"file_truncated", where + ": ends at byte " + std::to_string(end) + " of the data, which has " +
                                       std::to_string(n_data) + " bytes" + std::string(kFetchAgain)};
  }
  return TensorPlace{*dtype, std::move(*shape), data_begin + begin, *expected};
}

// The tensors fill the buffer: each begins where another ends.
Status check_extents(std::vector<Extent> extents, std::uint64_t n_byte, const std::string& file) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t filled = 0;
  std::string_view last;
  for (const Extent& extent : extents) {
    const std::string where = file + ": tensor " + in_quotes(extent.name) + ": begins at byte " +
                              std::to_string(extent.begin) + " of the data, ";
    if (extent.begin < filled) {
      return Error{"file_format", where + "but " + in_quotes(last) + " goes to byte " + std::to_string(filled) +
                                      ": tensors may not overlap"};
    }
    if (extent.begin > filled) {
      return Error{"file_format", where + "but nothing fills the bytes from " + std::to_string(filled) +
                                      ": the format allows no holes"};
    }
    filled = extent.end;
    last = extent.name;
  }
  if (filled != n_byte) {
    return Error{"file_format", file + ": " + std::to_string(n_byte - filled) +
                                    " bytes behind the last tensor belong to none; the file is not as it was written"};
  }
  return ok();
}

struct Header {
  Json entries;
  std::uint64_t data_begin;  // in the file
};

Result<Header> read_header(std::span<const std::byte> head, std::uint64_t file_size, const std::string& file) {
  std::uint64_t n_header = 0;
  if (file_size < sizeof n_header) {
    return Error{"file_truncated", file + ": has " + std::to_string(file_size) +
                                       " bytes, a safetensors file begins with 8 for its header's length" +
                                       std::string(kFetchAgain)};
  }
  const Error too_short{"head_short",
                        file + ": its header goes on beyond the first " + std::to_string(head.size()) + " bytes"};
  if (head.size() < sizeof n_header) return too_short;
  std::memcpy(&n_header, head.data(), sizeof n_header);
  const std::uint64_t n_rest = file_size - sizeof n_header;
  if (n_header > kMaxHeaderBytes) {
    return Error{"file_format", file + ": says that its header has " + std::to_string(n_header) +
                                    " bytes, the most is " + std::to_string(kMaxHeaderBytes) +
                                    "; this is not a safetensors file"};
  }
  if (n_header > n_rest) {
    return Error{"file_truncated", file + ": says that its header has " + std::to_string(n_header) + " bytes, only " +
                                       std::to_string(n_rest) + " follow" + std::string(kFetchAgain)};
  }
  const std::span<const std::byte> rest = head.subspan(sizeof n_header);
  if (n_header == 0 || (!rest.empty() && rest[0] != std::byte{'{'})) {
    return Error{"file_format", file + ": its header does not begin with \"{\"; this is not a safetensors file"};
  }
  if (n_header > rest.size()) return too_short;
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), static_cast<std::size_t>(n_header));
  Result<Json> entries = parse_json(text, file + ": header");
  if (!entries) return Error{"file_format", entries.error().message};
  return Header{*std::move(entries), sizeof n_header + n_header};
}

constexpr const char* kMetadata = "__metadata__";  // free text about the file; its tensors do not depend on it

}  // namespace

Result<TensorPlaces> read_safetensors_head(std::span<const std::byte> head, std::uint64_t file_size,
                                           std::string_view file_name) {
  const std::string file(file_name);
  const auto header = read_header(head, file_size, file);
  if (!header) return header.error();
  TensorPlaces tensors;
  std::vector<Extent> extents;
  const std::uint64_t begin = header->data_begin, n_data = file_size - begin;
  for (const auto& [name, entry] : header->entries.items()) {
    if (name == kMetadata) continue;
    Result<TensorPlace> tensor = read_entry(entry, begin, n_data, file + ": tensor " + in_quotes(name));
    if (!tensor) return tensor.error();
    const auto& [placed_name, placed] = *tensors.emplace(name, *std::move(tensor)).first;
    extents.push_back({placed_name, placed.begin - begin, placed.begin - begin + placed.n_byte});
  }
  if (const Status filled = check_extents(std::move(extents), n_data, file); !filled) return filled.error();
  return tensors;
}

Result<NamedTensors> read_safetensors(std::span<const std::byte> file_bytes, std::string_view file) {
  const auto places = read_safetensors_head(file_bytes, file_bytes.size(), file);
  if (!places) return places.error();
  return views_of(*places, file_bytes);
}

Result<Json> read_safetensors_metadata(std::span<const std::byte> file_bytes, std::string_view file) {
  const auto header = read_header(file_bytes, file_bytes.size(), std::string(file));
  if (!header) return header.error();
  const auto found = header->entries.find(kMetadata);
  if (found == header->entries.end() || !found->is_object()) return Json::object();
  Json texts = Json::object();
  for (const auto& [name, value] : found->items())
    if (value.is_string()) texts[name] = value;
  return texts;
}

}  // namespace lens
