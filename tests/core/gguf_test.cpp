#include "formats/gguf.h"

#include <cmath>

#include "engine/loaded_model.h"
#include "gguf_file.h"
#include "gguf_model.h"
#include "lens/components.h"
#include "lens/logit_lens.h"
#include "model/forward.h"
#include "model/gguf_names.h"
#include "read_file.h"
#include "support.h"
#include "text/tokenizer.h"

using namespace lens;
using namespace lens::test;

namespace {

GgufWriter small() {
  GgufWriter gguf;
  gguf.key("general.architecture", std::string("gpt2"));
  gguf.key("a.list", std::vector<std::string>{"x", std::string("\xFF\x00", 2)});
  gguf.tensor("one", {2, 3}, 0, bytes_of({1, 2, 3, 4, 5, 6}));
  gguf.tensor("two", {1}, 0, bytes_of({7}));
  return gguf;
}

std::string code_of(std::span<const std::byte> file) {
  const auto read = read_gguf(file, "x.gguf");
  if (read) return "";
  REQUIRE(read.error().message.find("x.gguf") != std::string::npos);
  return read.error().code;
}

}  // namespace

TEST_CASE("a GGUF's keys and tensors arrive, shapes slowest dimension first") {
  for (const std::uint32_t version : {2u, 3u}) {
    const auto file = small().file(version);
    const auto gguf = read_gguf(file, "x.gguf");
    REQUIRE(gguf);
    REQUIRE(gguf->metadata["general.architecture"] == "gpt2");
    REQUIRE(gguf->metadata["a.list"][1].get<std::string>() == std::string("\xFF\x00", 2));
    const TensorView& one = gguf->tensors.at("one");
    REQUIRE(one.shape == std::vector<std::size_t>{2, 3});
    std::vector<float> row(3);
    read_floats(one, 3, row);
    REQUIRE(row == std::vector<float>{4, 5, 6});
  }
}

namespace {

// Makes a float32 model's inputs what Q8_0 would have met.
class Rounds : public Observer {
 public:
  void at(HookPoint hook, std::span<const std::size_t> shape, std::span<float> values) override {
    if (hook.site != Site::ln1_normalized && hook.site != Site::ln2_normalized && hook.site != Site::mlp_post) return;
    round_inputs({values.data(), shape[0], shape[1]}, PackedMatrix(shape[1], 1, PackedMatrix::Storage::q8_0));
  }
};

}  // namespace

TEST_CASE("Q8_0 in memory gives the numbers of the same weights as float32, of the same inputs") {
  const LoadedModel q8 = load_gguf(gguf_model(true)), f32 = load_gguf(gguf_model(false));
  REQUIRE(q8.model.W_U().storage() == PackedMatrix::Storage::q8_0);
  REQUIRE(q8.model.weights().blocks[1].W_out.storage() == PackedMatrix::Storage::q8_0);
  REQUIRE(q8.model.byte_size() * 3 < f32.model.byte_size());
  const std::vector<TokenId> tokens{3, 40, 0, 17, 44};
  const std::vector<std::size_t> all{0, 1, 2, 3, 4};
  std::vector<LensColumn> columns[2];
  for (int i : {0, 1}) {
    const Model& model = (i ? f32 : q8).model;
    Activations run(model.config());
    run.append(tokens);
    Rounds rounds;
    forward_embed(model, 0, tokens.size(), run);
    for (const std::size_t layer : {0u, 1u}) forward_block(model, layer, 0, tokens.size(), run, i ? &rounds : nullptr);
    columns[i] = read_lens(model, Lens{}, {.mid = true}, run, all);
    const Tensor result = read_hook(model, run, {Site::result, 1}, 0, tokens.size());  // a slice of W_O a head
    REQUIRE(result.values.size() == tokens.size() * 32 * 4);
  }
  for (std::size_t p = 0; p < tokens.size(); ++p)
    for (std::size_t r = 0; r < columns[0][p].size(); ++r) {
      const LensCell &a = columns[0][p][r], &b = columns[1][p][r];
      const double scale = std::abs(b.reading.log_z) + std::abs(b.answer.logit) + 10;
      require_close(a.reading.log_z, b.reading.log_z, scale, 32);
      require_close(a.kl, b.kl, scale, 32);
      require_close(a.answer.logit, b.answer.logit, scale, 32);
    }
}

TEST_CASE("what Q8_0 meets is what its hooks show: parts add up to it, typed and pasted alike") {
  const std::vector<TokenId> tokens{3, 40, 0, 17, 44, 9, 9};
  const std::size_t n = tokens.size();
  for (const bool q8 : {false, true}) {
    const LoadedModel loaded = load_gguf(gguf_model(q8));
    const Model& model = loaded.model;
    Activations run(model.config());
    run.append(tokens);
    forward(model, 0, run);
    bool any_rounded = true;
    for (const int layer : {0, 1})
      for (const Site site : {Site::ln1_normalized, Site::ln2_normalized, Site::mlp_post}) {
        const BlockWeights& w = model.weights().blocks[static_cast<std::size_t>(layer)];
        const Tensor shown = read_hook(model, run, {site, layer}, 0, n);
        std::vector<float> met = shown.values;
        const PackedMatrix q8_like(shown.shape[1], 1, PackedMatrix::Storage::q8_0);
        round_inputs({met.data(), n, shown.shape[1]}, q8_like);
        any_rounded = any_rounded && met == shown.values;

        if (site != Site::mlp_post) continue;
        const Tensor written = read_hook(model, run, {Site::mlp_out, layer}, 0, n);
        for (std::size_t p = 0; p < n; ++p)
          for (std::size_t i = 0; i < written.shape[1]; ++i) {
            double sum = w.b_out[i], magnitude = std::abs(w.b_out[i]);
            for (std::size_t k = 0; k < shown.shape[1]; ++k) {
              const double part = static_cast<double>(shown.values[p * shown.shape[1] + k]) * w.W_out.at(k, i);
              sum += part, magnitude += std::abs(part);
            }
            require_close(written.values[p * written.shape[1] + i], sum, magnitude, 64);
          }
      }
    REQUIRE(any_rounded == q8);

    const auto mean_W_U = model.W_U().mean_column();
    for (const HookPoint row : lens_rows(model.config(), true)) {
      Components parts(model, Lens{}, run, {row, n - 1, 12, 30, Norm::recomputed}, mean_W_U);
      while (parts.blocks().size() < parts.n_block()) parts.read_block(run);
      INFO(name_of(row));
      REQUIRE(std::abs(parts.shown() - parts.sum()) <= 3e-6 * parts.size());
    }

    Activations typed(model.config());
    for (const TokenId token : tokens) {
      typed.append({&token, 1});
      forward(model, typed.size() - 1, typed);
    }
    for (std::size_t layer = 0; layer <= 2; ++layer)
      for (std::size_t p = 0; p < n; ++p)
        REQUIRE(std::ranges::equal(typed.resid(layer).row(p), run.resid(layer).row(p)));
  }
}

TEST_CASE("a GGUF cut anywhere is refused by name, and no byte of its header can do harm") {
  const auto file = small().file();
  for (std::size_t n = 0; n < file.size(); ++n) {
    const std::string code = code_of(std::span(file).first(n));
    INFO(n << " bytes: " << code);
    // The padding behind the last tensor may be missing.
    if (n + 32 < file.size() || n < 4) REQUIRE((code == "file_truncated" || code == "file_format"));
  }
  for (std::size_t i = 0; i < file.size(); ++i)
    for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      auto broken = file;
      broken[i] = static_cast<std::byte>(value);
      (void)code_of(broken);
    }
}

TEST_CASE("each broken GGUF has its own message") {
  const auto expect = [](const GgufWriter& gguf, const std::string& code, const std::string& word,
                         std::uint32_t version = 3) {
    const auto file = gguf.file(version);
    const auto read = read_gguf(file, "x.gguf");
    REQUIRE(!read);
    INFO(read.error().message);
    REQUIRE(read.error().code == code);
    REQUIRE(read.error().message.find(word) != std::string::npos);
  };
  expect(small(), "file_format", "version 1", 1);
  expect(small(), "file_format", "big-endian", 0x03000000);
  GgufWriter twice = small();
  twice.tensor("one", {1}, 0, bytes_of({1}));
  expect(twice, "file_format", "stands twice");
  GgufWriter q4 = small();
  q4.tensor("three", {32}, 2, bytes_of({1, 2, 3, 4, 5}));
  expect(q4, "tensor_dtype", "Q4_0");
  GgufWriter unknown = small();
  unknown.tensor("three", {32}, 99, bytes_of({1}));
  expect(unknown, "tensor_dtype", "type 99");
  GgufWriter odd = small();
  odd.tensor("three", {2, 33}, 8, bytes_of(std::vector<float>(17)));
  expect(odd, "file_format", "cannot have the shape");
  GgufWriter huge = small();
  huge.tensor("three", {std::uint64_t{1} << 40, std::uint64_t{1} << 40}, 0, bytes_of({1}));
  expect(huge, "file_format", "three");
  GgufWriter aligned = small();
  aligned.key("general.alignment", 33u);
  expect(aligned, "file_format", "general.alignment");
  GgufWriter keys = small();
  keys.key("a.list", 1u);
  expect(keys, "file_format", "stands twice");
}

TEST_CASE("another architecture, and a missing key, are named") {
  GgufWriter llama;
  llama.key("general.architecture", std::string("llama"));
  const auto llama_file = llama.file();
  const auto refused = config_of(read_gguf(llama_file, "x.gguf")->metadata, "x.gguf");
  REQUIRE(!refused);
  REQUIRE(refused.error().message.find("\"llama\"") != std::string::npos);
  const auto small_file = small().file();
  const auto missing = config_of(read_gguf(small_file, "x.gguf")->metadata, "x.gguf");
  REQUIRE(!missing);
  REQUIRE(missing.error().message.find("gpt2.block_count") != std::string::npos);
}

TEST_CASE("the tokenizer inside a GGUF is the one of the two text files") {
  const std::string shared = LENS_SHARED_DIR;
  if (shared.empty()) SKIP("no recorded vocabularies beside this checkout");
  const std::string text = read_file(shared + "/gpt2-tokenizer/ggml-vocab-gpt-2.gguf");
  const auto gguf = read_gguf(std::as_bytes(std::span(text)), "ggml-vocab-gpt-2.gguf");
  REQUIRE(gguf);
  REQUIRE(gguf->tensors.empty());
  const auto inside = Tokenizer::build(read_gguf_tokenizer(gguf->metadata, "ggml-vocab-gpt-2.gguf"));
  INFO((inside ? "" : inside.error().message));
  REQUIRE(inside);
  const auto pair = Tokenizer::build(read_vocab_and_merges(read_file(shared + "/gpt2-tokenizer/encoder.json"),
                                                           read_file(shared + "/gpt2-tokenizer/vocab.bpe")));
  REQUIRE(pair);
  REQUIRE(inside->size() == pair->size());
  for (TokenId id = 0; id < static_cast<TokenId>(pair->size()); ++id) {
    REQUIRE(inside->bytes_of(id) == pair->bytes_of(id));
    REQUIRE(inside->is_special(id) == pair->is_special(id));
  }
  for (const char* prompt :
       {"The capital of France is", "  two\n\nlines\t", "naïve café 🙂<|endoftext|>x", "I've 2024 don't"})
    REQUIRE(inside->encode(prompt) == pair->encode(prompt));
}
