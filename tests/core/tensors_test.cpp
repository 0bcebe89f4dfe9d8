#include "formats/tensors.h"

#include <bit>
#include <catch_amalgamated.hpp>
#include <cmath>
#include <cstring>

using lens::DType;

namespace {

// `values` as the bytes of a tensor that begins one byte behind an aligned address.
template <class T>
struct Unaligned {
  explicit Unaligned(const std::vector<T>& values) : storage(values.size() * sizeof(T) + 1) {
    if (!values.empty()) std::memcpy(storage.data() + 1, values.data(), values.size() * sizeof(T));
  }
  lens::TensorView view(DType dtype, std::vector<std::size_t> shape) const {
    return {dtype, std::move(shape), std::span(storage).subspan(1)};
  }
  std::vector<std::byte> storage;
};

template <class T>
std::vector<float> floats(DType dtype, const std::vector<T>& values) {
  const Unaligned<T> bytes(values);
  std::vector<float> out(values.size());
  lens::read_floats(bytes.view(dtype, {values.size()}), 0, out);
  return out;
}

}  // namespace

TEST_CASE("dtype names and sizes", "[tensors]") {
  for (const char* name : {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "I32", "I16", "I8", "U64", "U32",
                           "U16", "U8", "BOOL"}) {
    CAPTURE(name);
    REQUIRE(lens::dtype_named(name));
    CHECK(lens::name_of(*lens::dtype_named(name)) == name);
  }
  CHECK_FALSE(lens::dtype_named("f32"));
  CHECK_FALSE(lens::dtype_named("F4"));
  CHECK_FALSE(lens::dtype_named(""));
  CHECK(lens::bytes_per_block(DType::F64) == 8);
  CHECK(lens::bytes_per_block(DType::F32) == 4);
  CHECK(lens::bytes_per_block(DType::BF16) == 2);
  CHECK(lens::bytes_per_block(DType::BOOL) == 1);
  CHECK(lens::is_readable_float(DType::F16));
  CHECK_FALSE(lens::is_readable_float(DType::F64));
}

TEST_CASE("shapes", "[tensors]") {
  CHECK(lens::shape_text(std::vector<std::size_t>{}) == "[]");
  CHECK(lens::shape_text(std::vector<std::size_t>{768, 2304}) == "[768, 2304]");
  CHECK(lens::TensorView{DType::F32, {}, {}}.count() == 1);
  CHECK(lens::TensorView{DType::F32, {3, 0, 2}, {}}.count() == 0);
  CHECK(lens::TensorView{DType::F32, {3, 4}, {}}.count() == 12);
}

TEST_CASE("F32 is read as it is, from any address", "[tensors]") {
  const std::vector<float> values = {0.0f, -0.0f, 1.5f, -3e38f, 1e-45f, INFINITY};
  CHECK(floats(DType::F32, values) == values);
  CHECK(std::isnan(floats(DType::F32, std::vector<float>{NAN})[0]));

  const Unaligned<float> bytes(values);
  std::vector<float> out(2);
  lens::read_floats(bytes.view(DType::F32, {2, 3}), 2, out);
  CHECK(out == std::vector<float>{1.5f, -3e38f});
  lens::read_floats(bytes.view(DType::F32, {2, 3}), 6, {});
}

TEST_CASE("F16: all 65,536 values against the definition", "[tensors]") {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const std::vector<float> got = floats(DType::F16, all);
  std::size_t n_wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const int sign = bits >> 15 ? -1 : 1, exponent = static_cast<int>(bits >> 10 & 31);
    const auto fraction = static_cast<float>(bits & 1023);
    const float value = got[bits];
    if (exponent == 31) {
      n_wrong += fraction != 0 ? !std::isnan(value) : value != static_cast<float>(sign) * INFINITY;
      continue;
    }
    const float expected = static_cast<float>(sign) *
                           (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
    n_wrong += value != expected || std::signbit(value) != (sign < 0);
  }
  CHECK(n_wrong == 0);
}

TEST_CASE("BF16: all 65,536 values are the upper halves of floats", "[tensors]") {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const std::vector<float> got = floats(DType::BF16, all);
  std::size_t n_wrong = 0;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto expected = std::bit_cast<float>(bits << 16);
    n_wrong += std::isnan(expected) ? !std::isnan(got[bits])
                                    : std::bit_cast<std::uint32_t>(got[bits]) != std::bit_cast<std::uint32_t>(expected);
  }
  CHECK(n_wrong == 0);
}
