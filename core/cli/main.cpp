// `lens`: the engine's native front end. Everything it does is an Experiment; flags only write one.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/report.h"
#include "cli/score.h"
#include "engine/engine.h"

namespace {

using namespace lens;
namespace fs = std::filesystem;

Result<File> read_file(const fs::path& path) {
  std::error_code error;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || !fs::is_regular_file(path, error))
    return Error{"file_missing", path.string() + " cannot be opened; does it exist?"};
  File file{path.filename().string(), std::vector<std::byte>(static_cast<std::size_t>(in.tellg()))};
  in.seekg(0);
  in.read(reinterpret_cast<char*>(file.bytes.data()), static_cast<std::streamsize>(file.bytes.size()));
  if (!in) return Error{"file_truncated", path.string() + " could not be read to its end."};
  return file;
}

Result<std::vector<File>> read_all(const std::vector<fs::path>& paths) {
  std::vector<File> files;
  for (const fs::path& path : paths) {
    auto file = read_file(path);
    if (!file) return file.error();
    files.push_back(*std::move(file));
  }
  return files;
}

// The files of a model: one .gguf, a Hugging Face folder, or one .safetensors with the small files that lie beside it.
Result<std::vector<File>> read_model_files(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> paths;
  const bool is_folder = fs::is_directory(path, error);
  const fs::path folder = is_folder ? path : path.parent_path();
  if (!is_folder) {
    if (!fs::is_regular_file(path, error))
      return Error{"file_missing", path.string() + " is neither a file nor a folder."};
    paths.push_back(path);
    if (path.extension() == ".gguf") return read_all(paths);
  }
  for (const char* name : {"config.json", "tokenizer.json", "vocab.json", "merges.txt"})
    if (fs::is_regular_file(folder / name, error)) paths.push_back(folder / name);
  if (is_folder)
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
  return read_all(paths);
}

// Models by ref, loaded when first asked for. A ref is a path, unless --model says what every ref means.
class Models {
 public:
  explicit Models(std::optional<std::string> path) : path_(std::move(path)) {}

  Result<std::shared_ptr<const LoadedModel>> get(const std::string& ref) {
    if (auto loaded = engine.model(ref)) return loaded;
    auto files = read_model_files(path_.value_or(ref));
    if (!files) return files.error();
    return engine.load(ref, *std::move(files));
  }

  Engine engine;

 private:
  std::optional<std::string> path_;
};

// All readings of one Experiment: the reading itself where there is one, else {"v", "reads": [...]}.
Result<Json> run(Models& models, std::string_view text, std::string* grid = nullptr) {
  const auto experiment = parse_experiment(text);
  if (!experiment) return experiment.error();
  for (const auto& [name, spec] : experiment->runs)
    if (auto loaded = models.get(spec.model); !loaded) return loaded.error();
  const auto readings = models.engine.run(text);
  if (!readings) return readings.error();
  Json all = Json::array();
  for (const ReadTables& reading : *readings) {
    const auto model = models.get(experiment->runs.at(reading.run).model);
    if (grid)
      *grid += grid_text(**model, reading);
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
  std::size_t top = 10;
  std::string norm = "recomputed";
  bool mid = false, change = false, json = false;
  std::optional<bool> bos;
  std::vector<std::string> track;
};

// "464,3139" is a JSON list without its brackets.
Result<Json> parse_list(const char* flag, const std::optional<std::string>& text, const char* what) {
  auto list = parse_json("[" + text.value_or("") + "]", flag);
  if (!list) return Error{"usage", std::string(flag) + " should be " + what + "."};
  return list;
}

Json experiment_of(const ReadFlags& flags, const Json& ids, const Json& positions) {
  Json run{{"model", "model"}};
  if (flags.prompt)
    run["prompt"] = to_well_formed(*flags.prompt);
  else
    run["ids"] = ids;
  if (flags.bos) run["bos"] = *flags.bos;
  Json read{{"what", "lens"}, {"norm", flags.norm}, {"mid", flags.mid}, {"change", flags.change}, {"top", flags.top}};
  if (flags.positions) read["positions"] = positions;
  if (!flags.track.empty()) read["track"] = flags.track;
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
  Models models(flags.model);
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
  std::string grid;
  const auto result = run(models, print_json(experiment_of(flags, *ids, *positions)), flags.json ? nullptr : &grid);
  if (!result) return fail(result.error());
  if (flags.json)
    std::cout << print_json(*result) << '\n';
  else
    std::cout << grid;
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

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Reads a GPT-2's residual stream through the logit lens.");
  app.require_subcommand(1);

  ReadFlags flags;
  auto* read_command = app.add_subcommand("read", "what the model would say after each layer, at each position");
  read_command->add_option("--model", flags.model,
                           "a .gguf or .safetensors file, or a folder with config.json and weights");
  auto* experiment = read_command->add_option("--experiment", flags.experiment,
                                              "an Experiment's JSON file; - for one Experiment a line");
  auto* prompt = read_command->add_option("--prompt", flags.prompt, "text to read; the model's BOS token is put first");
  auto* ids = read_command->add_option("--ids", flags.ids, "token ids instead, taken as they are: 464,3139");
  prompt->excludes(ids);
  // An Experiment says all this itself.
  for (CLI::Option* option :
       {prompt, ids, read_command->add_option("--top", flags.top, "tokens a cell, 1 to 50")->capture_default_str(),
        read_command->add_option("--norm", flags.norm, "recomputed, frozen or none")->capture_default_str(),
        read_command->add_option("--track", flags.track, "a token to follow through every cell, by its text"),
        read_command->add_flag("--bos,!--no-bos", flags.bos, "whether the BOS token is put first"),
        read_command->add_flag("--mid", flags.mid, "also the rows between attention and MLP"),
        read_command->add_flag("--change", flags.change, "also how much each row differs from the one below"),
        read_command->add_option("--positions", flags.positions, "only these, 0 the first and -1 the last: 3,-1")})
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

  CLI11_PARSE(app, argc, argv);
  try {
    if (read_command->parsed()) return read(flags);
    return score_command->parsed() ? score(model, text_file, json) : tokenize(model, text, json);
  } catch (const std::exception&) {
    return fail({"out_of_memory", "This does not fit in the memory there is."});
  }
}
