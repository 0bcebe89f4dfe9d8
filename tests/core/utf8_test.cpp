#include "base/utf8.h"

#include <catch_amalgamated.hpp>

using lens::to_well_formed;

TEST_CASE("broken UTF-8 is replaced piece by piece, as the WHATWG decoder does", "[utf8]") {
  const std::string fffd = "\uFFFD";
  CHECK(to_well_formed("") == "");
  CHECK(to_well_formed("héllo €, 𝄞") == "héllo €, 𝄞");
  CHECK(to_well_formed(std::string("a\0b", 3)) == std::string("a\0b", 3));
  CHECK(to_well_formed("a\x80z") == "a" + fffd + "z");  // a continuation alone
  CHECK(to_well_formed("\xC0\xAF") == fffd + fffd);     // overlong
  CHECK(to_well_formed("\xE2\x82") == fffd);            // cut off: one piece
  CHECK(to_well_formed("\xE2\x82z") == fffd + "z");
  CHECK(to_well_formed("\xF0\x9F\x98") == fffd);  // three quarters of an emoji
  CHECK(to_well_formed("\xF0\x9F\x98\xF0\x9F\x98\x80") == fffd + "😀");
  CHECK(to_well_formed("\xED\xA0\x80") == fffd + fffd + fffd);             // a surrogate
  CHECK(to_well_formed("\xF4\x90\x80\x80") == fffd + fffd + fffd + fffd);  // above U+10FFFF
  CHECK(to_well_formed("\xFF") == fffd);
}

TEST_CASE("every code point comes back as itself", "[utf8]") {
  std::size_t n_wrong = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    lens::append_utf8(c, text);
    const lens::CodePoint point = lens::front_code_point(text + "\x80");
    if (!point.well_formed || point.value != c || point.n_byte != text.size()) ++n_wrong;
  }
  CHECK(n_wrong == 0);
}

TEST_CASE("shortening does not cut characters", "[utf8]") {
  CHECK(lens::shortened("abc", 3) == "abc");
  CHECK(lens::shortened("abcd", 3) == "abc…");
  CHECK(lens::shortened("ab€", 3) == "ab…");
  CHECK(lens::shortened("ab€", 5) == "ab€");
  CHECK(lens::shortened("\x80\x80\x80", 1) == "…");
}
