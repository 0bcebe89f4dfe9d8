#include "base/table.h"

#include <limits>
#include <new>
#include <utility>

namespace lens {

Table float_table(std::string name, std::vector<Dimension> dims, std::string unit) {
  std::size_t count = 1;
  for (const Dimension& dim : dims)
    if (__builtin_mul_overflow(count, dim.size, &count)) throw std::bad_alloc();
  return {std::move(name), std::move(dims), std::move(unit),
          std::vector<float>(count, std::numeric_limits<float>::quiet_NaN())};
}

Table id_table(std::string name, std::vector<Dimension> dims, std::string unit) {
  Table table = float_table(std::move(name), std::move(dims), std::move(unit));
  table.data = std::vector<std::int32_t>(std::get<0>(table.data).size(), -1);
  return table;
}

}  // namespace lens
