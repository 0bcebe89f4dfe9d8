// UTF-8 that may be broken: code points one by one, and repair.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lens {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

struct CodePoint {
  char32_t value = kReplacementCharacter;  // U+FFFD for a broken piece
  std::size_t n_byte = 1;                  // what it takes in the text: 1..4
  bool well_formed = false;
};

// The code point at the front of `bytes`, which are not empty, or the maximal broken piece there, as the WHATWG
// decoder cuts it (The Unicode Standard, table 3-7 and "Substitution of Maximal Subparts").
CodePoint front_code_point(std::string_view bytes);

// `bytes` with every broken piece replaced by U+FFFD.
std::string to_well_formed(std::string_view bytes);

// `true` when `bytes` are well-formed UTF-8 throughout.
bool is_well_formed(std::string_view bytes);

// The first `max` bytes of `text`, well-formed, with "…" where more followed: what came from outside, in a message.
std::string shortened(std::string_view text, std::size_t max);

// Appends `value`, a code point that is no surrogate, to `out`.
void append_utf8(char32_t value, std::string& out);

}  // namespace lens
