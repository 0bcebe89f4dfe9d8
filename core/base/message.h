// What came from outside, as it stands in a message: well-formed, one line's worth of it.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/utf8.h"

namespace lens {

// A name or a text: "h.0.attn.bias".
inline std::string in_quotes(std::string_view text) { return '"' + shortened(text, 120) + '"'; }

// A value, as JSON.
inline std::string printed(const Json& value) { return shortened(print_json(value), 80); }

}  // namespace lens
