// `lens`: the engine's native front end. Everything it does is an Experiment; flags only write one.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/parallel.h"
#include "cli/calibrate.h"
#include "cli/files.h"
#include "cli/report.h"
#include "cli/score.h"
#include "engine/convert.h"
#include "engine/engine.h"

namespace {

using namespace lens;
namespace fs = std::filesystem;

// NAME=FILE, or FILE alone, which is then "tuned".
std::pair<std::string, fs::path> named_file(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return {"tuned", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// Models by ref, loaded with their lenses when first asked for. A ref is a path, unless --model says what every ref
// means; either with the precision it is kept in, PATH~q8_0.
class Models {
 public:
  explicit Models(std::optional<std::string> path, std::vector<std::string> lens_files = {})
      : path_(std::move(path)), lens_files_(std::move(lens_files)) {}

  Result<std::shared_ptr<const LoadedModel>> get(const std::string& ref) {
    if (auto loaded = engine.model(ref)) return loaded;
    std::string path = path_.value_or(ref);
    auto precision = Precision::as_stored;
    if (const std::size_t tilde = path.rfind('~'); tilde != std::string::npos)
      if (const auto named = precision_named(std::string_view(path).substr(tilde + 1)))
        precision = *named, path.resize(tilde);
    auto files = read_model_files(path);
    if (!files) return files.error();
    auto loaded = engine.load(ref, *std::move(files), precision);
    if (!loaded) return loaded;
    for (const std::string& text : lens_files_) {
      const auto [name, file] = named_file(text);
      const auto lens = read_lens_files(file);
      const auto status = lens ? engine.load_lens(ref, name, *lens) : Status(lens.error());
      if (status) continue;
      engine.release(ref);  // so that who asks again is told again
      return status.error();
    }
    return loaded;
  }

  Engine engine;

 private:
  std::optional<std::string> path_;
  std::vector<std::string> lens_files_;
};

// The ref of the model that is read.
const std::string& model_of(const Experiment& experiment, const Read& read) {
  return read.model ? *read.model : experiment.runs.at(read.run).model;
}

// All readings of one Experiment: the reading itself where there is one, else {"v", "reads": [...]}.
Result<Json> run(Models& models, std::string_view text, std::string* text_out = nullptr) {
  const auto experiment = parse_experiment(text);
  if (!experiment) return experiment.error();
  for (const auto& [name, spec] : experiment->runs)
    if (auto loaded = models.get(spec.model); !loaded) return loaded.error();
  for (const Read& read : experiment->reads)
    if (auto loaded = models.get(model_of(*experiment, read)); !loaded) return loaded.error();
  const auto readings = models.engine.run(text);
  if (!readings) return readings.error();
  Json all = Json::array();
  for (const ReadTables& reading : *readings) {
    const auto model = models.get(model_of(*experiment, experiment->reads[reading.read]));
    if (text_out)
      *text_out += text_of(**model, reading);
    else
      all.push_back(reading_json(**model, reading));
  }
  return all.size() == 1 ? Result<Json>(all[0]) : Json{{"v", 1}, {"reads", std::move(all)}};
}

int fail(const Error& error) {
  std::cerr << "lens: " << error.message << '\n';
  return 1;
}

struct ReadFlags {
  std::optional<std::string> model, prompt, ids, positions, experiment;
  std::optional<std::string> components, against, row;
  std::size_t top = 10;
  std::string norm = "recomputed";
  bool mid = false, change = false, json = false;
  std::optional<bool> bos;
  std::vector<std::string> track, lens_files;
  std::optional<std::string> lens, beside;
};

// "464,3139" is a JSON list without its brackets.
Result<Json> parse_list(const char* flag, const std::optional<std::string>& text, const char* what) {
  auto list = parse_json("[" + text.value_or("") + "]", flag);
  if (!list) return Error{"usage", std::string(flag) + " should be " + what + "."};
  return list;
}

Json lens_read_of(const ReadFlags& flags, const Json& positions) {
  Json read{{"what", "lens"}, {"norm", flags.norm}, {"mid", flags.mid}, {"change", flags.change}, {"top", flags.top}};
  if (flags.positions) read["positions"] = positions;
  if (!flags.track.empty()) read["track"] = flags.track;
  if (flags.lens) read["lens"] = *flags.lens;
  if (flags.beside) read["beside"] = *flags.beside;
  return read;
}

Json components_read_of(const ReadFlags& flags, const Json& positions) {
  Json read{{"what", "components"}, {"norm", flags.norm}, {"tokens", {*flags.components}}};
  if (flags.against) read["tokens"].push_back(*flags.against);
  if (flags.lens) read["lens"] = *flags.lens;
  if (flags.row) read["row"] = *flags.row;
  if (!positions.empty()) read["position"] = positions[0];
  return read;
}

Json experiment_of(const ReadFlags& flags, const Json& ids, const Json& positions) {
  Json run{{"model", "model"}};
  if (flags.prompt)
    run["prompt"] = to_well_formed(*flags.prompt);
  else
    run["ids"] = ids;
  if (flags.bos) run["bos"] = *flags.bos;
  const Json read = flags.components ? components_read_of(flags, positions) : lens_read_of(flags, positions);
  return {
      {"v", kExperimentVersion}, {"models", {{"model", *flags.model}}}, {"runs", {{"main", run}}}, {"reads", {read}}};
}

// One Experiment a line in, one result a line out, in order; a line that fails answers {"v", "error"} and the rest go
// on.
int run_lines(Models& models, std::istream& lines) {
  bool all_ran = true;
  for (std::string line; std::getline(lines, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto result = run(models, line);
    if (!result) all_ran = false;
    std::cout << print_json(result
                                ? *result
                                : Json{{"v", 1},
                                       {"error", {{"code", result.error().code}, {"message", result.error().message}}}})
              << std::endl;
  }
  return all_ran ? 0 : 1;
}

int read(const ReadFlags& flags) {
  Models models(flags.model, flags.lens_files);
  if (flags.experiment) {
    if (*flags.experiment == "-") return run_lines(models, std::cin);
    const auto file = read_file(*flags.experiment);
    if (!file) return fail(file.error());
    const auto result = run(models, {reinterpret_cast<const char*>(file->bytes.data()), file->bytes.size()});
    if (!result) return fail(result.error());
    std::cout << print_json(*result) << '\n';
    return 0;
  }
  if (!flags.model || flags.prompt.has_value() == flags.ids.has_value())
    return fail({"usage", "read needs --experiment, or --model with either --prompt or --ids."});
  const auto ids = parse_list("--ids", flags.ids, "token ids with commas between them, such as 464,3139");
  if (!ids) return fail(ids.error());
  const auto positions = parse_list("--positions", flags.positions, "positions with commas between them, such as 0,-1");
  if (!positions) return fail(positions.error());
  std::string text;
  const auto result = run(models, print_json(experiment_of(flags, *ids, *positions)), flags.json ? nullptr : &text);
  if (!result) return fail(result.error());
  if (flags.json)
    std::cout << print_json(*result) << '\n';
  else
    std::cout << text;
  return 0;
}

int tokenize(const std::string& path, const std::string& text, bool json) {
  Models models(path);
  const auto model = models.get(path);
  if (!model) return fail(model.error());
  if (!(*model)->tokenizer)
    return fail({"no_tokenizer", path + " has no tokenizer files (vocab.json and merges.txt, or tokenizer.json)."});
  Json tokens = Json::array();
  for (const TokenId id : (*model)->tokenizer->encode(text)) tokens.push_back(token_json(**model, id));
  if (json) {
    std::cout << print_json({{"v", 1}, {"tokens", tokens}}) << '\n';
    return 0;
  }
  for (const Json& token : tokens) std::cout << token["id"] << '\t' << print_json(token["text"]) << '\n';
  return 0;
}

int score(const std::string& path, const fs::path& text_path, bool json) {
  Models models(path);
  const auto model = models.get(path);
  if (!model) return fail(model.error());
  const auto text = read_file(text_path);
  if (!text) return fail(text.error());
  const auto scored = score_text(**model, {reinterpret_cast<const char*>(text->bytes.data()), text->bytes.size()});
  if (!scored) return fail(scored.error());
  if (json)
    std::cout << print_json(score_json(**model, *scored)) << '\n';
  else
    std::cout << scored->n_token << " tokens, " << scored->mean_loss() << " nats a token, " << scored->bits_per_byte()
              << " bits a byte\n";
  return 0;
}

int calibrate_model(const std::string& path, const fs::path& text_path, const fs::path& out) {
  if (out.extension() != ".safetensors") return fail({"usage", out.string() + " should end in .safetensors."});
  Models models(path);
  const auto model = models.get(path);
  if (!model) return fail(model.error());
  const auto text = read_file(text_path);
  if (!text) return fail(text.error());
  const auto made = calibrate(**model, {reinterpret_cast<const char*>(text->bytes.data()), text->bytes.size()});
  if (!made) return fail(made.error());
  NewFile file(out);
  if (auto status = file.write(made->file); !status) return fail(status.error());
  if (auto status = file.finish(); !status) return fail(status.error());
  std::printf("mean readings of %zu positions -> %s, %.1f kB\n", made->n_position, out.c_str(),
              static_cast<double>(made->file.size()) / 1e3);
  return 0;
}

const std::map<std::string, DType> kTypes{{"f32", DType::F32}, {"f16", DType::F16}, {"q8_0", DType::Q8_0}};

int convert_file(const fs::path& in, const fs::path& out, DType type) {
  if (out.extension() != ".gguf") return fail({"usage", out.string() + " should end in .gguf."});
  const auto files = read_model_files(in);
  if (!files) return fail(files.error());
  std::size_t n_byte = 0;
  for (const File& file : *files) n_byte += file.bytes.size();

  NewFile file(out);
  const std::string name = fs::weakly_canonical(in).stem().string();
  const auto done = convert(name, *files, type, [&](std::span<const std::byte> bytes) { return file.write(bytes); });
  if (!done) return fail(done.error());
  if (auto status = file.finish(); !status) return fail(status.error());

  std::printf("%s, %.1f MB -> %s, %.1f MB\n", in.c_str(), static_cast<double>(n_byte) / 1e6, out.c_str(),
              static_cast<double>(done->n_byte) / 1e6);
  if (done->worst_tensor.empty())
    std::printf("every weight is what it was\n");
  else
    std::printf("largest weight error: %.2g, in %s, whose weights go up to %.2g\n", done->worst_error,
                done->worst_tensor.c_str(), done->worst_tensor_size);
  for (const std::string& tensor : done->wide)
    std::printf("%s is F16, for its rows do not divide into blocks of %zu\n", tensor.c_str(), kQ8Values);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  use_threads(std::min(std::thread::hardware_concurrency(), 16u));
  CLI::App app("Reads a GPT-2's residual stream through the logit lens.");
  app.require_subcommand(1);

  ReadFlags flags;
  auto* read_command = app.add_subcommand("read", "what the model would say after each layer, at each position");
  read_command->add_option("--model", flags.model,
                           "a .gguf or .safetensors file, or a folder with config.json and weights; MODEL~f16 or "
                           "MODEL~q8_0 rounds it on the way");
  auto* experiment = read_command->add_option("--experiment", flags.experiment,
                                              "an Experiment's JSON file; - for one Experiment a line");
  read_command->add_option("--lens-file", flags.lens_files,
                           "NAME=FILE, a lens for the model: .safetensors, or tuned-lens' params.pt or its folder; "
                           "without a name it is called tuned");
  auto* prompt = read_command->add_option("--prompt", flags.prompt, "text to read; the model's BOS token is put first");
  auto* ids = read_command->add_option("--ids", flags.ids, "token ids instead, taken as they are: 464,3139");
  prompt->excludes(ids);
  auto* components = read_command->add_option("--components", flags.components,
                                              "instead of the grid: who wrote this token's logit in one cell");
  auto* against = read_command->add_option("--against", flags.against, "a token whose logit is taken off");
  auto* row = read_command->add_option("--row", flags.row, "the cell's row, blocks.3.hook_resid_post; else the output");
  against->needs(components);
  row->needs(components);
  // An Experiment says all this itself.
  for (CLI::Option* option :
       {prompt, ids, read_command->add_option("--top", flags.top, "tokens a cell, 1 to 50")->capture_default_str(),
        read_command->add_option("--lens", flags.lens, "raw, or the name of a --lens-file"),
        read_command->add_option("--beside", flags.beside, "a lens: also how far each cell is from its reading there"),
        read_command->add_option("--norm", flags.norm, "recomputed, frozen or none")->capture_default_str(),
        read_command->add_option("--track", flags.track, "a token to follow through every cell, by its text"),
        read_command->add_flag("--bos,!--no-bos", flags.bos, "whether the BOS token is put first"),
        read_command->add_flag("--mid", flags.mid, "also the rows between attention and MLP"),
        read_command->add_flag("--change", flags.change, "also how much each row differs from the one below"),
        read_command->add_option("--positions", flags.positions, "only these, 0 the first and -1 the last: 3,-1"),
        components, against, row})
    option->excludes(experiment);
  read_command->add_flag("--json", flags.json, "print JSON, as --experiment always does");

  std::string model, text;
  bool json = false;
  auto* tokenize_command = app.add_subcommand("tokenize", "a text's tokens");
  tokenize_command->add_option("--model", model, "as for read")->required();
  tokenize_command->add_option("--text", text, "the text")->required();
  tokenize_command->add_flag("--json", json, "print JSON");

  std::string text_file;
  auto* score_command = app.add_subcommand("score", "how well the model predicts a text, in windows of its context");
  score_command->add_option("--model", model, "as for read")->required();
  score_command->add_option("--text-file", text_file, "the text")->required();
  score_command->add_flag("--json", json, "print JSON");

  fs::path in, out;
  auto* calibrate_command =
      app.add_subcommand("calibrate", "what each row says on average of a text, for the calibrated lens");
  calibrate_command->add_option("--model", model, "as for read")->required();
  calibrate_command->add_option("--text-file", text_file, "the text; a hundred thousand tokens or more")->required();
  calibrate_command->add_option("OUT", out, "the new .safetensors file, a --lens-file for read")->required();

  DType type = DType::F16;
  auto* convert_command = app.add_subcommand("convert", "writes a model as one GGUF, its tokenizer inside");
  convert_command->add_option("IN", in, "a .gguf or .safetensors file, or a folder with config.json and weights")
      ->required();
  convert_command->add_option("OUT", out, "the new .gguf file")->required();
  convert_command->add_option("--type", type, "what matrices become: f32, f16 or q8_0; the rest is F32")
      ->transform(CLI::CheckedTransformer(kTypes, CLI::ignore_case).description(""))
      ->default_str("f16");

  CLI11_PARSE(app, argc, argv);
  try {
    if (read_command->parsed()) return read(flags);
    if (tokenize_command->parsed()) return tokenize(model, text, json);
    if (score_command->parsed()) return score(model, text_file, json);
    if (calibrate_command->parsed()) return calibrate_model(model, text_file, out);
    return convert_file(in, out, type);
  } catch (const std::exception&) {
    return fail({"out_of_memory", "This does not fit in the memory there is."});
  }
}
