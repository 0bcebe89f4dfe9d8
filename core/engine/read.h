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

using ReadKind = std::variant<LensRead, ActivationsRead>;

struct Read {
  std::string run;
  ReadKind what;
};

// `runs`: the names there are. Errors: experiment_key, by `path`; not_built, by name.
Result<Read> parse_read(const Json& read, const std::set<std::string>& runs, const std::string& path);

}  // namespace lens
