#include "engine/experiment.h"

#include <algorithm>
#include <cmath>

#include "base/message.h"

namespace lens {
namespace {

constexpr std::size_t kMostTop = 50;
constexpr std::size_t kMostTracked = 100;  // each costs a pass over the vocabulary in every cell

Error wrong(const std::string& path, const std::string& expected) {
  return {"experiment_key", path + " should be " + expected + "."};
}

const Json* find(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

// A whole number that fits a TokenId.
bool is_id(const Json& value) {
  return value.is_number_integer() && value.get<double>() >= 0 && value.get<double>() < 2147483648.0;
}

bool is_position(const Json& value) {
  return value.is_number_integer() && std::abs(value.get<double>()) < 2147483648.0;
}

Result<std::vector<TokenRef>> parse_tokens(const Json& list, const std::string& path) {
  if (!list.is_array() || list.size() > kMostTracked)
    return wrong(path, "a list of at most " + std::to_string(kMostTracked) + " tokens");
  std::vector<TokenRef> tokens;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (is_id(list[i]))
      tokens.emplace_back(list[i].get<TokenId>());
    else if (list[i].is_string())
      tokens.emplace_back(list[i].get<std::string>());
    else
      return wrong(path + "[" + std::to_string(i) + "]", "a token's id or its text");
  }
  return tokens;
}

// The name under `key`, or the only one there is.
template <class Map>
Result<std::string> parse_reference(const Json& object, const char* key, const Map& known, const std::string& path) {
  const Json* name = find(object, key);
  if (!name && known.size() == 1) return std::string(known.begin()->first);
  const std::string expected = "the name of one of the experiment's " + std::string(key) + "s";
  if (!name || !name->is_string()) return wrong(path + "." + key, expected);
  if (!known.contains(name->template get<std::string>()))
    return wrong(path + "." + key,
                 expected + ", but " + in_quotes(name->template get<std::string>()) + " is none of them");
  return name->template get<std::string>();
}

Result<RunSpec> parse_run(const Json& run, const std::map<std::string, std::string>& models, const std::string& path) {
  if (!run.is_object()) return wrong(path, "an object");
  RunSpec spec;
  const auto model = parse_reference(run, "model", models, path);
  if (!model) return model.error();
  spec.model = models.at(*model);

  if (find(run, "prompts"))
    return Error{"not_built", path + ".prompts: runs over many prompts are not built in this version; use prompt."};
  const Json* prompt = find(run, "prompt");
  const Json* ids = find(run, "ids");
  if ((prompt != nullptr) == (ids != nullptr)) return wrong(path, "given either a prompt or ids");
  if (prompt) {
    if (!prompt->is_string()) return wrong(path + ".prompt", "a text");
    spec.input = prompt->get<std::string>();
  } else {
    if (!ids->is_array() || !std::all_of(ids->begin(), ids->end(), is_id))
      return wrong(path + ".ids", "a list of token ids");
    spec.input = ids->get<std::vector<TokenId>>();
  }
  if (const Json* bos = find(run, "bos")) {
    if (!bos->is_boolean()) return wrong(path + ".bos", "true or false");
    if (ids && bos->get<bool>()) return wrong(path + ".bos", "left out: ids are taken as they are");
    spec.bos = bos->get<bool>();
  }
  if (const Json* edits = find(run, "edits")) {
    auto parsed = parse_edits(*edits, path + ".edits");
    if (!parsed) return parsed.error();
    spec.edits = *std::move(parsed);
  }
  return spec;
}

Status parse_bool(const Json& object, const char* key, const std::string& path, bool& value) {
  const Json* given = find(object, key);
  if (!given) return ok();
  if (!given->is_boolean()) return wrong(path + "." + key, "true or false");
  value = given->get<bool>();
  return ok();
}

Result<LensRead> parse_lens_read(const Json& read, const std::string& path) {
  LensRead lens;
  if (const Json* name = find(read, "lens")) {
    if (!name->is_string()) return wrong(path + ".lens", "the name of a lens");
    if (*name != "raw")
      return Error{"not_built", path + ".lens: the lens " + in_quotes(name->get<std::string>()) +
                                    " is not built in this version; \"raw\" is."};
  }
  if (const Json* norm = find(read, "norm")) {
    if (*norm == "recomputed")
      lens.norm = Norm::recomputed;
    else if (*norm == "frozen")
      lens.norm = Norm::frozen;
    else if (*norm == "none")
      lens.norm = Norm::none;
    else
      return wrong(path + ".norm", "\"recomputed\", \"frozen\" or \"none\"");
  }
  if (auto status = parse_bool(read, "mid", path, lens.mid); !status) return status.error();
  if (auto status = parse_bool(read, "change", path, lens.change); !status) return status.error();
  if (const Json* positions = find(read, "positions")) {
    if (!positions->is_array() || positions->empty() || !std::ranges::all_of(*positions, is_position))
      return wrong(path + ".positions", "a list of at least one position, 0 being the first and -1 the last");
    lens.positions = positions->get<std::vector<int>>();
  }
  if (const Json* top = find(read, "top")) {
    if (!top->is_number_integer() || top->get<double>() < 1 || top->get<double>() > static_cast<double>(kMostTop))
      return wrong(path + ".top", "a whole number from 1 to " + std::to_string(kMostTop));
    lens.top = top->get<std::size_t>();
  }
  if (const Json* track = find(read, "track")) {
    auto tokens = parse_tokens(*track, path + ".track");
    if (!tokens) return tokens.error();
    lens.track = *std::move(tokens);
  }
  if (const Json* sets = find(read, "sets")) {
    if (!sets->is_object()) return wrong(path + ".sets", "an object of named lists of tokens");
    for (const auto& [name, list] : sets->items()) {
      auto tokens = parse_tokens(list, path + ".sets." + name);
      if (!tokens) return tokens.error();
      lens.sets.emplace_back(name, *std::move(tokens));
    }
  }
  return lens;
}

Result<ActivationsRead> parse_activations_read(const Json& read, const std::string& path) {
  const Json* hooks = find(read, "hooks");
  if (!hooks || !hooks->is_array()) return wrong(path + ".hooks", "a list of hook names");
  ActivationsRead activations;
  for (std::size_t i = 0; i < hooks->size(); ++i) {
    const auto& name = (*hooks)[i];
    const auto hook = name.is_string() ? hook_named(name.get<std::string>()) : std::nullopt;
    if (!hook)
      return wrong(path + ".hooks[" + std::to_string(i) + "]", "a hook's name, such as \"blocks.0.hook_resid_post\"");
    activations.hooks.push_back(*hook);
  }
  return activations;
}

template <class T>
Status assign(Result<T> parsed, std::variant<LensRead, ActivationsRead>& what) {
  if (!parsed) return parsed.error();
  what = *std::move(parsed);
  return ok();
}

Result<Read> parse_read(const Json& read, const std::map<std::string, RunSpec>& runs, const std::string& path) {
  if (!read.is_object()) return wrong(path, "an object");
  Read parsed;
  const auto run = parse_reference(read, "run", runs, path);
  if (!run) return run.error();
  parsed.run = *run;
  const Json* what = find(read, "what");
  if (!what || !what->is_string()) return wrong(path + ".what", "\"lens\" or \"activations\"");
  Status status = *what == "lens"          ? assign(parse_lens_read(read, path), parsed.what)
                  : *what == "activations" ? assign(parse_activations_read(read, path), parsed.what)
                                           : Error{"not_built", path + ".what: " + in_quotes(what->get<std::string>()) +
                                                                    " cannot be read in this version; \"lens\" and "
                                                                    "\"activations\" can."};
  if (!status) return status.error();
  return parsed;
}

}  // namespace

Result<Experiment> parse_experiment(std::string_view text) {
  auto document = parse_json(text, "experiment");
  if (!document) return document.error();
  if (!document->is_object()) return wrong("the experiment", "one JSON object");

  Experiment experiment;
  experiment.document = *std::move(document);
  const Json& top = experiment.document;
  const Json* version = find(top, "v");
  if (!version || !version->is_number_integer() || version->get<double>() < 1)
    return Error{"experiment_version", "the experiment has no version; it should begin with \"v\": " +
                                           std::to_string(kExperimentVersion) + "."};
  if (version->get<double>() > kExperimentVersion)
    return Error{"experiment_version", "the experiment is of version " + printed(*version) +
                                           ", made by a newer Logit Lens; this one reads version " +
                                           std::to_string(kExperimentVersion) + ". Update it to open this one."};
  if (find(top, "sweep")) return Error{"not_built", "sweep: sweeps are not built in this version."};

  std::map<std::string, std::string> models;
  const Json* refs = find(top, "models");
  if (!refs || !refs->is_object() || refs->empty()) return wrong("models", "an object of names and model refs");
  for (const auto& [name, ref] : refs->items()) {
    if (!ref.is_string()) return wrong("models." + name, "a model's ref");
    models[name] = ref.get<std::string>();
  }
  const Json* runs = find(top, "runs");
  if (!runs || !runs->is_object() || runs->empty()) return wrong("runs", "an object of named runs");
  for (const auto& [name, run] : runs->items()) {
    auto spec = parse_run(run, models, "runs." + name);
    if (!spec) return spec.error();
    experiment.runs[name] = *std::move(spec);
  }
  const Json* reads = find(top, "reads");
  if (!reads || !reads->is_array()) return wrong("reads", "a list of readings");
  for (std::size_t i = 0; i < reads->size(); ++i) {
    auto read = parse_read((*reads)[i], experiment.runs, "reads[" + std::to_string(i) + "]");
    if (!read) return read.error();
    experiment.reads.push_back(*std::move(read));
  }
  return experiment;
}

}  // namespace lens
