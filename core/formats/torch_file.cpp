#include "formats/torch_file.h"

#include <algorithm>
#include <cstring>

#include "base/message.h"
#include "formats/torch_pickle.h"
#include "formats/zip.h"

namespace lens {
namespace {

constexpr int kMostNested = 8;
constexpr std::size_t kMostTensors = 100'000;  // dicts may hold each other many times over

class Collector {
 public:
  // room: how many bytes of tensors may be copied, for not lying in rows.
  Collector(const ZipEntries& entries, std::string root, std::string file, std::size_t room)
      : entries_(entries), root_(std::move(root)), file_(std::move(file)), room_(room) {}

  // Every tensor in a dict, and in the dicts in it; what else is there (a step's number, a rate) is passed over.
  Status collect(const PickleValue& value, const std::string& name, int depth) {
    if (const auto* tensor = std::get_if<PickleTensor>(&value.is)) return take(*tensor, name);
    const auto* dict = std::get_if<PickleDict>(&value.is);
    if (!dict) return ok();
    if (depth == kMostNested) return Error{"file_format", file_ + ": its dicts are nested too deeply."};
    for (const auto& [key, item] : *dict) {
      if (++n_seen_ > kMostTensors) return Error{"file_format", file_ + ": holds more tensors than a model has."};
      const auto* text = std::get_if<std::string>(&key->is);
      if (!text) continue;  // an optimiser's parameters have numbers
      if (auto status = collect(*item, name.empty() ? *text : name + "." + *text, depth + 1); !status) return status;
    }
    return ok();
  }

  TorchFile torch;

 private:
  Status take(const PickleTensor& tensor, const std::string& name) {
    const std::string where = file_ + ": tensor " + in_quotes(name);
    const auto entry = entries_.find(root_ + "data/" + tensor.storage.key);
    if (entry == entries_.end())
      return Error{"file_format", where + ": its storage " + in_quotes(tensor.storage.key) +
                                      " is not in the file; fetch "
                                      "it again."};
    const std::size_t n_byte = bytes_per_block(tensor.storage.dtype);
    const std::size_t n_stored = entry->second.size() / n_byte;
    // The first value beyond the last, without overflow: Σ (shape − 1) · stride + 1.
    std::size_t last = tensor.offset;
    bool empty = false, fits = true;
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      if (tensor.shape[d] == 0) {
        empty = true;
        continue;
      }
      std::size_t step = 0;
      fits = fits && !__builtin_mul_overflow(tensor.shape[d] - 1, tensor.strides[d], &step) &&
             !__builtin_add_overflow(last, step, &last);
    }
    const auto wanted = byte_count(tensor.storage.dtype, tensor.shape);
    if (!wanted || !fits || (!empty && last >= n_stored))
      return Error{"file_format", where + ": its shape " + shape_text(tensor.shape) +
                                      " does not fit into its storage of " + std::to_string(n_stored) +
                                      " values; fetch the file again."};
    // A stride of 0 repeats a value, and many tensors may lie in one storage; a file cannot so ask for more memory than
    // it has itself.
    if (*wanted > entry->second.size())
      return Error{"file_format", where + ": is larger than its storage; save it with .contiguous()."};
    const bool in_rows = lies_in_rows(tensor);
    if (!in_rows && *wanted > room_)
      return Error{"file_format", where +
                                      ": what is not stored in rows is larger than the file; save it with "
                                      ".contiguous()."};
    if (!in_rows) room_ -= *wanted;
    TensorView view{tensor.storage.dtype, tensor.shape, {}};
    if (!empty)
      view.bytes =
          in_rows ? entry->second.subspan(tensor.offset * n_byte, *wanted) : gathered(tensor, entry->second, *wanted);
    if (!torch.tensors.try_emplace(name, std::move(view)).second)
      return Error{"file_format", where + " is there twice."};
    return ok();
  }

  static bool lies_in_rows(const PickleTensor& tensor) {
    std::size_t stride = 1;
    for (std::size_t d = tensor.shape.size(); d-- > 0;) {
      if (tensor.shape[d] != 1 && tensor.strides[d] != stride) return false;
      stride *= tensor.shape[d];
    }
    return true;
  }

  std::span<const std::byte> gathered(const PickleTensor& tensor, std::span<const std::byte> storage, std::size_t n) {
    const std::size_t n_byte = bytes_per_block(tensor.storage.dtype);
    auto& copy = torch.copies.emplace_back(n);
    std::vector<std::size_t> index(tensor.shape.size(), 0);
    for (std::size_t to = 0; to < n; to += n_byte) {
      std::size_t from = tensor.offset;
      for (std::size_t d = 0; d < index.size(); ++d) from += index[d] * tensor.strides[d];
      std::memcpy(&copy[to], &storage[from * n_byte], n_byte);
      for (std::size_t d = index.size(); d-- > 0;) {
        if (++index[d] < tensor.shape[d]) break;
        index[d] = 0;
      }
    }
    return copy;
  }

  const ZipEntries& entries_;
  const std::string root_, file_;
  std::size_t room_;
  std::size_t n_seen_ = 0;
};

}  // namespace

Result<TorchFile> read_torch(std::span<const std::byte> file_bytes, std::string_view file_name) {
  const std::string file(file_name);
  const auto entries = read_zip(file_bytes, file);
  if (!entries) return entries.error();
  constexpr std::string_view kProgram = "/data.pkl";
  const auto program =
      std::ranges::find_if(*entries, [&](const auto& entry) { return entry.first.ends_with(kProgram); });
  if (program == entries->end())
    return Error{"file_format", file + ": is a zip file without data.pkl; it is not what torch.save writes."};
  const std::string root = program->first.substr(0, program->first.size() - kProgram.size() + 1);
  if (const auto order = entries->find(root + "byteorder"); order != entries->end()) {
    const std::string_view said(reinterpret_cast<const char*>(order->second.data()), order->second.size());
    if (said != "little")
      return Error{"file_format", file + ": its numbers are " + in_quotes(said) + "-endian; only little is read."};
  }
  const auto pickle = run_torch_pickle(program->second, file);
  if (!pickle) return pickle.error();
  Collector collector(*entries, root, file, file_bytes.size());
  if (auto status = collector.collect(*pickle->top, "", 0); !status) return status.error();
  return std::move(collector.torch);
}

}  // namespace lens
