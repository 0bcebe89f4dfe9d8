// A model's weights on their way in: bytes of its files in pieces of any size, each converted and put into its place at
// once, so that no file is ever held beside the model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "formats/tensors.h"
#include "model/checkpoint.h"
#include "model/model.h"

namespace lens {

// What the matrices become. As stored: F16 and Q8_0 stay what they are, F32 and BF16 become float32. f16: all of them
// float16; q8_0: all of them Q8_0, but those whose inputs do not divide into its blocks; rounded as ggml rounds. What
// is Q8_0 stays Q8_0. Vectors and W_pos are always float32.
enum class Precision { as_stored, f16, q8_0 };
inline constexpr std::pair<std::string_view, Precision> kPrecisions[] = {
    {"as_stored", Precision::as_stored}, {"f16", Precision::f16}, {"q8_0", Precision::q8_0}};
std::optional<Precision> precision_named(std::string_view name);

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
  std::uint64_t n_kept(Precision precision) const;                    // bytes that weights and screen take in it
  const std::vector<WantedBytes>& wanted() const { return wanted_; }  // in the files' order

  // Makes room for all matrices, so that what does not fit is known before any of them is fetched (bad_alloc).
  void make_room();
  // Bytes of a file from `offset` on, after make_room. What is not wanted is passed over; a tensor's own bytes come in
  // order. Errors: tensor_value (also a weight beyond the precision), weights_order.
  Status put(std::size_t file, std::uint64_t offset, std::span<const std::byte> bytes);
  // Error: weights_missing, where bytes have not come. The loader is empty afterwards.
  Result<Model> finish();

 private:
  class Arrival;

  ModelLoader(Checkpoint checkpoint, Precision precision) : checkpoint_(std::move(checkpoint)), precision_(precision) {}
  PackedMatrix::Storage storage_of(const StoredWeight& stored, Precision precision) const;
  Status put_in_tensor(std::size_t i, std::uint64_t at, std::span<const std::byte> bytes);

  Checkpoint checkpoint_;
  Precision precision_;
  Weights weights_;
  std::size_t n_param_ = 0;
  std::vector<WantedBytes> wanted_;
  std::vector<WeightSlot> slots_;                   // of wanted_
  std::vector<StoredWeight> stored_;                // of wanted_
  std::vector<std::byte> screen_room_;              // kept free for what is made of W_U when all has come
  std::vector<std::uint64_t> arrived_;              // bytes, of wanted_
  std::vector<std::shared_ptr<Arrival>> arrivals_;  // of wanted_; only while its bytes are coming
};

}  // namespace lens
