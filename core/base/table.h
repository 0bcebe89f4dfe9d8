// What every reading returns: named dense arrays with labelled dimensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace lens {

struct Dimension {
  std::string name;  // "row", "position", "top", "head", …
  std::size_t size = 0;
  std::vector<std::string> labels;  // [size], or empty where the index says it all
};

struct Table {
  std::string name;             // "kl", "top_id", …
  std::vector<Dimension> dims;  // slowest first; data is row-major over them
  std::string unit;             // "nats", "probability", "logit", "token id", "rank", …
  // Cells not computed yet, or without a meaning there (surprisal at the last position), hold NaN or -1.
  std::variant<std::vector<float>, std::vector<std::int32_t>> data;
};

// A number by itself has no dimensions and one value.
//
// Tables whose every number is still missing: NaN, -1.
Table float_table(std::string name, std::vector<Dimension> dims, std::string unit);
Table id_table(std::string name, std::vector<Dimension> dims, std::string unit = "token id");

}  // namespace lens
