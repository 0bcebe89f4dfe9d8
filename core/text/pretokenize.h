// GPT-2's cut of a text into the pieces inside which tokens may grow.
#pragma once

#include <string_view>

namespace lens {

// The first piece of `text`, which is not empty. Cutting pieces off the front until nothing is left gives what GPT-2's
// pattern finds (openai/gpt-2, src/encoder.py):
//
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// with \s as Unicode White_Space. It is written as a scanner because a pattern engine that backtracks needs a stack as
// deep as the longest run of spaces. Bytes that are not UTF-8 count as neither space nor letter nor number, and stay
// what they are.
std::string_view front_piece(std::string_view text);

}  // namespace lens
