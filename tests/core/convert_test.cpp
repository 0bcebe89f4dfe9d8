// A model rewritten as GGUF is the same model: read back by this reader here, by one of its own in tests/cli.
#include "engine/convert.h"

#include <cmath>
#include <cstring>

#include "formats/gguf.h"
#include "gguf_model.h"
#include "lens/logit_lens.h"
#include "model/forward.h"
#include "support.h"
#include "tiny_model.h"

using namespace lens;
using namespace lens::test;

namespace {

std::vector<File> as_files(std::vector<std::byte> bytes) {
  std::vector<File> files;
  files.push_back({"model.gguf", std::move(bytes)});
  return files;
}

struct Converted {
  Conversion done;
  std::vector<std::byte> bytes;
};

Converted to(DType type, const std::vector<File>& files) {
  Converted converted;
  const auto done = convert("test", files, type, [&](std::span<const std::byte> bytes) {
    converted.bytes.insert(converted.bytes.end(), bytes.begin(), bytes.end());
    return ok();
  });
  INFO((done ? "" : done.error().message));
  REQUIRE(done);
  REQUIRE(done->n_byte == converted.bytes.size());
  converted.done = *done;
  return converted;
}

std::string refusal(const std::vector<File>& files, DType type) {
  const auto done = convert("test", files, type, [](std::span<const std::byte>) { return ok(); });
  return done ? "" : done.error().code + ": " + done.error().message;
}

void require_same_lens(const LoadedModel& a, const LoadedModel& b) {
  const std::vector<TokenId> tokens{3, 40, 0, 17, 44};
  const std::vector<std::size_t> positions{0, 1, 2, 3, 4};
  std::vector<LensColumn> columns[2];
  for (const int i : {0, 1}) {
    const Model& model = (i ? b : a).model;
    Activations run(model.config());
    run.append(tokens);
    forward(model, 0, run);
    columns[i] = read_lens(model, Lens{}, {.mid = true}, run, positions);
  }
  for (std::size_t p = 0; p < tokens.size(); ++p)
    for (std::size_t r = 0; r < columns[0][p].size(); ++r) {
      REQUIRE(columns[0][p][r].reading.log_z == columns[1][p][r].reading.log_z);
      REQUIRE(columns[0][p][r].reading.top[3].logit == columns[1][p][r].reading.top[3].logit);
    }
}

// The tensors of one file beside those of another with the same names.
template <class F>
void for_each_pair(const std::vector<std::byte>& a, const std::vector<std::byte>& b, F compare) {
  const auto one = read_gguf(a, "a"), other = read_gguf(b, "b");
  REQUIRE((one && other));
  REQUIRE(one->tensors.size() == other->tensors.size());
  for (const auto& [name, tensor] : one->tensors) {
    INFO(name);
    REQUIRE(tensor.shape == other->tensors.at(name).shape);
    compare(tensor, other->tensors.at(name));
  }
}

std::vector<float> floats_of(const TensorView& tensor) {
  std::vector<float> values(tensor.count());
  read_floats(tensor, 0, values);
  return values;
}

}  // namespace

TEST_CASE("a Hugging Face folder as F32 is the same model to the bit, with the same tokens") {
  const auto folder = load_model("folder", tiny_files());
  REQUIRE(folder);
  const Converted converted = to(DType::F32, tiny_files());
  REQUIRE(converted.done.worst_error == 0);
  REQUIRE(converted.done.worst_tensor.empty());
  const LoadedModel gguf = load_gguf(converted.bytes);
  require_same_lens(*folder, gguf);
  REQUIRE(gguf.model.n_param() == folder->model.n_param());
  REQUIRE(gguf.model.config().bos == folder->model.config().bos);
  REQUIRE(gguf.model.config().layer_norm_epsilon == folder->model.config().layer_norm_epsilon);
  REQUIRE(gguf.tokenizer->size() == folder->tokenizer->size());
  for (TokenId id = 0; id < static_cast<TokenId>(gguf.tokenizer->size()); ++id) {
    REQUIRE(gguf.tokenizer->bytes_of(id) == folder->tokenizer->bytes_of(id));
    REQUIRE(gguf.tokenizer->is_special(id) == folder->tokenizer->is_special(id));
  }
  for (const char* text : {"the cat's mat — 7!", " the  the\nhouse<|endoftext|>rat"})
    REQUIRE(gguf.tokenizer->encode(text) == folder->tokenizer->encode(text));
}

TEST_CASE("Q8_0 stays the same blocks, and as F32 the same numbers") {
  const auto q8 = gguf_model(true);
  const Converted same = to(DType::Q8_0, as_files(q8)), wide = to(DType::F32, as_files(q8));
  for (const Converted* converted : {&same, &wide}) REQUIRE(converted->done.worst_error == 0);
  for_each_pair(q8, same.bytes, [](const TensorView& a, const TensorView& b) {
    REQUIRE(a.dtype == b.dtype);
    REQUIRE(std::ranges::equal(a.bytes, b.bytes));
  });
  for_each_pair(q8, wide.bytes, [](const TensorView& a, const TensorView& b) {
    REQUIRE(b.dtype == DType::F32);
    REQUIRE(floats_of(a) == floats_of(b));
  });
  require_same_lens(load_gguf(gguf_model(false)), load_gguf(wide.bytes));
}

TEST_CASE("F16 and Q8_0 keep every weight within half a step, and say how far off the worst is") {
  const auto exact = gguf_model(false);
  for (const DType type : {DType::F16, DType::Q8_0}) {
    const Converted converted = to(type, as_files(exact));
    REQUIRE(converted.bytes.size() * 10 < exact.size() * (type == DType::F16 ? 7u : 5u));
    double worst = 0;
    for_each_pair(exact, converted.bytes, [&](const TensorView& a, const TensorView& b) {
      const auto from = floats_of(a), into = floats_of(b);
      REQUIRE(b.dtype == (a.shape.size() == 1 || a.shape[0] == 9 ? DType::F32 : type));  // W_pos has 9 rows
      for (std::size_t i = 0; i < from.size(); ++i) {
        const double error = std::abs(static_cast<double>(into[i]) - static_cast<double>(from[i]));
        worst = std::max(worst, error);
        double step = 0;
        if (b.dtype == DType::F16) step = std::abs(from[i]) / 1024;  // 11 significant bits
        if (b.dtype == DType::Q8_0) {
          // The largest of the block of 32, and its scale's own rounding to F16.
          float largest = 0;
          for (std::size_t j = i / 32 * 32; j < i / 32 * 32 + 32; ++j) largest = std::max(largest, std::abs(from[j]));
          step = largest / 127 * (1 + 1.0 / 8);
        }
        REQUIRE(error <= step / 2);
      }
    });
    REQUIRE(converted.done.worst_error == worst);
    REQUIRE((type == DType::F16 || worst > 0));
    REQUIRE(converted.done.wide.empty());
  }
}

TEST_CASE("rows that do not divide into blocks become F16, each by name") {
  const Converted converted = to(DType::Q8_0, tiny_files());
  REQUIRE(converted.done.wide.size() == 1 + 3 * 4);
  REQUIRE(converted.done.wide[0] == "wte.weight");
  const auto gguf = read_gguf(converted.bytes, "tiny.gguf");
  REQUIRE(gguf);
  REQUIRE(gguf->tensors.at("blk.2.ffn_down.weight").dtype == DType::F16);
}

TEST_CASE("a model without a tokenizer is written and read without one") {
  auto files = tiny_files();
  files.resize(2);
  const LoadedModel gguf = load_gguf(to(DType::F32, files).bytes);
  REQUIRE(!gguf.tokenizer);
  REQUIRE(gguf.model.config().bos == 299);
}

TEST_CASE("what a conversion cannot keep, it refuses by name") {
  const auto with_config = [](const Json& changes) {
    auto files = tiny_files();
    auto config = *parse_json({reinterpret_cast<const char*>(files[0].bytes.data()), files[0].bytes.size()}, "");
    config.update(changes);
    const std::string text = print_json(config);
    const auto bytes = std::as_bytes(std::span(text));
    files[0].bytes.assign(bytes.begin(), bytes.end());
    return files;
  };
  REQUIRE(
      refusal(with_config({{"activation_function", "gelu"}}), DType::F32).starts_with("not_gguf: model.safetensors"));
  REQUIRE(refusal(with_config({{"scale_attn_weights", false}}), DType::F32).find("scale_attn_weights") !=
          std::string::npos);
  REQUIRE(refusal(with_config({{"scale_attn_by_inverse_layer_idx", true}}), DType::F32).starts_with("not_gguf"));
  REQUIRE(refusal(with_config({{"n_layer", 2}}), DType::F32).starts_with("tensor_unknown"));
  REQUIRE(refusal(with_config({{"n_layer", 4}}), DType::F32).starts_with("tensor_missing"));
  REQUIRE(refusal({}, DType::F32).starts_with("file_missing"));

  auto exact = gguf_model(false);
  const float large = 7e7f;
  std::memcpy(exact.data() + exact.size() / 2 / 4 * 4, &large, sizeof large);
  for (const DType type : {DType::F16, DType::Q8_0}) {
    const std::string message = refusal(as_files(exact), type);
    INFO(message);
    REQUIRE(message.starts_with("tensor_value: model.gguf: tensor "));
    REQUIRE(message.find("70000000") != std::string::npos);
  }
  REQUIRE(refusal(as_files(exact), DType::F32) == "");
}

TEST_CASE("a sink's error ends the conversion") {
  int n_call = 0;
  const auto done = convert("test", tiny_files(), DType::F32, [&](std::span<const std::byte>) -> Status {
    if (++n_call == 3) return Error{"file_write", "full"};
    return ok();
  });
  REQUIRE(!done);
  REQUIRE(done.error().code == "file_write");
  REQUIRE(n_call == 3);
}
