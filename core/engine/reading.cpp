#include "engine/reading.h"

#include <numeric>

namespace lens {

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
