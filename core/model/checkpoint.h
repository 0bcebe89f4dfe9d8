// A checkpoint's tensors as the weights of a GPT-2: found under whatever name they have, of the right shape, of finite
// values, and none left over.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "formats/tensors.h"
#include "model/config.h"
#include "model/weights.h"

namespace lens {

// Where a weight lies.
struct StoredWeight {
  std::string name;  // as the file spells it
  const TensorPlace* tensor;
  bool by_output;  // a row holds what goes into one output: embeddings, and projections that are not Conv1D's
};

class Checkpoint {
 public:
  // `file` names the tensors' files in messages. Names may have a "transformer." prefix or a wrapper's; mask
  // buffers and classification heads are passed over. Errors: tensor_duplicate, tensor_missing and tensor_shape
  // (wte.weight).
  static Result<Checkpoint> open(const Config& config, const TensorPlaces& tensors, std::string_view file);

  // As it was given, but for what the tensors know better: d_vocab and tied_head.
  const Config& config() const { return config_; }

  // Errors: tensor_missing, tensor_shape, tensor_dtype.
  Result<StoredWeight> find(const WeightSlot& slot) const;
  // Its values [offset, offset + out.size()), which lie in `bytes`. Error: tensor_value (NaN or infinity).
  Status read(const StoredWeight& weight, std::span<const std::byte> bytes, std::size_t offset,
              std::span<float> out) const;
  // Block `index` of a Q8_0 tensor, which begins at `at`. Error: tensor_value.
  Result<Q8Block> read_q8(const StoredWeight& weight, const std::byte* at, std::size_t index) const;
  // A tensor that nothing asks for is a part that would silently be left out. Error: tensor_unknown.
  Status check_all_expected() const;

  std::string in_file(std::string_view tensor) const;  // `model.safetensors: tensor "wte.weight"`

 private:
  struct Found {
    std::string name;  // as the file spells it
    TensorPlace tensor;
  };

  Checkpoint(const Config& config, std::string_view file) : config_(config), file_(file) {}
  bool is_expected(std::string_view bare) const;
  Error missing(std::string_view name) const;
  Error wrong_shape(const Found& found, const std::string& expected) const;
  Error not_finite(const StoredWeight& weight, float value, std::size_t at) const;

  Config config_;
  std::string file_;
  std::map<std::string, Found, std::less<>> tensors_;  // by bare name
  std::vector<std::string> expected_;                  // by bare name, sorted: what the model is made of
  bool is_linear_ = false;                             // the projections are stored [out, in]
};

}  // namespace lens
