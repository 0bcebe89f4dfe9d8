#include "text/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "base/utf8.h"

namespace lens {
namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr auto kCharacterOf = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) characters[byte] = stands_for_itself(byte) ? byte : next++;
  return characters;
}();

constexpr char32_t kEnd = 0x100 + 68;  // behind the alphabet's last character

constexpr auto kByteOf = [] {
  std::array<int, kEnd> bytes{};
  for (int& byte : bytes) byte = -1;
  for (int byte = 0; byte < 256; ++byte) bytes[kCharacterOf[static_cast<std::size_t>(byte)]] = byte;
  return bytes;
}();

}  // namespace

std::string spelling_of(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) append_utf8(kCharacterOf[static_cast<std::uint8_t>(byte)], spelling);
  return spelling;
}

std::optional<std::string> bytes_of_spelling(std::string_view spelling) {
  std::string bytes;
  while (!spelling.empty()) {
    const CodePoint point = front_code_point(spelling);
    if (!point.well_formed || point.value >= kEnd || kByteOf[point.value] < 0) return std::nullopt;
    bytes += static_cast<char>(kByteOf[point.value]);
    spelling.remove_prefix(point.n_byte);
  }
  return bytes;
}

}  // namespace lens
