// The entries of an Experiment's reads (experiment.h shows them as JSON), one struct a kind. A new kind is a struct
// here, its parser in read.cpp, and its answer in a KIND_reading.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/parse.h"
#include "lens/logit_lens.h"
#include "model/hook_point.h"

namespace lens {

struct LensRead {
  std::string lens = "raw";
  std::optional<std::string> beside;
  Norm norm = Norm::recomputed;
  bool mid = false;
  bool change = false;
  std::vector<int> positions;  // none means all
  std::size_t top = 10;
  std::vector<TokenRef> track;
  std::vector<std::pair<std::string, std::vector<TokenRef>>> sets;
};

struct ActivationsRead {
  std::vector<HookPoint> hooks;
};

// Who wrote a cell; the raw lens only.
struct ComponentsRead {
  std::optional<HookPoint> row;  // none means the output's
  int position = -1;
  std::vector<TokenRef> tokens;  // one, or one and the one whose logit is taken off
  Norm norm = Norm::recomputed;
  std::size_t neurons = 10;  // listed a layer
};

// What each block's attention and MLP promote and suppress.
struct WritesRead {
  Norm norm = Norm::recomputed;
  std::vector<int> positions;  // none means all
  std::size_t top = 10;
};

// What the heads attend to in a run that repeats itself.
struct HeadScoresRead {
  std::optional<std::size_t> period;  // of the run; none means that it was made to repeat and knows
};

using ReadKind = std::variant<LensRead, ActivationsRead, ComponentsRead, WritesRead, HeadScoresRead>;

struct Read {
  std::string run;
  ReadKind what;
};

// `runs`: the names there are. Errors: experiment_key, by `path`; not_built, by name.
Result<Read> parse_read(const Json& read, const std::set<std::string>& runs, const std::string& path);

}  // namespace lens
