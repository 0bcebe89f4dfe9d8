#include "text/pretokenize.h"

#include <array>
#include <catch_amalgamated.hpp>
#include <random>
#include <string>
#include <vector>

namespace {

using Pieces = std::vector<std::string>;

Pieces pieces_of(std::string_view text) {
  Pieces pieces;
  while (!text.empty()) {
    const std::string_view piece = lens::front_piece(text);
    REQUIRE_FALSE(piece.empty());
    REQUIRE(piece.data() == text.data());
    pieces.emplace_back(piece);
    text.remove_prefix(piece.size());
  }
  return pieces;
}

// A character together with what \s, \p{L}, \p{N} say about it: 's', 'L', 'N', or '-' for none.
struct Character {
  std::string bytes;
  char kind;
};

const std::vector<Character> kCharacters = {
    {" ", 's'},      {" ", 's'},        {" ", 's'},
    {"\n", 's'},     {"\t", 's'},       {"\u0085", 's'},
    {"\u00A0", 's'}, {"\u3000", 's'},   {"\u2028", 's'},
    {"'", '-'},      {"'", '-'},        {"s", 'L'},
    {"t", 'L'},      {"r", 'L'},        {"e", 'L'},
    {"v", 'L'},      {"m", 'L'},        {"l", 'L'},
    {"d", 'L'},      {"S", 'L'},        {"é", 'L'},
    {"ǅ", 'L'},      {"ʰ", 'L'},        {"中", 'L'},
    {"𝄞", '-'},      {"7", 'N'},        {"½", 'N'},
    {"Ⅷ", 'N'},      {"٣", 'N'},        {"!", '-'},
    {"_", '-'},      {"\u0301", '-'},   {"\u200B", '-'},
    {"😀", '-'},      {"\uFFFD", '-'},   {"\x1C", '-'},
    {"\xFF", '-'},   {"\xE2\x82", '-'}, {std::string(1, '\0'), '-'},
};

// GPT-2's pattern, alternative by alternative, with plain backtracking.
Pieces pieces_by_the_pattern(const std::vector<Character>& text) {
  const auto kind = [&](std::size_t i) { return i < text.size() ? text[i].kind : '$'; };
  const auto run = [&](std::size_t from, char k) {
    std::size_t n = 0;
    while (kind(from + n) == k) ++n;
    return n;
  };
  const auto literal = [&](std::size_t from, std::string_view word) {
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (from + i >= text.size() || text[from + i].bytes != word.substr(i, 1)) return false;
    }
    return true;
  };
  const auto match = [&](std::size_t at) -> std::size_t {
    for (const std::string_view word : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
      if (literal(at, word)) return word.size();
    }
    for (const char k : {'L', 'N', '-'}) {
      const std::size_t blank = text[at].bytes == " " && run(at + 1, k) > 0 ? 1 : 0;
      if (const std::size_t n = run(at + blank, k); n > 0) return blank + n;
    }
    for (std::size_t n = run(at, 's'); n > 0; --n) {
      if (kind(at + n) == 's' || kind(at + n) == '$') return n;  // (?!\S)
    }
    return run(at, 's');
  };
  Pieces pieces;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = match(at);
    REQUIRE(n > 0);
    std::string piece;
    for (std::size_t i = 0; i < n; ++i) piece += text[at + i].bytes;
    pieces.push_back(piece);
    at += n;
  }
  return pieces;
}

}  // namespace

TEST_CASE("GPT-2's pieces", "[pretokenize]") {
  CHECK(pieces_of("") == Pieces{});
  CHECK(pieces_of("Hello world") == Pieces{"Hello", " world"});
  CHECK(pieces_of("I'm sure they'll've 'said'") ==
        Pieces{"I", "'m", " sure", " they", "'ll", "'ve", " '", "said", "'"});
  CHECK(pieces_of("I'M") == Pieces{"I", "'", "M"});  // contractions are lower-case only
  CHECK(pieces_of("a  b") == Pieces{"a", " ", " b"});
  CHECK(pieces_of("a   b") == Pieces{"a", "  ", " b"});
  CHECK(pieces_of("a\n\nb") == Pieces{"a", "\n", "\n", "b"});
  CHECK(pieces_of("a\n b") == Pieces{"a", "\n", " b"});
  CHECK(pieces_of("a  ") == Pieces{"a", "  "});
  CHECK(pieces_of(" ") == Pieces{" "});
  CHECK(pieces_of("a\u00A0\u00A0b") == Pieces{"a", "\u00A0", "\u00A0", "b"});
  CHECK(pieces_of("x²=4½!?") == Pieces{"x", "²", "=", "4½", "!?"});
  CHECK(pieces_of("e\u0301a") == Pieces{"e", "\u0301", "a"});  // a mark is not a letter
  CHECK(pieces_of("a\xFF\xFE b") == Pieces{"a", "\xFF\xFE", " b"});
}

TEST_CASE("the scanner finds what the pattern finds", "[pretokenize]") {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<Character> characters(random() % 12);
    std::string text;
    for (Character& character : characters) {
      character = kCharacters[random() % kCharacters.size()];
      text += character.bytes;
    }
    CAPTURE(text);
    REQUIRE(pieces_of(text) == pieces_by_the_pattern(characters));
  }
}

TEST_CASE("long runs are one piece, in linear time", "[pretokenize]") {
  constexpr std::size_t n = 1 << 20;
  for (const char* unit : {" ", "\n", "a", "7", "!", "é", "\u3000", "😀", "\xFF", "'"}) {
    CAPTURE(unit);
    std::string text;
    while (text.size() < n) text += unit;
    CHECK(pieces_of(text).size() == 1);
  }
  CHECK(pieces_of(std::string(n, ' ') + "x").size() == 2);
  std::string alternating;
  while (alternating.size() < n) alternating += "a ";
  std::size_t n_piece = 0;
  for (std::string_view rest = alternating; !rest.empty(); rest.remove_prefix(lens::front_piece(rest).size()))
    ++n_piece;
  CHECK(n_piece == n / 2 + 1);
}
