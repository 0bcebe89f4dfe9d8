// The named tensors of a checkpoint file, whatever its container: shapes and bytes, nothing trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lens {

// All of safetensors' types of whole bytes, and GGUF's Q8_0. Only F32, F16, BF16 and Q8_0 are ever read as numbers; a
// file may hold others beside them (mask buffers, counters).
enum class DType : std::uint8_t {
  F64,
  F32,
  F16,
  BF16,
  F8_E4M3,
  F8_E5M2,
  I64,
  I32,
  I16,
  I8,
  U64,
  U32,
  U16,
  U8,
  BOOL,
  Q8_0,  // blocks of 32 values along the last dimension: an F16 scale d, then 32 int8; value = d · q (ggml)
};

std::string_view name_of(DType dtype);                    // "F16"
std::optional<DType> dtype_named(std::string_view name);  // safetensors' names
std::size_t values_per_block(DType dtype);                // 1, but for Q8_0
std::size_t bytes_per_block(DType dtype);
// The bytes that a tensor takes; nullopt where that overflows, or where rows do not divide into blocks.
std::optional<std::size_t> byte_count(DType dtype, std::span<const std::size_t> shape);

struct TensorView {
  DType dtype;
  std::vector<std::size_t> shape;    // [] is a scalar
  std::span<const std::byte> bytes;  // row-major, little-endian; may start at any address

  std::size_t count() const;  // number of values
};

// What a file's header says of a tensor, whose bytes may not have come yet.
struct TensorPlace {
  DType dtype;
  std::vector<std::size_t> shape;  // [] is a scalar
  std::uint64_t begin;             // where its bytes lie in the file, which may be larger than memory
  std::size_t n_byte;
  std::size_t file = 0;  // which file, where a checkpoint has several

  std::size_t count() const;  // number of values
};

// "[768, 2304]"
std::string shape_text(std::span<const std::size_t> shape);

// Names to views into the file's bytes, which the caller keeps alive.
using NamedTensors = std::map<std::string, TensorView, std::less<>>;

// Names to places in a file or in several.
using TensorPlaces = std::map<std::string, TensorPlace, std::less<>>;
// The places filled from a file that is there whole.
NamedTensors views_of(const TensorPlaces& places, std::span<const std::byte> file_bytes);

// `true` for the types that read_floats takes: F32, F16, BF16, Q8_0.
bool is_readable_float(DType dtype);

// Reads values [offset, offset + out.size()) of the flattened tensor as float32: F32, F16 and BF16 exactly, Q8_0 as the
// float product d · q. Whole blocks only, and no further than the tensor goes (assert).
void read_floats(const TensorView& tensor, std::size_t offset, std::span<float> out);

// The other way, to the nearest that the type holds: F32; F16, ties to even, infinity beyond its range; Q8_0 with
// ggml's scale, F16(max|x| / 127), and round(x · 127 / max|x|) (ggml-quants.c, quantize_row_q8_0_ref). `out` has the
// bytes of `values`, which are whole blocks.
void write_floats(DType dtype, std::span<const float> values, std::span<std::byte> out);

// One block of Q8_0 as it lies in a file.
inline constexpr std::size_t kQ8Values = 32;
struct Q8Block {
  float scale;
  std::int8_t values[kQ8Values];
};
Q8Block read_q8_block(const std::byte* at);
// The block that write_floats makes of these values. Its scale is infinite where they are beyond what F16 can scale.
Q8Block quantise_q8(std::span<const float, kQ8Values> values);

}  // namespace lens
