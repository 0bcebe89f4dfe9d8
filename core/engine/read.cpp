#include "engine/read.h"

#include <algorithm>
#include <optional>

#include "base/message.h"

namespace lens {
namespace {

constexpr std::size_t kMostTop = 50;
constexpr std::size_t kMostNeurons = 100;
constexpr std::size_t kMostPeriod = 1'000'000;
constexpr std::size_t kMostListed = 1000;    // neurons, positions
constexpr std::size_t kAnyIndex = 1u << 30;  // of a layer or a neuron, before the model is known

Status parse_norm(const Json& read, const std::string& path, Norm& norm) {
  const Json* name = find(read, "norm");
  if (!name || *name == "recomputed")
    norm = Norm::recomputed;
  else if (*name == "frozen")
    norm = Norm::frozen;
  else if (*name == "none")
    norm = Norm::none;
  else
    return wrong(path + ".norm", "\"recomputed\", \"frozen\" or \"none\"");
  return ok();
}

Status parse_positions(const Json& read, const std::string& path, std::vector<int>& positions) {
  const Json* given = find(read, "positions");
  if (!given) return ok();
  if (!given->is_array() || given->empty() || !std::ranges::all_of(*given, is_position))
    return wrong(path + ".positions", "a list of at least one position, 0 being the first and -1 the last");
  positions = given->get<std::vector<int>>();
  return ok();
}

Result<std::vector<HookPoint>> parse_hooks(const Json* list, const std::string& path) {
  if (!list || !list->is_array()) return wrong(path, "a list of hook names");
  std::vector<HookPoint> hooks;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto& name = (*list)[i];
    const auto hook = name.is_string() ? hook_named(name.get<std::string>()) : std::nullopt;
    if (!hook)
      return wrong(path + "[" + std::to_string(i) + "]", "a hook's name, such as \"blocks.0.hook_resid_post\"");
    hooks.push_back(*hook);
  }
  return hooks;
}

Result<LensRead> parse_lens_read(const Json& read, const std::string& path) {
  LensRead lens;
  std::optional<std::string> named;
  for (const auto& [key, lens_name] : {std::pair{"lens", &named}, {"beside", &lens.beside}, {"lift", &lens.lift}}) {
    const Json* name = find(read, key);
    if (!name) continue;
    if (!name->is_string()) return wrong(path + "." + key, "the name of a lens");
    *lens_name = name->get<std::string>();
  }
  lens.lens = named.value_or(lens.lens);
  if (auto status = parse_norm(read, path, lens.norm); !status) return status.error();
  if (auto status = parse_bool(read, "mid", path, lens.mid); !status) return status.error();
  if (auto status = parse_bool(read, "change", path, lens.change); !status) return status.error();
  if (const Json* rows = find(read, "rows")) {
    auto hooks = parse_hooks(rows, path + ".rows");
    if (!hooks) return hooks.error();
    if (hooks->empty()) return wrong(path + ".rows", "a list of at least one row");
    lens.rows = *std::move(hooks);
  }
  if (auto status = parse_positions(read, path, lens.positions); !status) return status.error();
  if (auto status = parse_number(read, "top", path, 1, kMostTop, lens.top); !status) return status.error();
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
  auto hooks = parse_hooks(find(read, "hooks"), path + ".hooks");
  if (!hooks) return hooks.error();
  return ActivationsRead{*std::move(hooks)};
}

// What is derived from the raw lens' own arithmetic.
Status require_raw(const Json& read, const std::string& path) {
  const Json* lens = find(read, "lens");
  if (!lens || *lens == "raw") return ok();
  if (!lens->is_string()) return wrong(path + ".lens", "the name of a lens");
  return Error{"not_built", path + ".lens: this reading is built for the lens \"raw\" only, not for " +
                                in_quotes(lens->get<std::string>()) + "."};
}

Result<ComponentsRead> parse_components_read(const Json& read, const std::string& path) {
  ComponentsRead components;
  if (const Json* name = find(read, "lens")) {
    if (!name->is_string()) return wrong(path + ".lens", "the name of a lens");
    components.lens = name->get<std::string>();
  }
  if (auto status = parse_norm(read, path, components.norm); !status) return status.error();
  if (const Json* row = find(read, "row")) {
    auto hook = row->is_string() ? hook_named(row->get<std::string>()) : std::nullopt;
    if (hook && hook->site == Site::resid_pre && hook->layer > 0) hook = HookPoint{Site::resid_post, hook->layer - 1};
    if (!hook || !(hook->site == Site::resid_pre || hook->site == Site::resid_mid || hook->site == Site::resid_post))
      return wrong(path + ".row", "a row of the lens, such as \"blocks.0.hook_resid_post\"");
    components.row = *hook;
  }
  if (const Json* position = find(read, "position")) {
    if (!is_position(*position)) return wrong(path + ".position", "a position, 0 being the first and -1 the last");
    components.position = position->get<int>();
  }
  const Json* given = find(read, "tokens");
  if (!given || !given->is_array() || given->empty() || given->size() > 2)
    return wrong(path + ".tokens", "a list of one token, or of two to take the second one's logit off the first one's");
  auto tokens = parse_tokens(*given, path + ".tokens");
  if (!tokens) return tokens.error();
  components.tokens = *std::move(tokens);
  if (auto status = parse_number(read, "neurons", path, 0, kMostNeurons, components.neurons); !status)
    return status.error();
  return components;
}

Result<WritesRead> parse_writes_read(const Json& read, const std::string& path) {
  WritesRead writes;
  if (auto status = parse_norm(read, path, writes.norm); !status) return status.error();
  if (auto status = parse_positions(read, path, writes.positions); !status) return status.error();
  if (auto status = parse_number(read, "top", path, 1, kMostTop, writes.top); !status) return status.error();
  return writes;
}

Result<HeadScoresRead> parse_head_scores_read(const Json& read, const std::string& path) {
  HeadScoresRead scores;
  if (std::size_t period = 0; find(read, "period")) {
    if (auto status = parse_number(read, "period", path, 2, kMostPeriod, period); !status) return status.error();
    scores.period = period;
  }
  return scores;
}

Result<HeadWritesRead> parse_head_writes_read(const Json& read, const std::string& path) {
  HeadWritesRead head;
  if (!find(read, "layer")) return wrong(path + ".layer", "the number of a block");
  if (!find(read, "head")) return wrong(path + ".head", "the number of a head");
  for (const auto& [key, value] : {std::pair{"layer", &head.layer}, {"head", &head.head}})
    if (auto status = parse_number(read, key, path, 0, kAnyIndex, *value); !status) return status.error();
  return head;
}

// "gamma": false is the papers' own way, without a norm.
Status parse_reader(const Json& read, const std::string& path, Reader& reader) {
  bool gamma = true;
  if (auto status = parse_bool(read, "gamma", path, gamma); !status) return status.error();
  reader = gamma ? Reader::gamma : Reader::published;
  return ok();
}

// One token, by id or text.
Result<TokenRef> parse_token(const Json& token, const std::string& path) {
  auto tokens = parse_tokens(Json::array({token}), path);
  if (!tokens) return wrong(path, "a token's id or its text");
  return tokens->front();
}

Result<MemoriesRead> parse_memories_read(const Json& read, const std::string& path) {
  MemoriesRead memories;
  if (!find(read, "layer")) return wrong(path + ".layer", "the number of a block");
  if (auto status = parse_number(read, "layer", path, 0, kAnyIndex, memories.layer); !status) return status.error();
  if (const Json* position = find(read, "position")) {
    if (!is_position(*position)) return wrong(path + ".position", "a position, 0 being the first and -1 the last");
    memories.position = position->get<int>();
  }
  if (auto status = parse_reader(read, path, memories.reader); !status) return status.error();
  if (const Json* by = find(read, "by")) {
    if (*by != "weight" && *by != "effect") return wrong(path + ".by", "\"weight\" or \"effect\"");
    memories.order = *by == "weight" ? MemoryOrder::weight : MemoryOrder::effect;
  }
  if (const Json* token = find(read, "token")) {
    auto ref = parse_token(*token, path + ".token");
    if (!ref) return ref.error();
    memories.token = *std::move(ref);
  }
  if (auto status = parse_number(read, "neurons", path, 1, kMostListed, memories.neurons); !status)
    return status.error();
  if (auto status = parse_number(read, "top", path, 1, kMostTop, memories.top); !status) return status.error();
  return memories;
}

Result<NeuronRead> parse_neuron_read(const Json& read, const std::string& path) {
  NeuronRead neuron;
  if (!find(read, "layer")) return wrong(path + ".layer", "the number of a block");
  if (!find(read, "neuron")) return wrong(path + ".neuron", "the number of a neuron");
  for (const auto& [key, value] : {std::pair{"layer", &neuron.layer}, {"neuron", &neuron.neuron}})
    if (auto status = parse_number(read, key, path, 0, kAnyIndex, *value); !status) return status.error();
  if (auto status = parse_reader(read, path, neuron.reader); !status) return status.error();
  if (auto status = parse_number(read, "top", path, 1, kMostTop, neuron.top); !status) return status.error();
  if (auto status = parse_number(read, "triggers", path, 1, kMostListed, neuron.triggers); !status)
    return status.error();
  return neuron;
}

Result<PromotersRead> parse_promoters_read(const Json& read, const std::string& path) {
  PromotersRead promoters;
  const Json* token = find(read, "token");
  if (!token) return wrong(path + ".token", "a token's id or its text");
  auto ref = parse_token(*token, path + ".token");
  if (!ref) return ref.error();
  promoters.token = *std::move(ref);
  if (auto status = parse_reader(read, path, promoters.reader); !status) return status.error();
  if (auto status = parse_number(read, "neurons", path, 1, kMostListed, promoters.neurons); !status)
    return status.error();
  return promoters;
}

Result<ParametersRead> parse_parameters_read(const Json& read, const std::string& path) {
  ParametersRead parameters;
  if (!find(read, "layer")) return wrong(path + ".layer", "the number of a block");
  if (auto status = parse_number(read, "layer", path, 0, kAnyIndex, parameters.layer); !status) return status.error();
  const bool of_head = find(read, "head");
  if (of_head == (find(read, "neuron") != nullptr)) return wrong(path, "given either a head or a neuron");
  auto& index = of_head ? parameters.head : parameters.neuron;
  if (auto status = parse_number(read, of_head ? "head" : "neuron", path, 0, kAnyIndex, index.emplace()); !status)
    return status.error();
  if (auto status = parse_reader(read, path, parameters.reader); !status) return status.error();
  if (auto status = parse_number(read, "top", path, 1, kMostTop, parameters.top); !status) return status.error();
  if (const Json* token = find(read, "token")) {
    if (!of_head) return wrong(path + ".token", "left out: only a head's circuits are asked about one token");
    auto ref = parse_token(*token, path + ".token");
    if (!ref) return ref.error();
    parameters.token = *std::move(ref);
  }
  return parameters;
}

Result<CircuitsRead> parse_circuits_read(const Json& read, const std::string& path) {
  CircuitsRead circuits;
  if (auto status = parse_reader(read, path, circuits.reader); !status) return status.error();
  return circuits;
}

Result<CopyingRead> parse_copying_read(const Json& read, const std::string& path) {
  const Json* given = find(read, "names");
  if (!given) return wrong(path + ".names", "a list of tokens");
  auto names = parse_tokens(*given, path + ".names");
  if (!names) return names.error();
  return CopyingRead{*std::move(names)};
}

template <auto parse>
Status parse_as(const Json& read, const std::string& path, ReadKind& what) {
  auto parsed = parse(read, path);
  if (!parsed) return parsed.error();
  what = *std::move(parsed);
  return ok();
}

// What a reading reads: a run, or a model's weights, for which nothing has to be run.
enum class Source { run, weights };

struct Kind {
  const char* name;
  Source source;
  Status (*parse)(const Json& read, const std::string& path, ReadKind& what);
};
constexpr Kind kKinds[] = {{"lens", Source::run, parse_as<parse_lens_read>},
                           {"activations", Source::run, parse_as<parse_activations_read>},
                           {"components", Source::run, parse_as<parse_components_read>},
                           {"writes", Source::run, parse_as<parse_writes_read>},
                           {"head_scores", Source::run, parse_as<parse_head_scores_read>},
                           {"head_writes", Source::run, parse_as<parse_head_writes_read>},
                           {"memories", Source::run, parse_as<parse_memories_read>},
                           {"neuron", Source::run, parse_as<parse_neuron_read>},
                           {"promoters", Source::weights, parse_as<parse_promoters_read>},
                           {"parameters", Source::weights, parse_as<parse_parameters_read>},
                           {"circuits", Source::weights, parse_as<parse_circuits_read>},
                           {"copying", Source::run, parse_as<parse_copying_read>}};

// "lens", "activations"
std::string kinds() {
  std::string names;
  for (const Kind& kind : kKinds) names += (names.empty() ? "" : ", ") + in_quotes(kind.name);
  return names;
}

}  // namespace

Result<Read> parse_read(const Json& read, const std::set<std::string>& runs,
                        const std::map<std::string, std::string>& models, const std::string& path) {
  if (!read.is_object()) return wrong(path, "an object");
  const Json* what = find(read, "what");
  if (!what || !what->is_string()) return wrong(path + ".what", "one of " + kinds());
  for (const auto& [kind, source, parse] : kKinds) {
    if (*what != kind) continue;
    if (*what != "lens" && *what != "components")
      if (auto status = require_raw(read, path); !status) return status.error();
    Read parsed;
    if (source == Source::run) {
      const auto run = parse_reference(read, "run", runs, path);
      if (!run) return run.error();
      parsed.run = *run;
    } else {
      const auto model = parse_reference(read, "model", keys_of(models), path);
      if (!model) return model.error();
      parsed.model = models.at(*model);
    }
    if (auto status = parse(read, path, parsed.what); !status) return status.error();
    return parsed;
  }
  return Error{"not_built", path + ".what: " + in_quotes(what->get<std::string>()) +
                                " cannot be read in this version; " + kinds() + " can."};
}

}  // namespace lens
