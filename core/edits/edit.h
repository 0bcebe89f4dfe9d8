// Interventions as data: {op, at: {hook, pos, head | neuron}, value | from, seed}. The list is part of every run from
// the first version on, so that a link keeps its meaning; no op is built yet, and each is refused by name.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace lens {

struct Edit {
  std::string op;  // zero, mean, replace, add, noise, project_out
};

// `path` is where the list stands in the document ("runs.main.edits"). Errors: experiment_key, not_built.
Result<std::vector<Edit>> parse_edits(const Json& list, const std::string& path);

}  // namespace lens
