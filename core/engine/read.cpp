#include "engine/read.h"

#include <algorithm>
#include <optional>

#include "base/message.h"

namespace lens {
namespace {

constexpr std::size_t kMostTop = 50;
constexpr std::size_t kMostNeurons = 100;
constexpr std::size_t kMostPeriod = 1'000'000;

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

Result<LensRead> parse_lens_read(const Json& read, const std::string& path) {
  LensRead lens;
  for (const char* key : {"lens", "beside"}) {
    const Json* name = find(read, key);
    if (!name) continue;
    if (!name->is_string()) return wrong(path + "." + key, "the name of a lens");
    (key == std::string_view("lens") ? lens.lens : lens.beside.emplace()) = name->get<std::string>();
  }
  if (auto status = parse_norm(read, path, lens.norm); !status) return status.error();
  if (auto status = parse_bool(read, "mid", path, lens.mid); !status) return status.error();
  if (auto status = parse_bool(read, "change", path, lens.change); !status) return status.error();
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
  if (auto status = require_raw(read, path); !status) return status.error();
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
  if (auto status = require_raw(read, path); !status) return status.error();
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

template <auto parse>
Status parse_as(const Json& read, const std::string& path, ReadKind& what) {
  auto parsed = parse(read, path);
  if (!parsed) return parsed.error();
  what = *std::move(parsed);
  return ok();
}

struct Kind {
  const char* name;
  Status (*parse)(const Json& read, const std::string& path, ReadKind& what);
};
constexpr Kind kKinds[] = {{"lens", parse_as<parse_lens_read>},
                           {"activations", parse_as<parse_activations_read>},
                           {"components", parse_as<parse_components_read>},
                           {"writes", parse_as<parse_writes_read>},
                           {"head_scores", parse_as<parse_head_scores_read>}};

// "lens", "activations"
std::string kinds() {
  std::string names;
  for (const Kind& kind : kKinds) names += (names.empty() ? "" : ", ") + in_quotes(kind.name);
  return names;
}

}  // namespace

Result<Read> parse_read(const Json& read, const std::set<std::string>& runs, const std::string& path) {
  if (!read.is_object()) return wrong(path, "an object");
  Read parsed;
  const auto run = parse_reference(read, "run", runs, path);
  if (!run) return run.error();
  parsed.run = *run;
  const Json* what = find(read, "what");
  if (!what || !what->is_string()) return wrong(path + ".what", "one of " + kinds());
  for (const auto& [kind, parse] : kKinds) {
    if (*what != kind) continue;
    if (auto status = parse(read, path, parsed.what); !status) return status.error();
    return parsed;
  }
  return Error{"not_built", path + ".what: " + in_quotes(what->get<std::string>()) +
                                " cannot be read in this version; " + kinds() + " can."};
}

}  // namespace lens
