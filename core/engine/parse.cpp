#include "engine/parse.h"

#include <cmath>

#include "base/message.h"

namespace lens {
namespace {

constexpr std::size_t kMostTracked = 100;  // each costs a pass over the vocabulary in every cell

}  // namespace

Error wrong(const std::string& path, const std::string& expected) {
  return {"experiment_key", path + " should be " + expected + "."};
}

const Json* find(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

bool is_id(const Json& value) {
  return value.is_number_integer() && value.get<double>() >= 0 && value.get<double>() < 2147483648.0;
}

bool is_position(const Json& value) {
  return value.is_number_integer() && std::abs(value.get<double>()) < 2147483648.0;
}

Result<std::vector<TokenRef>> parse_tokens(const Json& list, const std::string& path) {
  if (!list.is_array() || list.size() > kMostTracked)
    return wrong(path, "a list of at most " + std::to_string(kMostTracked) + " tokens");
  std::vector<TokenRef> tokens;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (is_id(list[i]))
      tokens.emplace_back(list[i].get<TokenId>());
    else if (list[i].is_string())
      tokens.emplace_back(list[i].get<std::string>());
    else
      return wrong(path + "[" + std::to_string(i) + "]", "a token's id or its text");
  }
  return tokens;
}

Status parse_bool(const Json& object, const char* key, const std::string& path, bool& value) {
  const Json* given = find(object, key);
  if (!given) return ok();
  if (!given->is_boolean()) return wrong(path + "." + key, "true or false");
  value = given->get<bool>();
  return ok();
}

Status parse_number(const Json& object, const char* key, const std::string& path, std::size_t least, std::size_t most,
                    std::size_t& value) {
  const Json* given = find(object, key);
  if (!given) return ok();
  if (!given->is_number_integer() || given->get<double>() < static_cast<double>(least) ||
      given->get<double>() > static_cast<double>(most))
    return wrong(path + "." + key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  value = given->get<std::size_t>();
  return ok();
}

Result<std::string> parse_reference(const Json& object, const char* key, const std::set<std::string>& known,
                                    const std::string& path) {
  const Json* name = find(object, key);
  if (!name && known.size() == 1) return *known.begin();
  const std::string expected = "the name of one of the experiment's " + std::string(key) + "s";
  if (!name || !name->is_string()) return wrong(path + "." + key, expected);
  if (!known.contains(name->get<std::string>()))
    return wrong(path + "." + key, expected + ", but " + in_quotes(name->get<std::string>()) + " is none of them");
  return name->get<std::string>();
}

}  // namespace lens
