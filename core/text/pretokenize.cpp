#include "text/pretokenize.h"

#include <array>
#include <cassert>
#include <cstddef>
#include <unicode-db/unicode-db.hpp>

#include "base/utf8.h"

namespace lens {
namespace {

enum class Kind { space, letter, number, other };

constexpr Kind look_up(char32_t c) {
  if (uni::cp_category_is<uni::category::letter>(c)) return Kind::letter;
  if (uni::cp_category_is<uni::category::number>(c)) return Kind::number;
  if (uni::cp_property_is<uni::property::white_space>(c)) return Kind::space;
  return Kind::other;
}

constexpr auto kAsciiKinds = [] {
  std::array<Kind, 128> kinds{};
  for (char32_t c = 0; c < kinds.size(); ++c) kinds[c] = look_up(c);
  return kinds;
}();

struct Character {
  Kind kind;
  std::size_t n_byte;
};

Character character_at(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80) return {kAsciiKinds[byte], 1};
  const CodePoint point = front_code_point(text.substr(at));
  return {point.well_formed ? look_up(point.value) : Kind::other, point.n_byte};
}

// Where the run of characters of one kind that begins at `at` ends.
std::size_t end_of_run(std::string_view text, std::size_t at, Kind kind) {
  while (at < text.size()) {
    const Character next = character_at(text, at);
    if (next.kind != kind) break;
    at += next.n_byte;
  }
  return at;
}

// \s+(?!\S)|\s+ : a run of spaces leaves its last one to the word that follows, if a word follows and the run is
// longer than that one space.
std::size_t end_of_spaces(std::string_view text) {
  std::size_t at = 0, last = 0;
  while (at < text.size()) {
    const Character next = character_at(text, at);
    if (next.kind != Kind::space) return last > 0 ? last : at;
    last = at;
    at += next.n_byte;
  }
  return at;
}

}  // namespace

std::string_view front_piece(std::string_view text) {
  assert(!text.empty());
  for (const std::string_view contraction : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.starts_with(contraction)) return text.substr(0, contraction.size());
  }
  // The " ?" of the three alternatives: a single blank in front of something that is not a space.
  const std::size_t start = text.size() > 1 && text[0] == ' ' ? 1 : 0;
  const Kind kind = character_at(text, start).kind;
  if (kind != Kind::space) return text.substr(0, end_of_run(text, start, kind));
  return text.substr(0, end_of_spaces(text));
}

}  // namespace lens
