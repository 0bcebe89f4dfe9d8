#include "base/utf8.h"

#include <cassert>
#include <cstdint>

namespace lens {

CodePoint front_code_point(std::string_view bytes) {
  assert(!bytes.empty());
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};

  // The second byte's range keeps out overlong forms, surrogates and what lies above U+10FFFF.
  std::size_t length = 0;
  std::uint8_t second_min = 0x80, second_max = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) second_min = 0xA0;
    if (lead == 0xED) second_max = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) second_min = 0x90;
    if (lead == 0xF4) second_max = 0x8F;
  } else {
    return {};
  }

  char32_t value = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint8_t min = i == 1 ? second_min : 0x80;
    const std::uint8_t max = i == 1 ? second_max : 0xBF;
    if (i == bytes.size() || byte(i) < min || byte(i) > max) return {kReplacementCharacter, i, false};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  return {value, length, true};
}

void append_utf8(char32_t value, std::string& out) {
  assert(value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF));
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (value >> shift & 0x3F)); };
  if (value < 0x80) {
    out += static_cast<char>(value);
  } else if (value < 0x800) {
    out += static_cast<char>(0xC0 | value >> 6);
    tail(0);
  } else if (value < 0x10000) {
    out += static_cast<char>(0xE0 | value >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0 | value >> 18);
    tail(12), tail(6), tail(0);
  }
}

std::string to_well_formed(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const CodePoint point = front_code_point(bytes);
    if (point.well_formed) {
      out += bytes.substr(0, point.n_byte);
    } else {
      append_utf8(kReplacementCharacter, out);
    }
    bytes.remove_prefix(point.n_byte);
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t max) {
  if (text.size() <= max) return to_well_formed(text);
  while (max > 0 && (static_cast<std::uint8_t>(text[max]) & 0xC0) == 0x80) --max;  // not inside a character
  return to_well_formed(text.substr(0, max)) + "…";
}

bool is_well_formed(std::string_view bytes) {
  while (!bytes.empty()) {
    const CodePoint point = front_code_point(bytes);
    if (!point.well_formed) return false;
    bytes.remove_prefix(point.n_byte);
  }
  return true;
}

}  // namespace lens
