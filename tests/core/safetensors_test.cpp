#include <catch_amalgamated.hpp>
#include <cstring>

#include "formats/safetensors.h"
#include "read_file.h"

namespace {

std::string with_length(std::uint64_t n_header, const std::string& rest) {
  std::string file(sizeof n_header, '\0');
  std::memcpy(file.data(), &n_header, sizeof n_header);
  return file + rest;
}

std::string file_of(const std::string& header, std::size_t n_byte) {
  std::string buffer(n_byte, '\0');
  for (std::size_t i = 0; i < n_byte; ++i) buffer[i] = static_cast<char>(i);
  return with_length(header.size(), header + buffer);
}

lens::Result<lens::NamedTensors> read(const std::string& file) {
  return lens::read_safetensors(std::as_bytes(std::span(file)), "model.safetensors");
}

// The code, or the whole error where the message lacks `part`.
std::string error_of(const std::string& file, const std::string& part) {
  const auto tensors = read(file);
  if (!tensors) {
    const lens::Error& error = tensors.error();
    const bool names_file = error.message.starts_with("model.safetensors: ");
    const bool names_part = error.message.find(part) != std::string::npos;
    return names_file && names_part && error.message.size() < 600 ? error.code : error.code + ": " + error.message;
  }
  return "no error";
}

const std::string kGood =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},)"
    R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"none":{"dtype":"I64","shape":[0,7],"data_offsets":[16,16]}})";

}  // namespace

TEST_CASE("tensors by name", "[safetensors]") {
  const std::string file = file_of(kGood, 16);
  const auto tensors = read(file);
  REQUIRE(tensors);
  CHECK(tensors->size() == 3);
  const lens::TensorView& b = tensors->at("b");
  CHECK(b.dtype == lens::DType::F16);
  CHECK(b.shape == std::vector<std::size_t>{2, 3});
  CHECK(b.bytes.size() == 12);
  CHECK(b.bytes[0] == std::byte{4});
  CHECK(tensors->at("a").count() == 1);
  CHECK(tensors->at("none").count() == 0);
}

TEST_CASE("what writers in the wild do", "[safetensors]") {
  CHECK(read(file_of(kGood + "     ", 16)));  // padded to an even length
  CHECK(read(file_of(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                     R"("b":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}})",
                     7)));  // odd offsets
  CHECK(read(file_of("{}", 0)));
  CHECK(read(file_of(R"({"m":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},)"
                     R"("n":{"dtype":"U32","shape":[1],"data_offsets":[2,6]}})",
                     6)));
}

TEST_CASE("broken files are refused by name", "[safetensors]") {
  const auto one = [](const std::string& entry, std::size_t n_byte) {
    return file_of("{\"w\":" + entry + "}", n_byte);
  };

  CHECK(error_of("", "has 0 bytes") == "file_truncated");
  CHECK(error_of("1234567", "has 7 bytes") == "file_truncated");
  CHECK(error_of(with_length(10, "{}"), "says that its header has 10 bytes, only 2 follow") == "file_truncated");
  CHECK(error_of(with_length(~std::uint64_t{0}, "{}"), "18446744073709551615") == "file_format");
  CHECK(error_of(with_length(17 << 20, "{}"), "the most is 16777216") == "file_format");
  CHECK(error_of(with_length(0, ""), "does not begin with \"{\"") == "file_format");
  CHECK(error_of(file_of("[]", 0), "does not begin with \"{\"") == "file_format");
  CHECK(error_of(file_of(" {}", 0), "does not begin with \"{\"") == "file_format");
  CHECK(error_of(file_of("{\"w\":", 0), "not JSON") == "file_format");
  CHECK(error_of(file_of("{}{}", 0), "not JSON") == "file_format");
  CHECK(error_of(file_of(std::string("{}\0\0", 4), 0), "zero byte") == "file_format");
  CHECK(error_of(file_of("{\"w\":" + std::string(1000, '['), 0), "nested deeper") == "file_format");

  CHECK(error_of(one("7", 0), "tensor \"w\": expected an object") == "file_format");
  CHECK(error_of(one(R"({"shape":[],"data_offsets":[0,4]})", 4), "dtype null") == "file_format");
  CHECK(error_of(one(R"({"dtype":"F4","shape":[],"data_offsets":[0,4]})", 4), "dtype \"F4\"") == "file_format");
  CHECK(error_of(one(R"({"dtype":5,"shape":[],"data_offsets":[0,4]})", 4), "dtype 5") == "file_format");
  CHECK(error_of(one(R"({"dtype":"F32","data_offsets":[0,4]})", 4), "got null") == "file_format");
  for (const char* shape : {"4", "\"4\"", "[-4]", "[1.0]", "[\"1\"]", "[[1]]", "[1e3]", "[99999999999999999999]"}) {
    CHECK(error_of(one(R"({"dtype":"F32","shape":)" + std::string(shape) + R"(,"data_offsets":[0,4]})", 4),
                   "shape: expected a list of sizes") == "file_format");
  }
  for (const char* offsets :
       {"4", "[4]", "[0,4,8]", "[4,0]", "[-4,0]", "[0,4.0]", "{}", "null", "[0,99999999999999999999]"}) {
    CHECK(error_of(one(R"({"dtype":"F32","shape":[1],"data_offsets":)" + std::string(offsets) + "}", 4),
                   "data_offsets: expected [begin, end]") == "file_format");
  }
  CHECK(error_of(one(R"({"dtype":"F32","shape":[2,3],"data_offsets":[0,20]})", 20),
                 "shape [2,3] of F32 takes 24 bytes, data_offsets give it 20") == "file_format");
  // 2^62 values of 4 bytes are 2^64: 0 where nobody looks.
  CHECK(error_of(one(R"({"dtype":"F32","shape":[2147483648,2147483648],"data_offsets":[0,0]})", 0),
                 "shape [2147483648,2147483648]") == "file_format");
  CHECK(error_of(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 4),
                 "ends at byte 8 of the data, which has 4") == "file_truncated");
  CHECK(error_of(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})", 5), "1 bytes behind the last tensor") ==
        "file_format");
  CHECK(error_of(file_of("{}", 3), "3 bytes behind") == "file_format");
  CHECK(error_of(file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                         R"("b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
                         7),
                 "tensor \"b\": begins at byte 3 of the data, but \"a\" goes to byte 4") == "file_format");
  CHECK(error_of(file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                         R"("b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})",
                         9),
                 "tensor \"b\": begins at byte 5 of the data, but nothing fills the bytes from 4") == "file_format");
  CHECK(error_of(one(R"({"dtype":"U8","shape":[4],"data_offsets":[1,5]})", 5), "nothing fills the bytes from 0") ==
        "file_format");
  CHECK(error_of(file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                         R"("a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                         8),
                 "the key \"a\" stands twice") == "file_format");
  CHECK(error_of(file_of("{\"" + std::string(5000, 'n') + "\":" + std::string("{\"shape\":\"") +
                             std::string(5000, 's') + "\",\"dtype\":\"F32\"}}",
                         0),
                 "nnn…\"") == "file_format");  // names and values do not flood the message
}

TEST_CASE("a file cut or changed anywhere never does more than fail", "[safetensors]") {
  const std::string file = file_of(kGood, 16);
  for (std::size_t n = 0; n < file.size(); ++n) CHECK_FALSE(read(file.substr(0, n)));

  // Whatever still opens stays inside the file.
  const auto check = [](const std::string& changed) {
    const auto tensors = read(changed);
    if (!tensors) return tensors.error().message.empty();
    std::size_t n_byte = 0;
    for (const auto& [name, tensor] : *tensors) {
      n_byte += tensor.bytes.size();
      if (tensor.bytes.size() != tensor.count() * lens::bytes_per_block(tensor.dtype)) return true;
      if (!lens::is_readable_float(tensor.dtype)) continue;
      std::vector<float> values(tensor.count());
      lens::read_floats(tensor, 0, values);
    }
    return n_byte > changed.size();
  };
  std::size_t n_wrong = 0;
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = file;
      changed[i] = static_cast<char>(byte);
      n_wrong += check(changed);
    }
  }
  CHECK(n_wrong == 0);
}

TEST_CASE("other people's files", "[safetensors]") {
  if (std::string(LENS_SHARED_DIR).empty()) SKIP("no ../shared beside this checkout");
  for (const char* name : {"gpt-nano-sort", "slm-4096"}) {
    CAPTURE(name);
    const std::string file = read_file(std::string(LENS_SHARED_DIR) + "/models/" + name + "/model.safetensors");
    REQUIRE_FALSE(file.empty());
    const auto tensors = read(file);
    if (!tensors) FAIL(tensors.error().message);
    CHECK(tensors->size() > 10);
    CHECK_FALSE(read(file.substr(0, file.size() - 1)));
  }
}
