// Numbers as keys to sort by.
#pragma once

#include <cmath>
#include <limits>

namespace lens {

// Sorts the largest first, and NaN, which an overflow leaves and which has no place in an order, last.
inline double largest_first(double x) { return std::isnan(x) ? std::numeric_limits<double>::infinity() : -x; }

}  // namespace lens
