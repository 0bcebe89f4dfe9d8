// A model that comes in pieces is the model that comes whole, bit for bit, however the pieces are cut.
#include "model/model_loader.h"

#include <cstring>
#include <map>

#include "base/json.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "formats/gguf.h"
#include "gguf_model.h"
#include "lens/logit_lens.h"
#include "model/forward.h"
#include "support.h"
#include "tiny_model.h"

using namespace lens;
using namespace lens::test;

namespace {

File as_file(std::string name, std::vector<std::byte> bytes) { return {std::move(name), std::move(bytes)}; }

std::vector<File> one(File file) {
  std::vector<File> files;
  files.push_back(std::move(file));
  return files;
}

std::vector<std::byte> bytes_of_text(const std::string& text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

struct Variant {
  bool conv1d = true;
  std::string prefix = {};
  std::size_t header_multiple = 1;  // 1: the data begin at an odd offset too
  bool masks = false;
  std::size_t n_file = 1;
  bool head = false;  // an lm_head of its own, equal to the embedding
};

// gguf_model's numbers as a Hugging Face folder.
std::vector<File> hugging_face(const Variant& variant) {
  const auto gguf_bytes = gguf_model(false);
  const auto gguf = *read_gguf(gguf_bytes, "model.gguf");
  std::map<std::string, std::string> names{{"token_embd", "wte"}, {"position_embd", "wpe"}, {"output_norm", "ln_f"}};
  for (const std::string l : {"0", "1"})
    for (const auto& [from, to] : std::map<std::string, std::string>{{"attn_norm", "ln_1"},
                                                                     {"attn_qkv", "attn.c_attn"},
                                                                     {"attn_output", "attn.c_proj"},
                                                                     {"ffn_norm", "ln_2"},
                                                                     {"ffn_up", "mlp.c_fc"},
                                                                     {"ffn_down", "mlp.c_proj"}})
      names["blk." + l + "." + from] = "h." + l + "." + to;
  std::vector<Json> headers(variant.n_file, Json::object());
  std::vector<std::vector<std::byte>> data(variant.n_file);
  std::size_t next = 0;
  const auto write = [&](const std::string& name, const std::string& dtype, const std::vector<std::size_t>& shape,
                         std::span<const std::byte> bytes) {
    auto& to = data[next];
    headers[next][name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {to.size(), to.size() + bytes.size()}}};
    to.insert(to.end(), bytes.begin(), bytes.end());
    next = (next + 1) % variant.n_file;
  };
  if (variant.masks) write(variant.prefix + "h.0.attn.bias", "U8", {1, 1, 3, 3}, std::vector<std::byte>(9));
  for (const auto& [name, tensor] : gguf.tensors) {
    const std::size_t dot = name.rfind('.');
    const std::string known = names.at(name.substr(0, dot));
    std::vector<float> values(tensor.count());
    read_floats(tensor, 0, values);
    auto shape = tensor.shape;
    if (variant.conv1d && shape.size() == 2 && known.starts_with("h.")) {
      std::vector<float> turned(values.size());
      for (std::size_t r = 0; r < shape[0]; ++r)
        for (std::size_t c = 0; c < shape[1]; ++c) turned[c * shape[0] + r] = values[r * shape[1] + c];
      values = turned;
      std::swap(shape[0], shape[1]);
    }
    write(variant.prefix + known + name.substr(dot), "F32", shape, std::as_bytes(std::span(values)));
    if (variant.head && known == "wte") write("lm_head.weight", "F32", shape, std::as_bytes(std::span(values)));
  }
  std::vector<File> files;
  files.push_back(
      as_file("config.json", bytes_of_text(R"({"model_type":"gpt2","n_layer":2,"n_head":4,"n_positions":9,"n_embd":32,)"
                                           R"("n_inner":64,"vocab_size":45})")));
  for (std::size_t i = 0; i < variant.n_file; ++i) {
    std::string header = headers[i].dump();
    while (variant.header_multiple > 1 && (8 + header.size()) % variant.header_multiple != 0) header += ' ';
    if (variant.header_multiple == 1 && header.size() % 2 == 0) header += ' ';
    std::vector<std::byte> bytes(8);
    const std::uint64_t length = header.size();
    std::memcpy(bytes.data(), &length, 8);
    const auto text = bytes_of_text(header);
    bytes.insert(bytes.end(), text.begin(), text.end());
    bytes.insert(bytes.end(), data[i].begin(), data[i].end());
    files.push_back(as_file("model-" + std::to_string(i) + ".safetensors", bytes));
  }
  return files;
}

std::vector<double> numbers(const LoadedModel& loaded) {
  Activations run(loaded.model.config());
  const std::vector<TokenId> tokens{3, 40, 0, 17, 44};
  run.append(tokens);
  forward(loaded.model, 0, run);
  std::vector<double> all;
  const std::vector<std::size_t> positions{0, 1, 2, 3, 4};
  for (const LensColumn& column : read_lens(loaded.model, Lens{}, {.mid = true}, run, positions))
    for (const auto& cell : column) {
      all.insert(all.end(), {cell.kl, cell.answer.logit, cell.input.logit, double(cell.input.rank)});
    }
  return all;
}

void require_same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  REQUIRE(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

// The beginnings first, then everything in pieces of `n` bytes.
std::vector<double> streamed(const std::vector<File>& files, Precision precision, std::size_t n) {
  std::vector<File> heads;
  for (const File& file : files) {
    heads.push_back(file);
    if (!file.name.ends_with(".safetensors") && !file.name.ends_with(".gguf")) continue;
    heads.back().whole = file.bytes.size();
    heads.back().bytes.resize(std::min<std::size_t>(file.bytes.size(), 8192));
  }
  Engine engine;
  const auto begun = engine.begin_load("m", heads, precision);
  INFO((begun ? "" : begun.error().message));
  REQUIRE(begun);
  for (std::size_t i = 0; i < files.size(); ++i)
    for (std::size_t at = 0; at < files[i].bytes.size(); at += n) {
      const auto piece = std::span(files[i].bytes).subspan(at);
      REQUIRE(engine.put("m", i, at, piece.first(std::min(n, piece.size()))));
    }
  const auto loaded = engine.finish_load("m", "name");
  INFO((loaded ? "" : loaded.error().message));
  REQUIRE(loaded);
  REQUIRE(engine.model("name"));
  return numbers(**loaded);
}

std::vector<double> whole(std::vector<File> files) {
  const auto model = load_model("whole", std::move(files));
  INFO((model ? "" : model.error().message));
  REQUIRE(model);
  return numbers(*model);
}

}  // namespace

TEST_CASE("pieces of any size make the same model") {
  const auto expected = whole(one(as_file("model.gguf", gguf_model(false))));
  const auto expected_q8 = whole(one(as_file("model.gguf", gguf_model(true))));
  for (const std::size_t n : {1u, 7u, 128u, 4099u, 1u << 20}) {
    require_same_bits(streamed(one(as_file("model.gguf", gguf_model(false))), Precision::as_stored, n), expected);
    require_same_bits(streamed(one(as_file("model.gguf", gguf_model(true))), Precision::as_stored, n), expected_q8);
    require_same_bits(streamed(hugging_face({}), Precision::as_stored, n), expected);
  }
}

TEST_CASE("a checkpoint's variants are the same model") {
  const auto expected = whole(one(as_file("model.gguf", gguf_model(false))));
  for (const Variant& variant : {Variant{.conv1d = false}, Variant{.prefix = "transformer.", .masks = true},
                                 Variant{.prefix = "module._orig_mod.transformer.", .header_multiple = 8},
                                 Variant{.masks = true, .n_file = 3}, Variant{.head = true}}) {
    require_same_bits(whole(hugging_face(variant)), expected);
    require_same_bits(streamed(hugging_face(variant), Precision::as_stored, 1000), expected);
  }
}

TEST_CASE("rounded to F16 or Q8_0 on the way, a model has the bits that lens convert gives it") {
  for (const auto& [type, precision] : {std::pair(DType::F16, Precision::f16), {DType::Q8_0, Precision::q8_0}})
    for (const Variant& variant :
         {Variant{}, Variant{.conv1d = false}, Variant{.prefix = "transformer.", .n_file = 2}}) {
      const auto files = hugging_face(variant);
      std::vector<std::byte> converted;
      REQUIRE(convert("m", files, type, [&](std::span<const std::byte> bytes) {
        converted.insert(converted.end(), bytes.begin(), bytes.end());
        return ok();
      }));
      const auto expected = whole(one(as_file("model.gguf", converted)));
      for (const std::size_t n : {13u, 100000u}) require_same_bits(streamed(files, precision, n), expected);
      // What is F16 or Q8_0 in its file is so in memory, with nothing said.
      const auto kept = load_model("kept", one(as_file("model.gguf", converted)))->model.byte_size();
      REQUIRE(kept == load_model("rounded", files, precision)->model.byte_size());
    }
}

TEST_CASE("a weight that the precision cannot hold is refused by name") {
  auto files = hugging_face({});
  const auto begun = Engine().inspect("m", files);
  const auto& place = *std::ranges::find(begun->weights().wanted(), "h.1.mlp.c_fc.weight", &WantedBytes::tensor);
  const float large = 65520;
  std::memcpy(&files[1].bytes[static_cast<std::size_t>(place.begin)], &large, sizeof large);
  REQUIRE(load_model("m", files));
  const auto refused = load_model("m", files, Precision::f16);
  REQUIRE(!refused);
  CHECK(refused.error().code == "tensor_value");
  CHECK(refused.error().message.find("F16 cannot hold") != std::string::npos);
}

TEST_CASE("what is wanted is every weight once, and no mask") {
  const auto files = hugging_face({.masks = true, .n_file = 2});
  const auto model = Engine().inspect("m", files);
  REQUIRE(model);
  const auto& wanted = model->weights().wanted();
  REQUIRE(wanted.size() == 2 + 2 * 12 + 2);
  std::uint64_t bytes = 0;
  for (const WantedBytes& w : wanted) {
    CHECK(w.end <= files[w.file].size());
    bytes += w.end - w.begin;
  }
  CHECK(bytes == 4 * model->weights().n_param());
  // Matrices at 1.125 bytes a value, vectors and positions at 4.
  const std::uint64_t n_matrix = 45 * 32 + 2 * (32 * 96 + 32 * 32 + 2 * 32 * 64);
  CHECK(model->weights().n_kept(Precision::q8_0) == n_matrix * 9 / 8 + (model->weights().n_param() - n_matrix) * 4);
  CHECK(model->weights().n_kept(Precision::f16) == model->weights().n_param() * 4 - n_matrix * 2);
  CHECK(model->weights().n_kept(Precision::as_stored) == model->weights().n_param() * 4);
}

TEST_CASE("what does not come in order, or not at all, is told") {
  const auto files = hugging_face({});
  Engine engine;
  CHECK(engine.put("m", 0, 0, {}).error().code == "no_load");
  REQUIRE(engine.begin_load("m", files, Precision::as_stored));
  const auto wanted = engine.inspect("m", files)->weights().wanted();
  const auto bytes = std::span(files[1].bytes);
  REQUIRE(engine.put("m", 1, 0, bytes.first(static_cast<std::size_t>(wanted[0].begin) + 8)));
  const auto skipped =
      engine.put("m", 1, wanted[0].begin + 12, bytes.subspan(static_cast<std::size_t>(wanted[0].begin) + 12, 4));
  REQUIRE(!skipped);
  CHECK(skipped.error().code == "weights_order");
  // A piece refused ends the load: what came before it may be half a tensor.
  CHECK(engine.put("m", 1, 0, bytes).error().code == "no_load");
  CHECK(engine.finish_load("m", "m").error().code == "no_load");
  REQUIRE(engine.begin_load("m", files, Precision::as_stored));
  CHECK(engine.finish_load("m", "m").error().code == "weights_missing");
}

TEST_CASE("too little of a header is asked for again, a file that is too short is not") {
  for (const auto& whole : {hugging_face({})[1], as_file("model.gguf", gguf_model(false))}) {
    auto files = hugging_face({});
    files[1] = whole;
    files[1].whole = whole.bytes.size();
    files[1].bytes.resize(100);
    CHECK(Engine().inspect("m", files).error().code == "head_short");
    files[1].bytes = whole.bytes;
    files[1].whole = whole.bytes.size() - 4;
    const auto cut = Engine().inspect("m", files);
    REQUIRE(!cut);
    CHECK(cut.error().code == "file_truncated");
  }
}

TEST_CASE("an index names a file that is not there, and an adapter is no model") {
  auto files = hugging_face({.n_file = 2});
  files.push_back(as_file("model.safetensors.index.json",
                          bytes_of_text(R"({"weight_map":{"a":"model-0.safetensors","b":"model-7.safetensors"}})")));
  const auto missing = load_model("m", files);
  REQUIRE(!missing);
  CHECK(missing.error().message.find("model-7.safetensors") != std::string::npos);
  const auto adapter = load_model("m", one(as_file("adapter_model.safetensors", {})));
  REQUIRE(!adapter);
  CHECK(adapter.error().message.find("LoRA") != std::string::npos);
}

TEST_CASE("a weight beyond Q8_0 is refused by name, and opens as it is stored") {
  auto files = hugging_face({});
  const auto wanted = Engine().inspect("m", files)->weights().wanted();
  const auto huge = std::ranges::find(wanted, std::string("h.1.mlp.c_fc.weight"), &WantedBytes::tensor);
  const float value = 1e9f;
  std::memcpy(files[1].bytes.data() + huge->begin + 400, &value, sizeof value);
  Engine engine;
  REQUIRE(engine.begin_load("m", files, Precision::q8_0));
  const auto put = engine.put("m", 1, 0, files[1].bytes);
  REQUIRE(!put);
  CHECK(put.error().message.find("h.1.mlp.c_fc.weight") != std::string::npos);
  CHECK(load_model("m", files));
}

TEST_CASE("a tokenizer can come later") {
  auto files = tiny_files();
  const std::vector<File> tokenizer(files.begin() + 2, files.end());
  files.erase(files.begin() + 2, files.end());
  Engine engine;
  const auto loaded = engine.load("m", files);
  REQUIRE(loaded);
  CHECK(!(*loaded)->tokenizer);
  CHECK(engine.give_tokenizer("m", one(tokenizer[0])).error().code == "file_missing");
  CHECK(engine.give_tokenizer("m", {}).error().code == "file_missing");
  CHECK(engine.give_tokenizer("other", tokenizer).error().code == "model_missing");
  REQUIRE(engine.give_tokenizer("m", tokenizer));
  CHECK((*engine.model("m"))->tokenizer);
}
