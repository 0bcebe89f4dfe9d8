#include "base/json.h"

#include <cstddef>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace lens {
namespace {

constexpr std::size_t kMaxDepth = 64;

// The value of the escape `\uXXXX` at the front of `text`, if there is one.
std::optional<unsigned> unicode_escape(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(2, 4)) {
    value *= 16;
    if (c >= '0' && c <= '9') {
      value += static_cast<unsigned>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      value += static_cast<unsigned>((c | 0x20) - 'a') + 10;
    } else {
      return std::nullopt;
    }
  }
  return value;
}

// Replaces, in place, the escapes of surrogates that are not a high one followed by a low one. Backslashes stand only
// inside strings, so it is enough to look at them.
void repair_lone_surrogates(std::string& text) {
  for (std::size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
    const std::string_view rest = std::string_view(text).substr(at);
    const std::optional<unsigned> value = unicode_escape(rest);
    if (!value) {
      at += 2;  // the escaped character may itself be a backslash
      continue;
    }
    if (*value < 0xD800 || *value > 0xDFFF) {
      at += 6;
      continue;
    }
    const std::optional<unsigned> next = unicode_escape(rest.substr(6));
    if (*value <= 0xDBFF && next && *next >= 0xDC00 && *next <= 0xDFFF) {
      at += 12;
      continue;
    }
    text.replace(at, 6, "\\ufffd");
    at += 6;
  }
}

// Builds the document from the parser's events. The library's own builder looks through all keys of an object for
// each new one, which for a vocabulary of 50,257 takes seconds.
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(std::string_view what) : what_(what) {}

  Json take_root() { return std::move(root_); }
  const Error& error() const { return error_; }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // no text has it

  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(string_t& value) override {
    open_.back().keys.push_back(std::move(value));
    return true;
  }

  bool end_array() override { return close(std::move(open_.back().values)); }

  bool end_object() override {
    Container& object = open_.back();
    if (const std::string* twice = repeated(object.keys)) {
      return fail("json_duplicate_key",
                  "the key \"" + shortened(*twice, 80) + "\" stands twice in one object; keep one");
    }
    Json::object_t members;
    members.reserve(object.keys.size());
    for (std::size_t i = 0; i < object.keys.size(); ++i) {
      members.emplace_back(std::move(object.keys[i]), std::move(object.values[i]));
    }
    return close(std::move(members));
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& problem) override {
    std::string_view reason = problem.what();  // "[json.exception.parse_error.101] parse error at line 1, …"
    if (const std::size_t end = reason.find("] "); end != std::string_view::npos) reason.remove_prefix(end + 2);
    return fail("json_syntax", "not JSON: " + shortened(reason, 240));
  }

 private:
  struct Container {
    std::vector<std::string> keys;  // none in an array
    Json::array_t values;
  };

  bool add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().values.push_back(std::move(value));
    }
    return true;
  }
  bool open() {
    if (open_.size() == kMaxDepth) {
      return fail("json_depth", "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    open_.emplace_back();
    return true;
  }
  bool close(Json value) {
    open_.pop_back();
    return add(std::move(value));
  }
  bool fail(std::string code, std::string reason) {
    error_ = {std::move(code), what_ + ": " + std::move(reason)};
    return false;
  }

  static const std::string* repeated(const std::vector<std::string>& keys) {
    std::unordered_set<std::string_view> seen;
    seen.reserve(keys.size());
    for (const std::string& key : keys) {
      if (!seen.insert(key).second) return &key;
    }
    return nullptr;
  }

  std::string what_;
  std::vector<Container> open_;
  Json root_;
  Error error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what) {
  // The library takes a zero byte for the end of the text.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return Error{"json_syntax", std::string(what) + ": not JSON: a zero byte at byte " + std::to_string(zero)};
  }
  std::string repaired;
  if (!is_well_formed(text)) text = repaired = to_well_formed(text);
  if (text.find("\\u") != std::string_view::npos) {
    if (repaired.empty()) repaired = text;
    repair_lone_surrogates(repaired);
    text = repaired;
  }
  Builder builder(what);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) return builder.error();
  return builder.take_root();
}

std::string print_json(const Json& value) {
  return value.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace lens
