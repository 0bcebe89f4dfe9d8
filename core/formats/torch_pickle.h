// The pickle inside a file of torch.save, run by a closed list of its words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "formats/tensors.h"

namespace lens {

struct PickleValue;

struct PickleNone {};
struct PickleMark {};
// "collections.OrderedDict": a name that may be called. Nothing behind it ever is.
struct PickleName {
  std::string name;
};
struct PickleStorage {
  DType dtype;
  std::string key;  // its bytes are entry data/KEY
};
struct PickleTensor {
  PickleStorage storage;
  std::size_t offset;  // values
  std::vector<std::size_t> shape;
  std::vector<std::size_t> strides;  // values
};
using PickleList = std::vector<const PickleValue*>;  // lists and tuples
using PickleDict = std::vector<std::pair<const PickleValue*, const PickleValue*>>;

struct PickleValue {
  std::variant<PickleNone, PickleMark, bool, std::int64_t, double, std::string, PickleName, PickleStorage, PickleTensor,
               PickleList, PickleDict>
      is;
};

struct Pickle {
  std::deque<PickleValue> values;  // all that were ever built
  const PickleValue* top = nullptr;
};

// Errors: pickle_refused (a word, a name or a call that is not on the list); file_truncated.
Result<Pickle> run_torch_pickle(std::span<const std::byte> program, const std::string& file);

}  // namespace lens
