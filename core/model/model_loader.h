// A model's weights on their way in: bytes of its files in pieces of any size, each converted and put into its place at
// once, so that no file is ever held beside the model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/tensors.h"
#include "model/checkpoint.h"
#include "model/model.h"

namespace lens {

// What the matrices become. As stored: F32, F16 and BF16 become float32, Q8_0 stays Q8_0. q8_0: all of them Q8_0, but
// those whose inputs do not divide into its blocks; rounded as ggml rounds. Vectors and W_pos are always float32.
enum class Precision { as_stored, q8_0 };

// Bytes [begin, end) of a file: one tensor.
struct WantedBytes {
  std::string tensor;  // Hugging Face's name, without a prefix
  std::string stored;  // as the file spells it
  DType dtype;
  std::size_t file;
  std::uint64_t begin, end;
};

class ModelLoader {
 public:
  // Finds every tensor of a GPT-2 in `tensors`; `file` is used in messages. Errors: Checkpoint's.
  static Result<std::unique_ptr<ModelLoader>> begin(const Config& config, const TensorPlaces& tensors,
                                                    std::string_view file, Precision precision);

  const Config& config() const { return checkpoint_.config(); }
  std::size_t n_param() const { return n_param_; }
  std::uint64_t n_kept() const;                                       // bytes that the matrices and W_pos will take
  const std::vector<WantedBytes>& wanted() const { return wanted_; }  // in the files' order

  // Makes room for all matrices, so that what does not fit is known before anything is fetched (bad_alloc).
  void make_room();
  // Bytes of a file from `offset` on, after make_room. What is not wanted is passed over; a tensor's own bytes come in
  // order. Errors: tensor_value (also a weight beyond Q8_0), weights_order.
  Status put(std::size_t file, std::uint64_t offset, std::span<const std::byte> bytes);
  // Error: weights_missing, where bytes have not come. The loader is empty afterwards.
  Result<Model> finish();

 private:
  class Arrival;

  ModelLoader(Checkpoint checkpoint, Precision precision) : checkpoint_(std::move(checkpoint)), precision_(precision) {}
  bool becomes_q8(const StoredWeight& stored, const WeightSlot& slot) const;
  Status put_in_tensor(std::size_t i, std::uint64_t at, std::span<const std::byte> bytes);

  Checkpoint checkpoint_;
  Precision precision_;
  Weights weights_;
  std::size_t n_param_ = 0;
  std::vector<WantedBytes> wanted_;
  std::vector<WeightSlot> slots_;                   // of wanted_
  std::vector<StoredWeight> stored_;                // of wanted_
  std::vector<std::uint64_t> arrived_;              // bytes, of wanted_
  std::vector<std::shared_ptr<Arrival>> arrivals_;  // of wanted_; only while its bytes are coming
};

}  // namespace lens
