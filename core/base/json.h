// JSON from outside: parsed without exceptions, errors named.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/utf8.h"

namespace lens {

// Keys keep the order in which the author wrote them, so that a document that passes through the core unchanged
// is printed as it came.
using Json = nlohmann::ordered_json;

// Parses `text`; `what` names the document in the error message ("config.json"). A lone surrogate escape (half an
// emoji, as JavaScript prints it) becomes U+FFFD, as does every byte sequence that is not UTF-8. Linear in the text
// also for objects of many thousand keys.
// Errors: json_syntax (also a number beyond a double's range); json_depth (nested deeper than 64);
// json_duplicate_key (an object says a key twice: which one counts differs from reader to reader).
Result<Json> parse_json(std::string_view text, std::string_view what);

// One line of JSON; strings that are not UTF-8 get U+FFFD, numbers that are not finite become null.
std::string print_json(const Json& value);

}  // namespace lens
