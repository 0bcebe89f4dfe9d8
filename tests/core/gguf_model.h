// A small seeded GPT-2 as a GGUF file, wide enough for blocks of Q8_0.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/loaded_model.h"
#include "formats/tensors.h"
#include "gguf_file.h"
#include "support.h"

namespace lens::test {

inline std::span<const std::byte> bytes_of(const std::vector<float>& values) {
  return std::as_bytes(std::span(values));
}

// Q8_0 as ggml quantises: a scale of 1/16, 1/8 or 1/4, which F16 holds exactly, and 32 int8.
inline std::vector<std::byte> random_q8(std::size_t n_value, Random& random) {
  std::vector<std::byte> bytes;
  for (std::size_t b = 0; b < n_value / kQ8Values; ++b) {
    const std::uint16_t scale[] = {0x2C00, 0x3000, 0x3400};
    const std::uint16_t chosen = scale[random.below(3)];
    bytes.push_back(static_cast<std::byte>(chosen & 0xFF));
    bytes.push_back(static_cast<std::byte>(chosen >> 8));
    for (std::size_t i = 0; i < kQ8Values; ++i) bytes.push_back(static_cast<std::byte>(random.below(256)));
  }
  return bytes;
}

// A seeded GPT-2 of 2 layers as a GGUF with Q8_0 matrices, or with the same numbers as float32.
inline std::vector<std::byte> gguf_model(bool as_q8) {
  constexpr std::size_t C = 32, I = 64, V = 45, P = 9;
  Random random(21);
  GgufWriter gguf;
  gguf.key("general.architecture", std::string("gpt2"));
  gguf.key("gpt2.block_count", 2u);
  gguf.key("gpt2.attention.head_count", 4u);
  gguf.key("gpt2.context_length", std::uint32_t{P});
  gguf.key("gpt2.embedding_length", std::uint32_t{C});
  gguf.key("gpt2.feed_forward_length", std::uint32_t{I});
  gguf.key("gpt2.attention.layer_norm_epsilon", 1e-5f);
  const auto matrix = [&](const std::string& name, std::size_t out, std::size_t in) {
    const auto q8 = random_q8(out * in, random);
    if (as_q8) return gguf.tensor(name, {out, in}, 8, q8);
    std::vector<float> values(out * in);
    read_floats({DType::Q8_0, {out, in}, q8}, 0, values);
    gguf.tensor(name, {out, in}, 0, bytes_of(values));
  };
  const auto vector = [&](const std::string& name, std::size_t n) {
    gguf.tensor(name, {n}, 0, bytes_of(random.normals(n)));
  };
  matrix("token_embd.weight", V, C);
  gguf.tensor("position_embd.weight", {P, C}, 0, bytes_of(random.normals(P * C)));
  for (const std::string blk : {"blk.0.", "blk.1."}) {
    vector(blk + "attn_norm.weight", C), vector(blk + "attn_norm.bias", C);
    matrix(blk + "attn_qkv.weight", 3 * C, C), vector(blk + "attn_qkv.bias", 3 * C);
    matrix(blk + "attn_output.weight", C, C), vector(blk + "attn_output.bias", C);
    vector(blk + "ffn_norm.weight", C), vector(blk + "ffn_norm.bias", C);
    matrix(blk + "ffn_up.weight", I, C), vector(blk + "ffn_up.bias", I);
    matrix(blk + "ffn_down.weight", C, I), vector(blk + "ffn_down.bias", C);
  }
  vector("output_norm.weight", C), vector("output_norm.bias", C);
  return gguf.file();
}

inline LoadedModel load_gguf(std::vector<std::byte> file) {
  std::vector<File> files;
  files.push_back({"model.gguf", std::move(file)});
  auto model = load_model("test", std::move(files));
  INFO((model ? "" : model.error().message));
  REQUIRE(model);
  return *std::move(model);
}

}  // namespace lens::test
