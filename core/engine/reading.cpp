#include "engine/reading.h"

#include <numeric>

#include "engine/resolve.h"

namespace lens {

Status check_hook(HookPoint hook, const SlicedRun& run) {
  const std::size_t n_layer = run.model().config().n_layer;
  if (!is_in_block(hook.site) || static_cast<std::size_t>(hook.layer) < n_layer) return ok();
  return Error{"hook_layer", name_of(hook) + " does not exist: " + title(run.loaded()) + " has blocks 0 to " +
                                 std::to_string(n_layer - 1) + "."};
}

Dimension position_dimension(std::span<const std::size_t> positions, bool named) {
  Dimension dim{"position", positions.size(), {}};
  if (named)
    for (const std::size_t p : positions) dim.labels.push_back(std::to_string(p));
  return dim;
}

Table token_table(const SlicedRun& run, std::span<const std::size_t> positions, bool named) {
  Table table = id_table("token", {position_dimension(positions, named)});
  auto& ids = std::get<std::vector<std::int32_t>>(table.data);
  for (std::size_t i = 0; i < positions.size(); ++i) ids[i] = run.tokens[positions[i]];
  return table;
}

Table token_table(const SlicedRun& run) {
  std::vector<std::size_t> all(run.tokens.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return token_table(run, all, false);
}

}  // namespace lens
