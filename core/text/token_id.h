#pragma once

#include <cstdint>

namespace lens {

// A row of W_E.
using TokenId = std::int32_t;

}  // namespace lens
