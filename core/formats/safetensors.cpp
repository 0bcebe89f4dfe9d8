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
  std::size_t begin;
  std::size_t end;
};

std::optional<std::size_t> as_size(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto number = value.get<std::uint64_t>();
  if (number > std::numeric_limits<std::size_t>::max()) return std::nullopt;
  return static_cast<std::size_t>(number);
}

std::optional<std::vector<std::size_t>> as_sizes(const Json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<std::size_t> sizes;
  sizes.reserve(value.size());
  for (const Json& item : value) {
    const std::optional<std::size_t> size = as_size(item);
    if (!size) return std::nullopt;
    sizes.push_back(*size);
  }
  return sizes;
}

// One entry of the header: {"dtype": "F32", "shape": [768, 2304], "data_offsets": [begin, end]}.
Result<TensorView> read_entry(const Json& entry, std::span<const std::byte> buffer, const std::string& where) {
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
  std::optional<std::vector<std::size_t>> shape = as_sizes(shape_json);
  if (!shape) return wrong("shape: expected a list of sizes, got " + printed(shape_json));

  const Json offsets_json = member("data_offsets");
  const std::optional<std::vector<std::size_t>> offsets = as_sizes(offsets_json);
  if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1]) {
    return wrong("data_offsets: expected [begin, end] with begin <= end, got " + printed(offsets_json));
  }
  const std::size_t begin = (*offsets)[0], end = (*offsets)[1];

  const std::optional<std::size_t> expected = byte_count(*dtype, *shape);
  if (!expected) return wrong("shape " + printed(shape_json) + " has more values than can be counted");
  if (*expected != end - begin) {
    return wrong("shape " + printed(shape_json) + " of " + std::string(name_of(*dtype)) + " takes " +
                 std::to_string(*expected) + " bytes, data_offsets give it " + std::to_string(end - begin));
  }
  if (end > buffer.size()) {
    return Error{"file_truncated", where + ": ends at byte " + std::to_string(end) + " of the data, which has " +
                                       std::to_string(buffer.size()) + " bytes" + std::string(kFetchAgain)};
  }
  return TensorView{*dtype, std::move(*shape), buffer.subspan(begin, end - begin)};
}

// The tensors fill the buffer: each begins where another ends.
Status check_extents(std::vector<Extent> extents, std::size_t n_byte, const std::string& file) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::size_t filled = 0;
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

struct Parts {
  Json header;
  std::span<const std::byte> buffer;
};

Result<Parts> split_file(std::span<const std::byte> file_bytes, const std::string& file) {
  std::uint64_t n_header = 0;
  if (file_bytes.size() < sizeof n_header) {
    return Error{"file_truncated", file + ": has " + std::to_string(file_bytes.size()) +
                                       " bytes, a safetensors file begins with 8 for its header's length" +
                                       std::string(kFetchAgain)};
  }
  std::memcpy(&n_header, file_bytes.data(), sizeof n_header);
  const std::span<const std::byte> rest = file_bytes.subspan(sizeof n_header);
  if (n_header > kMaxHeaderBytes) {
    return Error{"file_format", file + ": says that its header has " + std::to_string(n_header) +
                                    " bytes, the most is " + std::to_string(kMaxHeaderBytes) +
                                    "; this is not a safetensors file"};
  }
  if (n_header > rest.size()) {
    return Error{"file_truncated", file + ": says that its header has " + std::to_string(n_header) + " bytes, only " +
                                       std::to_string(rest.size()) + " follow" + std::string(kFetchAgain)};
  }
  const auto split = static_cast<std::size_t>(n_header);
  const std::string_view header_text(reinterpret_cast<const char*>(rest.data()), split);
  const std::span<const std::byte> buffer = rest.subspan(split);

  if (!header_text.starts_with('{')) {
    return Error{"file_format", file + ": its header does not begin with \"{\"; this is not a safetensors file"};
  }
  Result<Json> header = parse_json(header_text, file + ": header");
  if (!header) return Error{"file_format", header.error().message};
  return Parts{*std::move(header), buffer};
}

constexpr const char* kMetadata = "__metadata__";  // free text about the file; its tensors do not depend on it

}  // namespace

Result<NamedTensors> read_safetensors(std::span<const std::byte> file_bytes, std::string_view file_name) {
  const std::string file(file_name);
  const auto parts = split_file(file_bytes, file);
  if (!parts) return parts.error();
  const auto& [header, buffer] = *parts;
  NamedTensors tensors;
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadata) continue;
    Result<TensorView> tensor = read_entry(entry, buffer, file + ": tensor " + in_quotes(name));
    if (!tensor) return tensor.error();
    const auto begin = static_cast<std::size_t>(tensor->bytes.data() - buffer.data());
    const auto placed = tensors.emplace(name, std::move(*tensor)).first;
    extents.push_back({placed->first, begin, begin + placed->second.bytes.size()});
  }
  if (const Status filled = check_extents(std::move(extents), buffer.size(), file); !filled) return filled.error();
  return tensors;
}

Result<Json> read_safetensors_metadata(std::span<const std::byte> file_bytes, std::string_view file_name) {
  const std::string file(file_name);
  const auto parts = split_file(file_bytes, file);
  if (!parts) return parts.error();
  const auto found = parts->header.find(kMetadata);
  if (found == parts->header.end() || !found->is_object()) return Json::object();
  Json texts = Json::object();
  for (const auto& [name, value] : found->items())
    if (value.is_string()) texts[name] = value;
  return texts;
}

}  // namespace lens
