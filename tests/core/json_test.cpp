#include "base/json.h"

#include <catch_amalgamated.hpp>

using lens::Json;
using lens::parse_json;

namespace {

std::string text_of(std::string_view json) {
  const auto parsed = parse_json(json, "test");
  REQUIRE(parsed);
  return parsed->get<std::string>();
}

std::string error_code(std::string_view json) {
  const auto parsed = parse_json(json, "link");
  REQUIRE_FALSE(parsed);
  INFO(parsed.error().message);
  CHECK(parsed.error().message.starts_with("link: "));
  CHECK(parsed.error().message.size() < 500);
  CHECK(lens::is_well_formed(parsed.error().message));
  return parsed.error().code;
}

}  // namespace

TEST_CASE("a document is printed as it came", "[json]") {
  const std::string text = R"({"v":1,"b":[1,-2,0.5,true,false,null,{}],"a":{"z":"é😀\u0000\n","y":[]}})";
  const auto parsed = parse_json(text, "test");
  REQUIRE(parsed);
  CHECK(lens::print_json(*parsed) == text);
  CHECK(lens::print_json(*parse_json(" 18446744073709551615 ", "test")) == "18446744073709551615");
}

TEST_CASE("lone surrogate escapes become U+FFFD, and nothing else does", "[json]") {
  CHECK(text_of(R"("\ud83d")") == "\uFFFD");
  CHECK(text_of(R"("\uDE00")") == "\uFFFD");
  CHECK(text_of(R"("\ud83d\ude00")") == "😀");
  CHECK(text_of(R"("\uD83D\uDE00")") == "😀");
  CHECK(text_of(R"("\ud83d\ud83d\ude00")") == "\uFFFD😀");
  CHECK(text_of(R"("\ude00\ud83d")") == "\uFFFD\uFFFD");
  CHECK(text_of(R"("\ud83dx")") == "\uFFFDx");
  CHECK(text_of(R"("\ud83d\n")") == "\uFFFD\n");
  CHECK(text_of(R"("\ud83d\u0041")") ==
        "\uFFFD"
        "A");
  CHECK(text_of(R"("\\ud83d")") == R"(\ud83d)");
  CHECK(text_of(R"("\\\ud83d")") == "\\\uFFFD");
  CHECK(text_of(R"("\\\\ud83d")") == R"(\\ud83d)");
  CHECK(parse_json(R"({"\ud83d":1})", "test")->contains("\uFFFD"));
  CHECK(error_code(R"("\ud83)") == "json_syntax");
  CHECK(error_code(R"("\ud83g")") == "json_syntax");
  CHECK(error_code("\"\\") == "json_syntax");
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD", "[json]") {
  CHECK(text_of("\"a\xFF\xE2\x82z\"") == "a\uFFFD\uFFFDz");
  CHECK(text_of("\"\xFF\\ud83d\"") == "\uFFFD\uFFFD");
  CHECK(lens::print_json(Json("a\xFF")) == "\"a\uFFFD\"");
}

TEST_CASE("zero characters are characters", "[json]") {
  CHECK(text_of(R"("a\u0000b")") == std::string("a\0b", 3));
  CHECK(lens::print_json(Json(std::string("a\0b", 3))) == R"("a\u0000b")");
  CHECK(error_code(std::string_view("{}\0", 3)) == "json_syntax");  // but raw ones are not JSON
  CHECK(error_code(std::string_view("\"a\0\"", 4)) == "json_syntax");
}

TEST_CASE("what is not JSON is an error, never an exception", "[json]") {
  for (const char* text : {"",      " ",      "{",   "[1,",      "{}x",  "[1,]", "{\"a\":1,}", "nul",
                           "'a'",   "{a:1}",  "\"a", "01",       "+1",   "1.",   "// x\n1",    "\"\t\"",
                           "1e999", "-1e999", "NaN", "Infinity", "\xFF", "]",    "{\"a\"}",    "{1:2}"}) {
    CAPTURE(text);
    CHECK(error_code(text) == "json_syntax");
  }
  CHECK(error_code('"' + std::string(100000, 'x')) == "json_syntax");  // the message does not repeat it
  CHECK(parse_json("1e-999", "test")->get<double>() == 0);
  CHECK(parse_json(std::string(1000, '9').substr(0, 300), "test")->is_number_float());
  CHECK(lens::print_json(Json(std::numeric_limits<double>::infinity())) == "null");
}

TEST_CASE("nesting ends at 64 levels", "[json]") {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  CHECK(parse_json(nested(64), "test"));
  CHECK(error_code(nested(65)) == "json_depth");
  CHECK(error_code(nested(1'000'000)) == "json_depth");
  CHECK(error_code(std::string(1'000'000, '[')) == "json_depth");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(error_code(objects) == "json_depth");
}

TEST_CASE("a key stands once in an object", "[json]") {
  CHECK(error_code(R"({"a":1,"b":2,"a":3})") == "json_duplicate_key");
  CHECK(error_code(R"([{"x":{"a":1,"\u0061":1}}])") == "json_duplicate_key");
  CHECK(error_code(R"({"\ud83d":1,"\ud83e":2})") == "json_duplicate_key");  // the same after repair
  CHECK(parse_json(R"({"a":{"a":1},"b":{"a":1}})", "test"));
}

TEST_CASE("large objects take linear time", "[json]") {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  text.back() = '}';
  const auto parsed = parse_json(text, "test");
  REQUIRE(parsed);
  CHECK(parsed->size() == 200'000);
}

TEST_CASE("a document cut or changed anywhere is an error or another document", "[json]") {
  const std::string text = R"({"v":1,"a":[-1.5e3,"\ud83d\ude00\n",null,true],"é":{}})";
  for (std::size_t n = 0; n < text.size(); ++n) CHECK_FALSE(parse_json(text.substr(0, n), "test"));
  std::size_t n_parsed = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[i] = static_cast<char>(byte);
      const auto parsed = parse_json(changed, "test");
      if (!parsed) continue;
      ++n_parsed;
      CHECK(lens::is_well_formed(lens::print_json(*parsed)));
    }
  }
  CHECK(n_parsed > text.size());
}
