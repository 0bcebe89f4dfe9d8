// A lens' files against the model that they are for: what is taken, and what is refused in which words.
#include "engine/loaded_lens.h"

#include <cstring>

#include "engine/engine.h"
#include "support.h"
#include "tiny_model.h"

using namespace lens;
using namespace lens::test;

namespace {

constexpr std::size_t kWidth = 20;  // of the tiny model, which has 3 blocks

struct Tensor {
  std::vector<std::size_t> shape;
  float value = 0;
};
using Tensors = std::map<std::string, Tensor>;

Tensors tuned(std::size_t n_block = 3, std::size_t width = kWidth) {
  Tensors tensors;
  for (std::size_t i = 0; i < n_block; ++i) {
    tensors[std::to_string(i) + ".weight"] = {{width, width}};
    tensors[std::to_string(i) + ".bias"] = {{width}};
  }
  return tensors;
}

File safetensors(const Tensors& tensors, Json about = Json::object()) {
  Json header{{"__metadata__", std::move(about)}};
  std::vector<float> data;
  for (const auto& [name, tensor] : tensors) {
    std::size_t count = 1;
    for (const std::size_t extent : tensor.shape) count *= extent;
    const std::size_t begin = data.size() * sizeof(float);
    data.insert(data.end(), count, tensor.value);
    header[name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size() * sizeof(float)}}};
  }
  const std::string text = print_json(header);
  const std::size_t n_text = text.size();
  const std::uint64_t n_header = n_text;
  File file{"own.safetensors", std::vector<std::byte>(sizeof n_header + n_text + data.size() * sizeof(float))};
  std::memcpy(file.bytes.data(), &n_header, sizeof n_header);
  std::memcpy(file.bytes.data() + sizeof n_header, text.data(), n_text);
  std::memcpy(file.bytes.data() + sizeof n_header + n_text, data.data(), data.size() * sizeof(float));
  return file;
}

LoadedModel tiny(std::string name = "") {
  auto model = load_model("m", tiny_files());
  REQUIRE(model);
  model->name = std::move(name);
  return *std::move(model);
}

// "code: message", or "" where the lens is taken.
std::string refusal(const std::vector<File>& files, const LoadedModel& model = tiny()) {
  const auto lens = load_lens(files, model);
  return lens ? "" : lens.error().code + ": " + lens.error().message;
}

Json run_read(Json read) {
  read["what"] = "lens";
  read["norm"] = "none";  // a norm would take away what is the same everywhere
  return {{"v", 1},
          {"models", {{"m", "m"}}},
          {"runs", {{"main", {{"model", "m"}, {"ids", {5, 9, 17}}}}}},
          {"reads", {read}}};
}

std::vector<float> table(Engine& engine, const Json& read, const char* name) {
  const auto found = engine.run(print_json(run_read(read)));
  INFO((found ? "" : found.error().message));
  REQUIRE(found);
  return std::get<std::vector<float>>(std::ranges::find(found->at(0).tables, name, &Table::name)->data);
}

}  // namespace

TEST_CASE("translators with and without biases, and a Jacobian lens: identities and zeros are the raw lens") {
  Tensors bare, jacobian;
  for (const char* block : {"0", "1", "2"}) bare[std::string(block) + ".weight"] = {{kWidth, kWidth}};
  REQUIRE(refusal({safetensors(tuned())}).empty());
  const auto without_bias = load_lens({safetensors(bare)}, tiny());
  REQUIRE(without_bias);
  REQUIRE(without_bias->translators.size() == 3);
  REQUIRE(without_bias->translators[0].b.empty());
  for (const char* block : {"0", "1", "2"}) jacobian[std::string(block) + ".jacobian"] = {{kWidth, kWidth}, 0.5f};
  const auto with = load_lens({safetensors(jacobian)}, tiny());
  REQUIRE(with);
  REQUIRE(with->translators[1].W.at(3, 3) == -0.5f);
  REQUIRE(with->translators[1].W.at(3, 4) == 0.5f);
}

TEST_CASE("the lens of before April 2023: input_adapter is block 0, layer_adapters.k block k + 1") {
  for (const auto& [input, layers] :
       {std::pair("input_adapter", "layer_adapters."), {"input_probe", "layer_probes."}}) {
    Tensors old{
        {"layer_norm.weight", {{kWidth}}}, {"layer_norm.bias", {{kWidth}}}, {"unembedding.weight", {{7, kWidth}}}};
    old[std::string(input) + ".weight"] = {{kWidth, kWidth}, 1};
    for (int k = 0; k < 2; ++k)
      old[layers + std::to_string(k) + ".weight"] = {{kWidth, kWidth}, 2.0f + static_cast<float>(k)};
    const auto lens = load_lens({safetensors(old)}, tiny());
    INFO((lens ? "" : lens.error().message));
    REQUIRE(lens);
    for (std::size_t block = 0; block < 3; ++block)
      REQUIRE(lens->translators[block].W.at(0, 0) == 1.0f + static_cast<float>(block));
  }
}

TEST_CASE("a lens of another model is refused by what tells them apart") {
  const LoadedModel model = tiny();
  REQUIRE(refusal({safetensors(tuned(3, 24))})
              .starts_with("lens_model: own.safetensors: tensor \"0.bias\" is [24], for this model"));
  REQUIRE(refusal({safetensors(tuned(4))}).find("\"3.bias\" is for block 3, but the model has 3 blocks") !=
          std::string::npos);
  REQUIRE(refusal({safetensors(tuned(2))}).find("no tensor \"2.weight\"") != std::string::npos);
  REQUIRE(refusal({safetensors(tuned(), {{"d_model", "768"}})}).find("d_model is 768, that of the model \"m\" is 20") !=
          std::string::npos);
  REQUIRE(refusal({safetensors(tuned(), {{"num_hidden_layers", "12"}})}).starts_with("lens_model"));
  REQUIRE(refusal({safetensors(tuned(), {{"d_model", "20"}, {"num_hidden_layers", "3"}})}).empty());

  const Json ours{{"base_model_fingerprint", model.model.fingerprint()}, {"base_model_name_or_path", "another"}};
  REQUIRE(model.model.fingerprint().size() == 16);
  REQUIRE(refusal({safetensors(tuned(), ours)}, tiny("primer")).empty());  // the weights say more than a name
  REQUIRE(refusal({safetensors(tuned(), {{"base_model_fingerprint", "0123456789abcdef"}})})
              .starts_with("lens_model: own.safetensors: base_model_fingerprint is \"0123456789abcdef\""));
  const auto named = [&](const char* theirs, const char* model_name) {
    return refusal({safetensors(tuned(), {{"base_model_name_or_path", theirs}})}, tiny(model_name));
  };
  REQUIRE(named("gpt2", "").empty());
  REQUIRE(named("openai-community/gpt2", "GPT-2 small").empty());
  REQUIRE(named("gpt2", "primer").find("base_model_name_or_path is \"gpt2\", that of the model") != std::string::npos);
}

TEST_CASE("what is no lens is refused by name") {
  REQUIRE(refusal({}).starts_with("file_missing"));
  for (const char* name : {"wte.weight", "0", "x.weight", "-1.weight", "1e2.weight", "0.gamma", "99999.weight"}) {
    Tensors tensors = tuned();
    tensors[name] = {{kWidth}};
    const std::string said = refusal({safetensors(tensors)});
    INFO(said);
    REQUIRE(said.starts_with(std::string("lens_format: own.safetensors: tensor \"") + name + "\" is not a lens'"));
  }
  Tensors twice = tuned();
  twice["0.jacobian"] = {{kWidth, kWidth}};
  REQUIRE(refusal({safetensors(twice)}).find("twice") != std::string::npos);
  for (const char* name : {"1.weight", "1.bias"}) {
    Tensors broken = tuned();
    broken[name].value = std::numeric_limits<float>::infinity();
    REQUIRE(refusal({safetensors(broken)}).find("block 1 holds a value that is not a finite number") !=
            std::string::npos);
  }
  REQUIRE(refusal({safetensors(tuned(), {{"lens_type", "other"}})})
              .starts_with("not_built: own.safetensors: its lens_type is \"other\""));
}

TEST_CASE("a loaded lens has a name; another in its place is never read from the old one's columns") {
  Engine engine;
  REQUIRE(engine.load("m", tiny_files()));
  for (const char* name : {"", "raw"})
    REQUIRE(engine.load_lens("m", name, {safetensors(tuned())}).error().code == "lens_name");
  REQUIRE(engine.load_lens("other", "tuned", {safetensors(tuned())}).error().code == "model_missing");
  for (const char* key : {"lens", "beside"}) {
    const auto missing = engine.run(print_json(run_read({{key, "tuned"}})));
    REQUIRE(!missing);
    REQUIRE(missing.error().code == "lens_missing");
    REQUIRE(missing.error().message.starts_with("There is no lens \"tuned\" for the model \"m\"; there is \"raw\"."));
  }
  const auto raw = table(engine, {{"lens", "raw"}}, "entropy");
  REQUIRE(engine.load_lens("m", "tuned", {safetensors(tuned())}));
  REQUIRE(table(engine, {{"lens", "tuned"}}, "entropy") == raw);
  REQUIRE(std::ranges::all_of(table(engine, {{"beside", "tuned"}}, "beside_kl"), [](float kl) { return kl == 0; }));
  Tensors other = tuned();
  other["0.bias"].value = 3;
  other["0.weight"].value = 0.1f;
  REQUIRE(engine.load_lens("m", "tuned", {safetensors(other)}));
  REQUIRE(table(engine, {{"lens", "tuned"}}, "entropy") != raw);
  REQUIRE(table(engine, {{"lens", "raw"}}, "entropy") == raw);
  REQUIRE(table(engine, {{"beside", "tuned"}}, "beside_kl")[0] > 0);
  // What cannot be taken leaves the earlier one where it is.
  REQUIRE(!engine.load_lens("m", "tuned", {safetensors(tuned(2))}));
  REQUIRE(table(engine, {{"lens", "tuned"}}, "entropy") != raw);
}
