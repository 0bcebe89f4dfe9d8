#include "engine/read.h"

#include <algorithm>
#include <optional>

#include "base/message.h"

namespace lens {
namespace {

constexpr std::size_t kMostTop = 50;

Result<LensRead> parse_lens_read(const Json& read, const std::string& path) {
  LensRead lens;
  for (const char* key : {"lens", "beside"}) {
    const Json* name = find(read, key);
    if (!name) continue;
    if (!name->is_string()) return wrong(path + "." + key, "the name of a lens");
    (key == std::string_view("lens") ? lens.lens : lens.beside.emplace()) = name->get<std::string>();
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
constexpr Kind kKinds[] = {{"lens", parse_as<parse_lens_read>}, {"activations", parse_as<parse_activations_read>}};

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
