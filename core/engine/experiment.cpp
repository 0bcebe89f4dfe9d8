#include "engine/experiment.h"

#include <algorithm>
#include <set>

#include "base/message.h"
#include "engine/parse.h"

namespace lens {
namespace {

Result<Repeat> parse_repeat(const Json& given, const std::string& path) {
  if (!given.is_object()) return wrong(path, "an object with a length and a seed");
  Repeat repeat;
  if (const Json* length = find(given, "length")) {
    if (!is_id(*length) || length->get<TokenId>() < 2) return wrong(path + ".length", "a whole number from 2 on");
    repeat.length = length->get<std::size_t>();
  }
  if (const Json* seed = find(given, "seed")) {
    if (!is_id(*seed)) return wrong(path + ".seed", "a whole number from 0 on");
    repeat.seed = seed->get<std::uint32_t>();
  }
  return repeat;
}

Result<RunSpec> parse_run(const Json& run, const std::map<std::string, std::string>& models, const std::string& path) {
  if (!run.is_object()) return wrong(path, "an object");
  RunSpec spec;
  const auto model = parse_reference(run, "model", keys_of(models), path);
  if (!model) return model.error();
  spec.model = models.at(*model);

  if (find(run, "prompts"))
    return Error{"not_built", path + ".prompts: runs over many prompts are not built in this version; use prompt."};
  const Json* prompt = find(run, "prompt");
  const Json* ids = find(run, "ids");
  const Json* repeat = find(run, "repeat");
  if ((prompt != nullptr) + (ids != nullptr) + (repeat != nullptr) != 1)
    return wrong(path, "given either a prompt or ids or repeat");
  if (repeat) {
    auto parsed = parse_repeat(*repeat, path + ".repeat");
    if (!parsed) return parsed.error();
    spec.input = *parsed;
  } else if (prompt) {
    if (!prompt->is_string()) return wrong(path + ".prompt", "a text");
    spec.input = prompt->get<std::string>();
  } else {
    if (!ids->is_array() || !std::all_of(ids->begin(), ids->end(), is_id))
      return wrong(path + ".ids", "a list of token ids");
    spec.input = ids->get<std::vector<TokenId>>();
  }
  if (const Json* bos = find(run, "bos")) {
    if (!bos->is_boolean()) return wrong(path + ".bos", "true or false");
    if (!prompt && bos->get<bool>()) return wrong(path + ".bos", "left out: ids are taken as they are");
    spec.bos = bos->get<bool>();
  }
  if (const Json* edits = find(run, "edits")) {
    auto parsed = parse_edits(*edits, path + ".edits");
    if (!parsed) return parsed.error();
    spec.edits = *std::move(parsed);
  }
  return spec;
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
  const Json none = Json::object();  // enough for readings of weights
  const Json* given = find(top, "runs");
  const Json& runs = given ? *given : none;
  if (!runs.is_object()) return wrong("runs", "an object of named runs");
  for (const auto& [name, run] : runs.items()) {
    auto spec = parse_run(run, models, "runs." + name);
    if (!spec) return spec.error();
    experiment.runs[name] = *std::move(spec);
  }
  const auto run_names = keys_of(experiment.runs);
  const Json* reads = find(top, "reads");
  if (!reads || !reads->is_array()) return wrong("reads", "a list of readings");
  for (std::size_t i = 0; i < reads->size(); ++i) {
    auto read = parse_read((*reads)[i], run_names, models, "reads[" + std::to_string(i) + "]");
    if (!read) return read.error();
    experiment.reads.push_back(*std::move(read));
  }
  return experiment;
}

}  // namespace lens
