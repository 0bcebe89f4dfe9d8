// How vocabulary files spell bytes: each of the 256 as one printable character.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lens {

// "Ġthe" for " the": printable bytes of Latin-1 stand for themselves, the other 68 are U+0100 and on, in order
// (bytes_to_unicode in openai/gpt-2, src/encoder.py).
std::string spelling_of(std::string_view bytes);

// The way back; nothing where a character is not of the alphabet.
std::optional<std::string> bytes_of_spelling(std::string_view spelling);

}  // namespace lens
