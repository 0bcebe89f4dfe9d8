// What every part of an Experiment is parsed with: a value is looked up, checked, and named by its path where it is
// wrong.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/token_id.h"

namespace lens {

// A token as the author wrote it: its id, or the text that it is.
using TokenRef = std::variant<TokenId, std::string>;

// experiment_key: "`path` should be `expected`."
Error wrong(const std::string& path, const std::string& expected);

const Json* find(const Json& object, const char* key);

bool is_id(const Json& value);        // a whole number that fits a TokenId
bool is_position(const Json& value);  // a whole number that fits an int; −1 is the last position

Result<std::vector<TokenRef>> parse_tokens(const Json& list, const std::string& path);

// Leaves `value` as it is where the key is absent.
Status parse_bool(const Json& object, const char* key, const std::string& path, bool& value);

// A whole number from `least` to `most` under `key`; `value` stays as it is where the key is absent.
Status parse_number(const Json& object, const char* key, const std::string& path, std::size_t least, std::size_t most,
                    std::size_t& value);

template <class T>
std::set<std::string> keys_of(const std::map<std::string, T>& map) {
  std::set<std::string> keys;
  for (const auto& [key, value] : map) keys.insert(key);
  return keys;
}

// The name under `key`, or the only one there is.
Result<std::string> parse_reference(const Json& object, const char* key, const std::set<std::string>& known,
                                    const std::string& path);

}  // namespace lens
