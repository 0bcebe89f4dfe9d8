// The whole core against numbers that it did not make: a float64 reference of a tiny model (tests/golden), what PyTorch
// recorded of other people's models (../shared/models), and itself under another order of work.
//
// A comparison asks for max|Δ| ≤ 1e-4 · max|value| in every row of a tensor, a row being everything under one index
// of its first dimension: a position, a head, a row of the lens. What it found is printed; 1e-6 is usual.

#include <algorithm>
#include <bit>
#include <catch_amalgamated.hpp>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/engine.h"
#include "formats/safetensors.h"
#include "model/forward.h"
#include "read_file.h"

namespace {

using namespace lens;
using Tables = std::map<std::string, Table>;
namespace fs = std::filesystem;

constexpr double kTolerance = 1e-4;
const fs::path kGolden = fs::path(LENS_SOURCE_DIR) / "tests/golden";
const fs::path kTiny = kGolden / "tiny";
const fs::path kRecorded = fs::path(LENS_SHARED_DIR) / "models";

#define SKIP_WITHOUT(folder)                                             \
  if (std::string(LENS_SHARED_DIR).empty() || !fs::is_directory(folder)) \
  SKIP("recorded numbers are absent: " << (folder))

// --- Running ---------------------------------------------------------------------------------------------------------

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

Json read_json(const fs::path& path) {
  const auto json = parse_json(read_file(path.string()), path.filename().string());
  REQUIRE(json);
  return *json;
}

// The model in `folder`, under the ref "m"; `config` replaces keys of its config.json.
void load(Engine& engine, const fs::path& folder, const Json& config = Json::object()) {
  Json changed = read_json(folder / "config.json");
  changed.update(config);
  std::vector<File> files{{"config.json", bytes_of(print_json(changed))}};
  for (const char* name : {"model.safetensors", "vocab.json", "merges.txt"})
    if (fs::exists(folder / name)) files.push_back({name, bytes_of(read_file((folder / name).string()))});
  const auto loaded = engine.load("m", std::move(files));
  INFO((loaded ? "" : loaded.error().message));
  REQUIRE(loaded);
}

std::string experiment(const std::vector<int>& ids, const std::vector<Json>& reads) {
  return print_json(
      {{"v", 1}, {"models", {{"m", "m"}}}, {"runs", {{"main", {{"model", "m"}, {"ids", ids}}}}}, {"reads", reads}});
}

Tables by_name(const ReadTables& read) {
  Tables tables;
  for (const Table& table : read.tables) tables.emplace(table.name, table);
  return tables;
}

std::vector<ReadTables> run_all(Engine& engine, const std::vector<int>& ids, const std::vector<Json>& reads) {
  auto found = engine.run(experiment(ids, reads));
  INFO((found ? "" : found.error().message));
  REQUIRE(found);
  REQUIRE(found->size() == reads.size());
  return *std::move(found);
}

Tables run(Engine& engine, const std::vector<int>& ids, const Json& read) {
  return by_name(run_all(engine, ids, {read})[0]);
}

Json lens_read(const std::string& norm, bool mid, std::size_t top, const std::vector<int>& track,
               const Json& sets = Json::object()) {
  return {{"what", "lens"}, {"norm", norm},   {"mid", mid},  {"change", true},
          {"top", top},     {"track", track}, {"sets", sets}};
}

std::vector<std::string> hook_names(int n_layer) {
  std::vector<std::string> names;
  for (int site = 0; site <= static_cast<int>(Site::final_normalized); ++site)
    for (int layer = 0; layer < (is_in_block(static_cast<Site>(site)) ? n_layer : 1); ++layer)
      names.push_back(name_of(HookPoint{static_cast<Site>(site), layer}));
  return names;
}

Tables run_hooks(Engine& engine, const std::vector<int>& ids, int n_layer) {
  return run(engine, ids, {{"what", "activations"}, {"hooks", hook_names(n_layer)}});
}

// --- Comparing -------------------------------------------------------------------------------------------------------

struct Values {
  std::vector<std::size_t> shape;
  std::vector<double> data;

  std::size_t row_size() const { return shape.empty() || shape[0] == 0 ? 1 : data.size() / shape[0]; }
};

Values values_of(const Tables& tables, const std::string& name) {
  INFO("table " << name);
  REQUIRE(tables.contains(name));
  const Table& table = tables.at(name);
  Values values;
  for (const Dimension& dim : table.dims) values.shape.push_back(dim.size);
  std::visit([&](const auto& data) { values.data.assign(data.begin(), data.end()); }, table.data);
  return values;
}

// The worst max|Δ| / max|value| of a model's tensors, and where it was.
class Worst {
 public:
  explicit Worst(std::string what) : what_(std::move(what)) {}
  ~Worst() {
    std::printf("measured: %s: %zu tensors, max|Δ| %.1e, worst max|Δ|/max|value| %.1e (%s)\n", what_.c_str(), n_tensor_,
                absolute_, relative_, where_.c_str());
  }
  double relative() const { return relative_; }

  void compare(const std::string& name, const Values& found, const Values& expected, double tolerance = kTolerance) {
    INFO(what_ << ": " << name);
    REQUIRE(found.shape == expected.shape);
    REQUIRE(found.data.size() == expected.data.size());
    ++n_tensor_;
    const std::size_t row_size = expected.row_size();
    for (std::size_t begin = 0; begin < expected.data.size(); begin += row_size) {
      double size = 0, error = 0;
      for (std::size_t i = begin; i < begin + row_size; ++i) {
        const double e = expected.data[i], f = found.data[i];
        if (!std::isfinite(e)) {  // NaN where a number has no meaning, −inf under the causal mask
          if (!(std::isnan(e) ? std::isnan(f) : e == f)) FAIL_CHECK("at " << i << ": " << f << ", expected " << e);
          continue;
        }
        size = std::max(size, std::abs(e));
        error = std::isnan(f) ? INFINITY : std::max(error, std::abs(f - e));
      }
      if (!(error <= tolerance * size)) FAIL_CHECK("row " << begin / row_size << ": " << error << " of " << size);
      if (size > 0 && error / size > relative_) relative_ = error / size, where_ = name;
      absolute_ = std::max(absolute_, error);
    }
  }

  void compare_ids(const std::string& name, const Values& found, const Values& expected) {
    INFO(what_ << ": " << name);
    ++n_tensor_;
    CHECK(found.shape == expected.shape);
    CHECK(found.data == expected.data);
  }

 private:
  std::string what_, where_ = "-";
  double relative_ = 0, absolute_ = 0;
  std::size_t n_tensor_ = 0;
};

// Equal to the last bit over the positions that both have; `position` is the dimension that counts them, in all
// other dimensions the sizes agree.
void require_same_bits(const std::string& name, const Table& a, const Table& b, std::size_t position) {
  INFO("table " << name);
  REQUIRE(a.dims.size() == b.dims.size());
  std::size_t inner = 1, outer = 1;
  for (std::size_t d = 0; d < a.dims.size(); ++d) {
    if (d != position) REQUIRE(a.dims[d].size == b.dims[d].size);
    (d < position ? outer : inner) *= d == position ? 1 : a.dims[d].size;
  }
  const std::size_t n_a = a.dims[position].size, n_b = b.dims[position].size;
  std::visit(
      [&](const auto& data) {
        using Data = std::decay_t<decltype(data)>;
        const Data& other = std::get<Data>(b.data);
        for (std::size_t o = 0; o < outer; ++o)
          REQUIRE(0 == std::memcmp(&data[o * n_a * inner], &other[o * n_b * inner],
                                   std::min(n_a, n_b) * inner * sizeof(data[0])));
      },
      a.data);
}

void require_same_surprisal(const Values& a, const Values& b) {
  const std::size_t n_a = a.shape[1], n_b = b.shape[1];
  REQUIRE(n_a <= n_b);
  for (std::size_t row = 0; row < a.shape[0]; ++row)
    for (std::size_t p = 0; p < n_a; ++p) {
      INFO("surprisal of row " << row << " at position " << p);
      const double value = a.data[row * n_a + p];
      if (p + 1 == n_a)
        REQUIRE(std::isnan(value));
      else
        REQUIRE(value == b.data[row * n_b + p]);
    }
}

// Every table that has a dimension "position". Where b is longer, the surprisal of a's last position, which nothing
// follows in a, is a number in b.
void require_same_columns(const Tables& a, const Tables& b) {
  for (const auto& [name, table] : a) {
    REQUIRE(b.contains(name));
    if (name == "surprisal") {
      require_same_surprisal(values_of(a, name), values_of(b, name));
      continue;
    }
    for (std::size_t d = 0; d < table.dims.size(); ++d)
      if (table.dims[d].name == "position") require_same_bits(name, table, b.at(name), d);
  }
}

// --- The tiny model --------------------------------------------------------------------------------------------------

struct Expected {
  explicit Expected(const char* name = "tiny_expected.safetensors")
      : file(bytes_of(read_file((kGolden / name).string()))), tensors(*read_safetensors(file, name)) {}
  std::vector<std::byte> file;
  NamedTensors tensors;

  Values operator()(const std::string& name) const {
    INFO("expected: " << name);
    REQUIRE(tensors.contains(name));
    const TensorView& tensor = tensors.at(name);
    Values values{tensor.shape, std::vector<double>(tensor.count())};
    for (std::size_t i = 0; i < values.data.size(); ++i) {
      std::uint32_t bits;
      std::memcpy(&bits, tensor.bytes.data() + i * sizeof bits, sizeof bits);
      values.data[i] = tensor.dtype == DType::F32 ? static_cast<double>(std::bit_cast<float>(bits))
                                                  : static_cast<double>(static_cast<std::int32_t>(bits));
    }
    return values;
  }
  std::vector<int> ids(const std::string& name) const {
    const Values values = (*this)(name);
    return {values.data.begin(), values.data.end()};
  }
};

constexpr int kTinyLayers = 3;
constexpr std::size_t kTinyTop = 6;
const char* const kNorms[] = {"recomputed", "frozen", "none"};

// Without the mid-block rows, which stand at 1, 3, 5 of all rows.
Values without_mid(Values values) {
  Values kept{values.shape, {}};
  const std::size_t row_size = values.row_size();
  kept.shape[0] = kTinyLayers + 1;
  for (std::size_t row = 0; row < values.shape[0]; row += 2)
    kept.data.insert(kept.data.end(), values.data.begin() + static_cast<std::ptrdiff_t>(row * row_size),
                     values.data.begin() + static_cast<std::ptrdiff_t>((row + 1) * row_size));
  return kept;
}

}  // namespace

TEST_CASE("every hook of the tiny model", "[golden]") {
  const Expected expected;
  Engine engine;
  load(engine, kTiny);
  for (const std::string prompt : {"text", "full"}) {
    Worst worst("tiny, " + prompt + ", hooks");
    const Tables found = run_hooks(engine, expected.ids(prompt + "/ids"), kTinyLayers);
    for (const std::string& hook : hook_names(kTinyLayers))
      worst.compare(hook, values_of(found, hook), expected(prompt + "/" + hook));
  }
}

TEST_CASE("every number of the tiny model's lens", "[golden]") {
  const Expected expected;
  Engine engine;
  load(engine, kTiny);
  const auto track = expected.ids("track");
  for (const std::string prompt : {"text", "full"})
    for (const std::string norm : kNorms)
      for (const bool mid : {true, false}) {
        const auto ids = expected.ids(prompt + "/ids");
        const Tables found = run(engine, ids, lens_read(norm, mid, kTinyTop, track, {{"set", expected.ids("set")}}));
        const auto wanted = [&](const std::string& column) {
          Values values = expected(prompt + "/" + norm + "/" + column);
          return mid ? values : without_mid(std::move(values));
        };
        Worst worst("tiny, " + prompt + ", " + norm + (mid ? ", mid" : ""));
        for (const char* column : {"log_z", "mean_logit", "entropy", "kl", "surprisal", "answer_logit", "answer_prob",
                                   "input_prob", "top_logit", "top_prob", "track_logit", "track_prob"})
          worst.compare(column, values_of(found, column), wanted(column));
        // Between mid-block rows another row stands below.
        worst.compare("change", values_of(found, "change"),
                      expected(prompt + "/" + norm + (mid ? "/change" : "/change_without_mid")));
        for (const char* column : {"top_id", "answer_rank", "input_rank", "track_rank"})
          worst.compare_ids(column, values_of(found, column), wanted(column));
        worst.compare_ids("answer_id", values_of(found, "answer_id"), expected(prompt + "/answer"));
        worst.compare_ids("token", values_of(found, "token"), expected(prompt + "/ids"));
        worst.compare_ids("track_id", values_of(found, "track_id"), expected("track"));
        Values set_prob = wanted("set_prob");  // one set
        set_prob.shape.push_back(1);
        worst.compare("set_prob", values_of(found, "set_prob"), set_prob);
      }
}

TEST_CASE("every number of the tiny model's tuned and Jacobian lens, and how far they are from the raw one",
          "[golden]") {
  const Expected tiny, expected("tiny_lens_expected.safetensors");
  const auto ids = tiny.ids("text/ids");
  Engine engine;
  load(engine, kTiny);
  for (const std::string lens : {"tuned", "jacobian"}) {
    const std::string file = "tiny_" + lens + ".safetensors";
    const auto loaded = engine.load_lens("m", lens, {{file, bytes_of(read_file((kGolden / file).string()))}});
    INFO((loaded ? "" : loaded.error().message));
    REQUIRE(loaded);
    Worst worst("tiny, " + lens + " lens");
    for (const std::string norm : kNorms) {
      const Json through{{"what", "lens"}, {"lens", lens}, {"norm", norm}, {"mid", true}, {"top", kTinyTop}};
      const Json raw{{"what", "lens"}, {"beside", lens}, {"norm", norm}, {"mid", true}};
      const auto reads = run_all(engine, ids, {through, raw});
      const Tables found = by_name(reads[0]);
      const std::string at = lens + "/" + norm + "/";
      for (const char* column : {"log_z", "entropy", "kl", "surprisal", "answer_prob", "top_prob"})
        worst.compare(at + column, values_of(found, column), expected(at + column));
      for (const char* column : {"answer_rank", "top_id"})
        worst.compare_ids(at + column, values_of(found, column), expected(at + column));
      worst.compare(at + "beside_kl", values_of(by_name(reads[1]), "beside_kl"), expected(at + "beside_kl"));
    }
  }
}

TEST_CASE("the lens' final row is the model's own output", "[golden]") {
  const Expected expected;
  Engine engine;
  load(engine, kTiny);
  const auto ids = expected.ids("full/ids");
  const Tables own = run(engine, ids, lens_read("recomputed", false, 50, {}));
  const Tables frozen = run(engine, ids, lens_read("frozen", false, 50, {}));
  for (const auto& [name, table] : own) {
    if (table.dims.size() < 2 || table.dims[0].name != "row") continue;
    INFO("table " << name);
    std::visit(
        [&](const auto& data) {
          const auto& other = std::get<std::decay_t<decltype(data)>>(frozen.at(name).data);
          const std::size_t row = data.size() / (kTinyLayers + 1);
          if (name != "change")  // which is about the row below too
            CHECK(0 == std::memcmp(&data[kTinyLayers * row], &other[kTinyLayers * row], row * sizeof(data[0])));
        },
        table.data);
  }
  for (const Tables* tables : {&own, &frozen}) {
    const Values kl = values_of(*tables, "kl");
    CHECK(std::all_of(kl.data.end() - static_cast<std::ptrdiff_t>(ids.size()), kl.data.end(),
                      [](double value) { return value == 0; }));
    CHECK(std::none_of(kl.data.begin(), kl.data.begin() + static_cast<std::ptrdiff_t>(ids.size()),
                       [](double value) { return value <= 0; }));
  }
}

// --- Recorded models -------------------------------------------------------------------------------------------------

namespace {

// A tensor of reference_activations.json, cut to sequence b of its batch; null (masked) becomes −inf.
Values recorded_of(const Json& tensor, std::size_t b) {
  const auto shape = tensor["shape"].get<std::vector<std::size_t>>();
  const std::size_t size = tensor["data"].size() / shape[0];
  Values values{{shape.begin() + 1, shape.end()}, {}};
  for (std::size_t i = shape[0] == 1 ? 0 : b * size; values.data.size() < size; ++i) {
    const Json& value = tensor["data"][i];
    values.data.push_back(value.is_null() ? -INFINITY : value.get<double>());
  }
  return values;
}

// [n_head, n, d_head] -> [n, n_head, d_head]
Values heads_inside(const Values& x) {
  Values y{{x.shape[1], x.shape[0], x.shape[2]}, {}};
  for (std::size_t i = 0; i < x.shape[1]; ++i)
    for (std::size_t h = 0; h < x.shape[0]; ++h)
      for (std::size_t d = 0; d < x.shape[2]; ++d) y.data.push_back(x.data[(h * x.shape[1] + i) * x.shape[2] + d]);
  return y;
}

// The same values with all dimensions but the first run together.
Values flat(Values x) {
  x.shape = {x.shape[0], x.row_size()};
  return x;
}

// Columns of several tensors over the same positions, side by side.
Values side_by_side(const std::vector<Values>& parts) {
  Values all{{parts[0].shape[0], 0}, {}};
  for (std::size_t i = 0; i < parts[0].shape[0]; ++i)
    for (const Values& part : parts) {
      const auto row = part.data.begin() + static_cast<std::ptrdiff_t>(i * part.row_size());
      all.data.insert(all.data.end(), row, row + static_cast<std::ptrdiff_t>(part.row_size()));
    }
  all.shape[1] = all.row_size();
  return all;
}

void append_numbers(const Json& nested, std::vector<double>& numbers) {
  if (!nested.is_array()) return numbers.push_back(nested.get<double>());
  for (const Json& item : nested) append_numbers(item, numbers);
}

Values values_of(const Json& nested) {
  Values values;
  for (const Json* level = &nested; level->is_array(); level = &level->front()) values.shape.push_back(level->size());
  append_numbers(nested, values.data);
  return values;
}

std::vector<int> first_ids(int n) {
  std::vector<int> ids(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) ids[static_cast<std::size_t>(i)] = i;
  return ids;
}

// Everything that PyTorch recorded of gpt-nano-sort's blocks, ids `b` of the batch.
void compare_nano_sort(Engine& engine, const Json& recorded, std::size_t b, Worst& worst, double tolerance) {
  // The names without a number are block 0's.
  const std::map<std::string, std::string> hook_of = {
      {"tok_emb", "hook_embed"},
      {"pos_emb", "hook_pos_embed"},
      {"x", "blocks.0.hook_resid_pre"},
      {"ln1", "blocks.0.ln1.hook_normalized"},
      {"q", "blocks.0.attn.hook_q"},
      {"k", "blocks.0.attn.hook_k"},
      {"v", "blocks.0.attn.hook_v"},
      {"att", "blocks.0.attn.hook_attn_scores"},
      {"attSm", "blocks.0.attn.hook_pattern"},
      {"y", "blocks.0.attn.hook_z"},
      {"yProj", "blocks.0.hook_attn_out"},
      {"attnResid", "blocks.0.hook_resid_mid"},
      {"ln2", "blocks.0.ln2.hook_normalized"},
      {"fc", "blocks.0.mlp.hook_pre"},
      {"gelu", "blocks.0.mlp.hook_post"},
      {"mlp", "blocks.0.hook_mlp_out"},
      {"mlpResid", "blocks.0.hook_resid_post"},
      {"block0", "blocks.0.hook_resid_post"},
      {"block1", "blocks.1.hook_resid_post"},
      {"block2", "blocks.2.hook_resid_post"},
      {"ln_f", "ln_final.hook_normalized"},
  };
  const auto ids = recorded["idx"][b].get<std::vector<int>>();
  const Tables hooks = run_hooks(engine, ids, 3);
  const Tables grid = run(engine, ids, lens_read("recomputed", false, 3, first_ids(3)));
  // The last row of a lens table [row, position, token].
  const auto output = [&](const char* column) {
    const Values all = values_of(grid, column);
    return Values{{all.shape[1], all.shape[2]},
                  {all.data.end() - static_cast<std::ptrdiff_t>(all.row_size()), all.data.end()}};
  };
  for (const auto& [name, tensor] : recorded["tensors"].items()) {
    const Values expected = recorded_of(tensor, b);
    if (name == "lm_head" || name == "probs") {
      worst.compare(name, output(name == "probs" ? "track_prob" : "track_logit"), expected, tolerance);
    } else if (name == "qkv") {
      worst.compare(name,
                    side_by_side({values_of(hooks, hook_of.at("q")), values_of(hooks, hook_of.at("k")),
                                  values_of(hooks, hook_of.at("v"))}),
                    expected, tolerance);
    } else {
      INFO(name << " is a recorded tensor that no hook is compared with");
      REQUIRE(hook_of.contains(name));
      const Values found = values_of(hooks, hook_of.at(name));
      const bool by_head = name == "q" || name == "k" || name == "v";
      worst.compare(name, name == "y" ? flat(found) : found, by_head ? heads_inside(expected) : expected, tolerance);
    }
  }
}

}  // namespace

TEST_CASE("gpt-nano-sort: every tensor that PyTorch recorded", "[golden]") {
  const auto folder = kRecorded / "gpt-nano-sort";
  SKIP_WITHOUT(folder);
  const Json recorded = read_json(folder / "reference_activations.json");
  Engine engine;

  load(engine, folder);
  Worst worst("gpt-nano-sort");
  for (std::size_t b = 0; b < recorded["idx"].size(); ++b) compare_nano_sort(engine, recorded, b, worst, kTolerance);

  // The exact GELU is another model, and the comparison is sharp enough to see it.
  load(engine, folder, {{"activation_function", "gelu"}});
  Worst other("gpt-nano-sort, exact gelu");
  for (std::size_t b = 0; b < recorded["idx"].size(); ++b) compare_nano_sort(engine, recorded, b, other, 1);
  CHECK(other.relative() > 1e-3);
}

TEST_CASE("gpt-nano-sort: the lens", "[golden]") {
  const auto folder = kRecorded / "gpt-nano-sort";
  SKIP_WITHOUT(folder);
  Engine engine;
  load(engine, folder);
  Worst worst("gpt-nano-sort, lens");
  const Json reference = read_json(folder / "reference_lens.json");
  for (const Json& prompt : reference["prompts"])
    worst.compare(
        "lens_logits",
        values_of(run(engine, prompt["ids"].get<std::vector<int>>(), lens_read("recomputed", false, 3, first_ids(3))),
                  "track_logit"),
        values_of(prompt["lens_logits"]));
}

TEST_CASE("slm-4096: lens, attention and loss", "[golden]") {
  const auto folder = kRecorded / "slm-4096";
  SKIP_WITHOUT(folder);
  Engine engine;
  load(engine, folder);
  Worst worst("slm-4096");
  const Json reference = read_json(folder / "reference.json");
  for (const Json& prompt : reference["prompts"]) {
    const auto ids = prompt["ids"].get<std::vector<int>>();
    const std::size_t n = ids.size();
    const Tables grid = run(engine, ids, lens_read("recomputed", false, 1, first_ids(54)));
    worst.compare("lens_logits", values_of(grid, "track_logit"), values_of(prompt["lens_logits"]));

    const Values surprisal = values_of(grid, "surprisal");
    double nll = 0;
    for (std::size_t p = 0; p + 1 < n; ++p) nll += surprisal.data[surprisal.data.size() - n + p];
    CHECK(nll / static_cast<double>(n - 1) == Catch::Approx(prompt["mean_nll"].get<double>()).epsilon(1e-5));

    const Tables hooks = run_hooks(engine, ids, 4);
    for (std::size_t layer = 0; layer < 4; ++layer) {
      // Recorded by head and query, as far as each query sees.
      Values expected{{4, n, n}, std::vector<double>(4 * n * n)};
      for (std::size_t h = 0; h < 4; ++h)
        for (std::size_t q = 0; q < n; ++q)
          for (std::size_t k = 0; k <= q; ++k)
            expected.data[(h * n + q) * n + k] = prompt["attention"][layer][h][q][k].get<double>();
      const std::string hook = "blocks." + std::to_string(layer) + ".attn.hook_pattern";
      worst.compare(hook, values_of(hooks, hook), expected);
    }
  }
}

// --- The same bits, however the work is ordered ----------------------------------------------------------------------

namespace {

// `ids` typed up to each of `lengths` in one engine, against all of them pasted into another.
void check_typing(const fs::path& folder, const std::vector<int>& ids, const std::vector<std::size_t>& lengths,
                  const Json& read) {
  const auto first = [&](std::size_t n) { return std::vector<int>(ids.begin(), ids.begin() + static_cast<long>(n)); };
  Engine pasted;
  load(pasted, folder);
  const Tables whole = run(pasted, ids, read);

  Engine typed;
  load(typed, folder);
  for (const std::size_t n : lengths) require_same_columns(run(typed, first(n), read), whole);

  // Words deleted, another word typed, the old one back: no earlier reading may shine through.
  for (const std::size_t n : {ids.size() - 4, ids.size() / 5, ids.size() - 1, std::size_t{1}}) {
    auto other = first(n);
    other.push_back(ids[n] == 7 ? 8 : 7);
    for (const auto& prompt : {first(n), other, ids}) {
      Engine fresh;
      load(fresh, folder);
      require_same_columns(run(typed, prompt, read), run(fresh, prompt, read));
    }
  }
}

}  // namespace

TEST_CASE("typed or pasted, a column has the same bits", "[golden]") {
  const Expected expected;
  const auto ids = expected.ids("full/ids");
  std::vector<std::size_t> lengths(ids.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) lengths[i] = i + 1;
  for (const char* norm : kNorms)
    check_typing(kTiny, ids, lengths, lens_read(norm, true, 50, expected.ids("track"), {{"set", expected.ids("set")}}));
}

TEST_CASE("typed or pasted, a long prompt's column has the same bits", "[golden]") {
  const auto folder = kRecorded / "slm-4096";
  SKIP_WITHOUT(folder);
  std::vector<int> ids(128);  // all of n_ctx, more than one slice of the forward pass
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int>(i * i * 31 % 54);
  check_typing(folder, ids, {1, 2, 31, 32, 33, 63, 64, 65, 95, 97, 100, 127, 128},
               lens_read("recomputed", true, 50, first_ids(10)));
}

TEST_CASE("typed or pasted, a hook has the same bits", "[golden]") {
  const Expected expected;
  const auto ids = expected.ids("full/ids");
  Engine pasted;
  load(pasted, kTiny);
  const Tables whole = run_hooks(pasted, ids, kTinyLayers);
  Engine typed;
  load(typed, kTiny);
  for (std::size_t n = 1; n <= ids.size(); ++n) {
    const Tables now = run_hooks(typed, {ids.begin(), ids.begin() + static_cast<long>(n)}, kTinyLayers);
    for (const std::string& hook : hook_names(kTinyLayers)) {
      const Values a = values_of(now, hook), b = values_of(whole, hook);
      INFO(hook << " at " << n << " positions");
      if (a.shape.size() == 3 && a.shape[1] == a.shape[2] && b.shape[1] == ids.size()) {  // [n_head, query, key]
        for (std::size_t h = 0; h < a.shape[0]; ++h)
          for (std::size_t q = 0; q < n; ++q)
            for (std::size_t k = 0; k < n; ++k)
              REQUIRE(a.data[(h * n + q) * n + k] == b.data[(h * ids.size() + q) * ids.size() + k]);
      } else {
        REQUIRE(std::equal(a.data.begin(), a.data.end(), b.data.begin()));
      }
    }
  }
}

TEST_CASE("a long prompt's blocks are read some positions at a time, to the same bits", "[golden]") {
  const auto folder = kRecorded / "slm-4096";
  SKIP_WITHOUT(folder);
  std::vector<int> ids(128);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int>(i * i * 31 % 54);
  Engine engine;
  load(engine, folder);
  const auto loaded = engine.model("m");
  REQUIRE(loaded);
  const Model& model = (*loaded)->model;
  const Config& c = model.config();
  Activations whole(c);
  whole.append(std::vector<TokenId>(ids.begin(), ids.end()));
  forward(model, 0, whole);
  const auto floats = [](const Tables& tables, const std::string& name) {
    return std::get<std::vector<float>>(tables.at(name).data);
  };

  const Tables read = run_hooks(engine, ids, static_cast<int>(c.n_layer));
  for (int site = 0; site <= static_cast<int>(Site::final_normalized); ++site) {
    const HookPoint hook{static_cast<Site>(site), is_in_block(static_cast<Site>(site)) ? 1 : 0};
    const Tensor at_once = read_hook(model, whole, hook, 0, ids.size());
    INFO(name_of(hook));
    std::vector<std::size_t> shape;
    for (const Dimension& dimension : read.at(name_of(hook)).dims) shape.push_back(dimension.size);
    REQUIRE(shape == at_once.shape);
    REQUIRE(floats(read, name_of(hook)) == at_once.values);
  }

  const std::size_t head = c.n_head - 1, pairs = ids.size() * ids.size();
  const Tables writes = run(engine, ids, {{"what", "head_writes"}, {"layer", 1}, {"head", head}});
  const Tensor A = read_hook(model, whole, {Site::pattern, 1}, 0, ids.size());
  REQUIRE(std::ranges::equal(floats(writes, "pattern"), std::span(A.values).subspan(head * pairs, pairs)));

  const Tables neuron = run(engine, ids, {{"what", "neuron"}, {"layer", 1}, {"neuron", 7}});
  const Tensor pre = read_hook(model, whole, {Site::mlp_pre, 1}, 0, ids.size());
  const auto pres = floats(neuron, "pre");
  REQUIRE(pres.size() == ids.size());
  for (std::size_t p = 0; p < pres.size(); ++p) REQUIRE(pres[p] == pre.values[p * c.d_mlp + 7]);
}

TEST_CASE("slices and other readings leave a lens' bits alone", "[golden]") {
  const Expected expected;
  const auto ids = expected.ids("full/ids");
  const auto track = expected.ids("track");
  const Json read = lens_read("recomputed", true, kTinyTop, track);
  Engine engine;
  load(engine, kTiny);
  const Tables whole = run(engine, ids, read);

  SECTION("in the smallest slices") {
    Engine sliced;
    load(sliced, kTiny);
    const auto parsed = parse_experiment(experiment(ids, {read}));
    REQUIRE(parsed);
    auto job = sliced.start(*parsed);
    REQUIRE(job);
    std::size_t n_slice = 1;
    for (auto progress = (*job)->advance(0);; progress = (*job)->advance(0), ++n_slice) {
      REQUIRE(progress);
      if (progress->done) break;
    }
    CHECK(n_slice > 1);
    require_same_columns(by_name((*job)->tables()[0]), whole);
  }
  SECTION("with other readings in the same experiment") {
    Engine other;
    load(other, kTiny);
    const Json frozen = lens_read("frozen", true, kTinyTop, track);
    const auto reads = run_all(other, ids, {frozen, read, frozen, read});
    require_same_columns(by_name(reads[1]), whole);
    require_same_columns(by_name(reads[3]), whole);
    require_same_columns(by_name(reads[2]), by_name(reads[0]));
  }
  SECTION("with other rows and tokens read beside it") {
    Engine other;
    load(other, kTiny);
    const Tables few = run(other, ids, lens_read("recomputed", false, 1, {}));
    const Tables many = run(other, ids, lens_read("recomputed", false, 50, first_ids(100)));
    for (const char* column : {"log_z", "mean_logit", "entropy", "kl", "answer_logit", "answer_prob", "input_prob"}) {
      const Values a = values_of(few, column), b = values_of(many, column), all = values_of(whole, column);
      CHECK(a.data == b.data);
      CHECK(a.data == without_mid(all).data);
    }
  }
}
