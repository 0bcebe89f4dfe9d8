// What torch.save writes, built here word by word; and the same spoiled.
#include "formats/torch_file.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "engine/loaded_lens.h"
#include "formats/safetensors.h"
#include "read_file.h"
#include "support.h"
#include "tiny_model.h"

using namespace lens;
using namespace lens::test;

namespace {

template <class T>
std::string little(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

struct Entry {
  std::string name, data;
  std::uint16_t method = 0, flags = 0;
};

// Each entry's data begins at a multiple of 64, as torch aligns it.
std::string zip(const std::vector<Entry>& entries) {
  std::string file, directory;
  for (const Entry& e : entries) {
    const std::uint32_t local = static_cast<std::uint32_t>(file.size()),
                        size = static_cast<std::uint32_t>(e.data.size());
    const std::size_t extra = (64 - (file.size() + 30 + e.name.size()) % 64) % 64;
    const std::string head = little(std::uint16_t{20}) + little(e.flags) + little(e.method) + little(std::uint32_t{0}) +
                             little(std::uint32_t{0}) + little(size) + little(size) +
                             little(static_cast<std::uint16_t>(e.name.size()));
    file += "PK\3\4" + head + little(static_cast<std::uint16_t>(extra)) + e.name + std::string(extra, 'Z') + e.data;
    directory += "PK\1\2" + little(std::uint16_t{20}) + head + little(std::uint16_t{0}) + little(std::uint16_t{0}) +
                 little(std::uint16_t{0}) + little(std::uint16_t{0}) + little(std::uint32_t{0}) + little(local) +
                 e.name;
  }
  const auto n = little(static_cast<std::uint16_t>(entries.size()));
  return file + directory + "PK\5\6" + little(std::uint32_t{0}) + n + n +
         little(static_cast<std::uint32_t>(directory.size())) + little(static_cast<std::uint32_t>(file.size())) +
         little(std::uint16_t{0});
}

std::string text(const std::string& words) { return "X" + little(static_cast<std::uint32_t>(words.size())) + words; }
std::string number(std::int32_t value) { return "J" + little(value); }
std::string tuple(const std::vector<std::int32_t>& values) {
  std::string words = "(";
  for (const auto value : values) words += number(value);
  return words + "t";
}

std::string storage(const char* key, const char* type = "FloatStorage") {
  return "(" + text("storage") + "ctorch\n" + type + "\n" + text(key) + text("cpu") + number(0) + "tQ";
}
std::string tensor(const std::string& storage, std::int32_t offset, const std::vector<std::int32_t>& shape,
                   const std::vector<std::int32_t>& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + tuple(shape) + tuple(strides) + "\x89" +
         "ccollections\nOrderedDict\n)RtR";
}

using Named = std::vector<std::pair<std::string, std::string>>;
// An OrderedDict with a _metadata of its own, as state_dict() gives it.
std::string state_dict(const Named& tensors) {
  std::string words = "\x80\2ccollections\nOrderedDict\n)Rq";
  words += '\0';
  words += "(";
  for (const auto& [name, build] : tensors) words += text(name) + build;
  return words + "u}" + text("_metadata") + "ccollections\nOrderedDict\n)Rsb.";
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::vector<std::byte> bytes_of(const std::string& content) {
  const auto* begin = reinterpret_cast<const std::byte*>(content.data());
  return {begin, begin + content.size()};
}

std::string file_of(const std::string& program, const std::string& data = floats({0, 1, 2, 3, 4, 5})) {
  return zip({{"params/data.pkl", program}, {"params/byteorder", "little"}, {"params/data/0", data}});
}

std::vector<float> values_of(const TorchFile& torch, const char* name) {
  const TensorView& view = torch.tensors.at(name);
  std::vector<float> values(view.count());
  read_floats(view, 0, values);
  return values;
}

std::string refusal(const std::string& content) {
  const auto bytes = bytes_of(content);
  const auto torch = read_torch(bytes, "params.pt");
  return torch ? "" : torch.error().code + ": " + torch.error().message;
}

}  // namespace

TEST_CASE("tensors of one storage, by offset and stride") {
  const auto bytes = bytes_of(file_of(state_dict({{"rows", tensor(storage("0"), 0, {2, 3}, {3, 1})},
                                                  {"turned", tensor(storage("0"), 0, {3, 2}, {1, 3})},
                                                  {"end", tensor(storage("0"), 4, {2}, {1})},
                                                  {"one", tensor(storage("0"), 5, {}, {})},
                                                  {"none", tensor(storage("0"), 0, {0, 7}, {7, 1})}})));
  const auto torch = read_torch(bytes, "params.pt");
  INFO((torch ? "" : torch.error().message));
  REQUIRE(torch);
  REQUIRE(values_of(*torch, "rows") == std::vector<float>{0, 1, 2, 3, 4, 5});
  REQUIRE(values_of(*torch, "turned") == std::vector<float>{0, 3, 1, 4, 2, 5});
  REQUIRE(torch->tensors.at("turned").shape == std::vector<std::size_t>{3, 2});
  REQUIRE(values_of(*torch, "end") == std::vector<float>{4, 5});
  REQUIRE(values_of(*torch, "one") == std::vector<float>{5});
  REQUIRE(torch->tensors.at("none").count() == 0);
  REQUIRE(torch->copies.size() == 1);
}

TEST_CASE("a torch zip of another program: every vector of the same model's safetensors, equal to the bit") {
  const std::filesystem::path folder = std::filesystem::path(LENS_SHARED_DIR) / "models/slm-4096";
  if (std::string(LENS_SHARED_DIR).empty() || !std::filesystem::is_directory(folder))
    SKIP("recorded models are absent: " << folder);
  const auto zipped = bytes_of(read_file((folder / "ckpt.pt").string()));
  const auto torch = read_torch(zipped, "ckpt.pt");
  INFO((torch ? "" : torch.error().message));
  REQUIRE(torch);
  const auto converted = bytes_of(read_file((folder / "model.safetensors").string()));
  const auto safetensors = read_safetensors(converted, "model.safetensors");
  REQUIRE(safetensors);
  // Matrices are turned there; vectors lie as they are, under other names.
  std::size_t n_vector = 0;
  for (const auto& [name, ours] : *safetensors) {
    if (!name.starts_with("h.") || ours.shape.size() != 1) continue;
    const TensorView& theirs = torch->tensors.at("model_state.blocks." + name.substr(2));
    REQUIRE(theirs.shape == ours.shape);
    REQUIRE(std::ranges::equal(theirs.bytes, ours.bytes));
    ++n_vector;
  }
  REQUIRE(n_vector == 32);
}

TEST_CASE("a published tuned lens: params.pt and config.json") {
  auto model = load_model("m", tiny_files());
  REQUIRE(model);
  std::vector<float> data(20 * 20);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
  Named tensors;
  for (const char* block : {"0", "1", "2"}) {
    tensors.emplace_back(std::string(block) + ".weight", tensor(storage("0"), 0, {20, 20}, {20, 1}));
    tensors.emplace_back(std::string(block) + ".bias", tensor(storage("0"), 7, {20}, {1}));
  }
  const File params{"params.pt", bytes_of(file_of(state_dict(tensors), floats(data)))};
  const auto with = [&](const std::string& config) {
    return load_lens({{"config.json", bytes_of(config)}, params}, *model);
  };
  const auto lens = with(R"({"d_model": 20, "num_hidden_layers": 3, "bias": true, "unembed_hash": "x", "older": 1})");
  INFO((lens ? "" : lens.error().message));
  REQUIRE(lens);
  REQUIRE(lens->translators[2].W.at(3, 1) == 23);  // weight[1][3]
  REQUIRE(lens->translators[2].b[0] == 7);
  REQUIRE(load_lens({params}, *model));
  REQUIRE(with(R"({"d_model": 768})").error().code == "lens_model");
  REQUIRE(with("{").error().code == "json_syntax");
  REQUIRE(with("[]").error().code == "config_format");
}

TEST_CASE("a pickle that asks for more than tensors is refused by name") {
  const std::string begin = "\x80\2";
  for (const auto& [program, words] : std::vector<std::pair<std::string, std::string>>{
           {begin + "cos\nsystem\n(" + text("echo hello") + "tR.", "asks for \"os.system\""},
           {begin + "cbuiltins\neval\n.", "asks for \"builtins.eval\""},
           {begin + "ctorch\nload\n.", "asks for \"torch.load\""},
           {begin + "ctorch.FloatStorage\nx\n.", "asks for"},
           {begin + "ctorch\nFloatStorage\n)R.", "calls \"torch.FloatStorage\""},
           {begin + text("x") + ")R.", "calls what is no name"},
           {begin + "ccollections\nOrderedDict\n(" + number(1) + "tR.", "gives an OrderedDict arguments"},
           {begin + "ccollections\nOrderedDict\n)\x81.", "has the word 129"},  // NEWOBJ
           {begin + "i", "has the word 105"},                                  // INST
           {begin + "\x93", "has the word 147"},                               // STACK_GLOBAL
           {begin + "}" + text("x") + "b" + "b.", "sets the state"},
           {begin + "N" + text("x") + number(1) + "s.", "sets items of what is no dict"},
           {begin + "u", "no beginning"},
           {begin + "t", "no beginning"},
           {begin + "a", "takes more than it has"},
           {begin + "\x87", "takes more than it has"},
           {begin + "R", "calls what is no name"},
           {begin + "h\5", "recalls what it never had"},
           {begin + "q\5", "remembers what it does not have"},
           {begin + ".", "does not end with one value"},
           {begin + "NN.", "does not end with one value"},
           {begin + "\x8a\x09" + std::string(9, '\1'), "more than 64 bits"},
           {begin + text("x") + "Q.", "names a storage"},
           {begin + "(" + text("storage") + "ccollections\nOrderedDict\n" + text("0") + text("cpu") + number(0) + "tQ.",
            "names a storage"},
           {state_dict({{"x", tensor(storage("0"), -1, {2}, {1})}}), "builds a tensor"},
           {state_dict({{"x", tensor(storage("0"), 0, {2}, {1, 1})}}), "builds a tensor"},
           {state_dict({{"x", tensor(storage("0"), 0, {-2}, {1})}}), "builds a tensor"}}) {
    const std::string said = refusal(file_of(program));
    INFO(said);
    REQUIRE(said.starts_with("pickle_refused: params.pt: its pickle "));
    REQUIRE(said.find(words) != std::string::npos);
  }
  const std::string whole = state_dict({{"x", tensor(storage("0"), 0, {2}, {1})}});
  for (std::size_t n = 0; n < whole.size(); ++n) REQUIRE(!refusal(file_of(whole.substr(0, n))).empty());
}

TEST_CASE("a tensor that is not in its storage is refused by name") {
  for (const auto& [build, words] : std::vector<std::pair<std::string, std::string>>{
           {tensor(storage("7"), 0, {2}, {1}), "its storage \"7\" is not in the file"},
           {tensor(storage("0"), 5, {2}, {1}), "does not fit into its storage of 6 values"},
           {tensor(storage("0"), 0, {2, 3}, {4, 1}), "does not fit into its storage"},
           {tensor(storage("0"), 0, {2147483647, 2147483647}, {2147483647, 2147483647}),
            "does not fit into its storage"},
           {tensor(storage("0"), 0, {4, 4}, {0, 0}), "larger than its storage"}}) {
    const std::string said = refusal(file_of(state_dict({{"0.weight", build}})));
    INFO(said);
    REQUIRE(said.starts_with("file_format: params.pt: tensor \"0.weight\": "));
    REQUIRE(said.find(words) != std::string::npos);
  }
  // Dicts in dicts in dicts, each of them twice: few words, many tensors.
  std::string nested = "\x80\2" + tensor(storage("0"), 0, {1}, {1});
  for (int depth = 0; depth < 40; ++depth) {
    const char slot = static_cast<char>(depth);
    nested = nested + "q" + slot + "0";
    nested = nested.substr(0, nested.size() - 1);
    nested += "}" + text("a") + "h" + slot + "s" + text("b") + "h" + slot + "s";
  }
  REQUIRE(!refusal(file_of(nested + ".")).empty());
}

TEST_CASE("a zip that is not whole, or not plain, is refused by name") {
  const std::string whole = file_of(state_dict({{"x", tensor(storage("0"), 0, {2}, {1})}}));
  REQUIRE(refusal(whole).empty());
  REQUIRE(refusal("").starts_with("file_format"));
  REQUIRE(refusal("PK").starts_with("file_format"));
  for (std::size_t n = 1; n < whole.size(); n += 7) REQUIRE(!refusal(whole.substr(0, n)).empty());
  REQUIRE(refusal(zip({{"a/data.pkl", "x", 8}})).find("is compressed") != std::string::npos);
  REQUIRE(refusal(zip({{"a/data.pkl", "x", 0, 1}})).find("is encrypted") != std::string::npos);
  REQUIRE(refusal(zip({{"a/x", "x"}, {"a/x", "x"}})).find("is there twice") != std::string::npos);
  REQUIRE(refusal(zip({{"a/x", "x"}})).find("without data.pkl") != std::string::npos);
  REQUIRE(refusal(zip({{"a/data.pkl", "N."}, {"a/byteorder", "big"}})).find("\"big\"-endian") != std::string::npos);
  // Any one byte of it changed: an answer or a refusal, never more.
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int flip : {1, 0x80, 0xff}) {
      std::string spoiled = whole;
      spoiled[at] = static_cast<char>(spoiled[at] ^ flip);
      (void)refusal(spoiled);
    }
}
