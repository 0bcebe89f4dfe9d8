#include "text/tokenizer.h"

#include <catch_amalgamated.hpp>
#include <cstdio>
#include <ctime>
#include <map>
#include <random>
#include <sstream>

#include "base/json.h"
#include "read_file.h"
#include "text/byte_alphabet.h"
#include "text/pretokenize.h"

using lens::Json;
using lens::read_tokenizer_json;
using lens::read_vocab_and_merges;
using lens::TokenId;
using lens::Tokenizer;
using Ids = std::vector<TokenId>;
using Pair = std::pair<std::string, std::string>;

namespace {

// A vocabulary as GPT-2's, but tiny: the 256 bytes, one token a merge, <|endoftext|>.
struct Tiny {
  std::vector<Pair> merges = {{"t", "h"},  {"th", "e"}, {"Ġ", "the"}, {"a", "a"}, {"aa", "aa"}, {"i", "n"},
                              {"Ġ", "in"}, {"Ġ", "Ġ"},  {"Ã", "©"},   {"l", "l"}, {"'", "ll"}};
  Json vocab = make_vocab();

  Json make_vocab() const {
    Json tokens = Json::object();
    for (int byte = 0; byte < 256; ++byte) {
      tokens[lens::spelling_of(std::string(1, static_cast<char>(byte)))] = byte;
    }
    for (const auto& [left, right] : merges) tokens[left + right] = tokens.size();
    tokens["<|endoftext|>"] = tokens.size();
    return tokens;
  }
  std::string merges_txt() const {
    std::string text = "#version: 0.2\n";
    for (const auto& [left, right] : merges) text += left + " " + right + "\n";
    return text;
  }
  // As the tokenizers library writes it.
  Json tokenizer_json() const {
    Json list = Json::array();
    for (const auto& [left, right] : merges) list.push_back(left + " " + right);
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens", Json::array({added_token(vocab.size() - 1, "<|endoftext|>", true)})},
            {"normalizer", nullptr},
            {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}}},
            {"post_processor", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}}},
            {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}}},
            {"model",
             {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", ""},
              {"end_of_word_suffix", ""},
              {"fuse_unk", false},
              {"vocab", vocab},
              {"merges", list}}}};
  }
  static Json added_token(std::size_t id, const std::string& content, bool special) {
    return {{"id", id},        {"content", content}, {"single_word", false}, {"lstrip", false},
            {"rstrip", false}, {"normalized", true}, {"special", special}};
  }

  Tokenizer tokenizer() const {
    auto result = Tokenizer::build(read_vocab_and_merges(vocab.dump(), merges_txt()));
    if (!result) FAIL(result.error().message);
    return *result;
  }
};

Tokenizer from_json(const Json& document) {
  auto result = Tokenizer::build(read_tokenizer_json(document.dump()));
  if (!result) FAIL(result.error().message);
  return *result;
}

// "" when refused as tokenizer_format with a message that has `part` in it.
std::string not_refused(const lens::Result<Tokenizer>& result, const std::string& part) {
  if (result) return "no error";
  const bool fits = result.error().code == "tokenizer_format" && result.error().message.find(part) != std::string::npos;
  return fits ? "" : result.error().code + ": " + result.error().message;
}

std::string random_bytes(std::mt19937& random, std::size_t n) {
  std::string bytes(n, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// GPT-2's own loop: the pair of the lowest rank, everywhere, again and again.
class NaiveEncoder {
 public:
  NaiveEncoder(const std::vector<Pair>& merges, const Json& vocab) {
    for (std::size_t i = 0; i < merges.size(); ++i) ranks_[merges[i]] = i;
    for (const auto& [spelling, id] : vocab.items()) ids_[spelling] = id.get<TokenId>();
  }

  Ids encode(std::string_view text) const {
    Ids ids;
    while (!text.empty()) {
      const std::string_view piece = lens::front_piece(text);
      text.remove_prefix(piece.size());
      for (const std::string& token : merged(piece)) ids.push_back(ids_.at(token));
    }
    return ids;
  }

 private:
  std::vector<std::string> merged(std::string_view piece) const {
    std::vector<std::string> word;
    for (const char byte : piece) word.push_back(lens::spelling_of({&byte, 1}));
    while (true) {
      auto best = ranks_.end();
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        const auto found = ranks_.find({word[i], word[i + 1]});
        if (found != ranks_.end() && (best == ranks_.end() || found->second < best->second)) best = found;
      }
      if (best == ranks_.end()) return word;
      std::vector<std::string> next;
      for (std::size_t i = 0; i < word.size(); ++i) {
        const bool here = i + 1 < word.size() && word[i] == best->first.first && word[i + 1] == best->first.second;
        next.push_back(here ? word[i] + word[i + 1] : word[i]);
        i += here;
      }
      word = next;
    }
  }

  std::map<Pair, std::size_t> ranks_;
  std::map<std::string, TokenId> ids_;
};

}  // namespace

TEST_CASE("the byte alphabet", "[tokenizer]") {
  CHECK(lens::spelling_of(" the\n") == "ĠtheĊ");
  CHECK(lens::spelling_of(std::string(1, '\0')) == "Ā");
  CHECK(lens::spelling_of("\x7F\xA0\xAD") == "ġłŃ");
  CHECK(lens::bytes_of_spelling("Ġthe") == " the");
  CHECK_FALSE(lens::bytes_of_spelling("a b"));
  CHECK_FALSE(lens::bytes_of_spelling("中"));
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK(lens::bytes_of_spelling(lens::spelling_of(all)) == all);
}

TEST_CASE("a tiny vocabulary", "[tokenizer]") {
  const Tokenizer tokenizer = Tiny().tokenizer();
  const auto id = [&](std::string_view bytes) { return tokenizer.id_of(bytes).value(); };

  CHECK(tokenizer.size() == 256 + 11 + 1);
  CHECK(tokenizer.encode("").empty());
  CHECK(tokenizer.encode("the the") == Ids{id("the"), id(" the")});
  CHECK(tokenizer.encode("then") == Ids{id("the"), 'n'});
  CHECK(tokenizer.encode("aaaaa") == Ids{id("aaaa"), 'a'});  // leftmost first
  CHECK(tokenizer.encode("aaa") == Ids{id("aa"), 'a'});
  CHECK(tokenizer.encode("é") == Ids{id("é")});
  CHECK(tokenizer.encode("he'll") == Ids{'h', 'e', id("'ll")});
  CHECK(tokenizer.encode("   in") == Ids{id("  "), id(" in")});

  CHECK(tokenizer.decode(Ids{id("é"), 0, 255}) == std::string("é\0\xFF", 4));
  CHECK(tokenizer.decode(Ids{-1, 100'000, 'a'}) == "a");
  CHECK(tokenizer.bytes_of(id(" the")) == " the");
  CHECK(tokenizer.bytes_of(-1).empty());
  CHECK(tokenizer.bytes_of(268).empty());
  CHECK(tokenizer.id_of(" the") == 258);
  CHECK_FALSE(tokenizer.id_of("Ġthe"));
  CHECK_FALSE(tokenizer.id_of(""));
  CHECK_FALSE(tokenizer.id_of("zzz"));
}

TEST_CASE("special tokens are cut out of the text first", "[tokenizer]") {
  const Tokenizer tokenizer = Tiny().tokenizer();
  const TokenId end = tokenizer.id_of("<|endoftext|>").value();
  CHECK(end == 267);
  CHECK(tokenizer.is_special(end));
  CHECK_FALSE(tokenizer.is_special('a'));
  CHECK(tokenizer.encode("<|endoftext|>") == Ids{end});
  CHECK(tokenizer.encode("a<|endoftext|><|endoftext|>the") == Ids{'a', end, end, tokenizer.id_of("the").value()});
  CHECK(tokenizer.encode("<|endoftext") == Ids{'<', '|', 'e', 'n', 'd', 'o', 'f', 't', 'e', 'x', 't'});
  // Spaces in front of it stand at an end, so none is left over for a word.
  CHECK(tokenizer.encode("  <|endoftext|>") == Ids{tokenizer.id_of("  ").value(), end});
  CHECK(tokenizer.decode(tokenizer.encode("a<|endoftext|>b")) == "a<|endoftext|>b");

  Tiny without;
  without.vocab.erase("<|endoftext|>");
  const Tokenizer plain = without.tokenizer();
  CHECK(plain.size() == 267);
  CHECK(plain.encode("<|endoftext|>").size() == 13);
}

TEST_CASE("tokenizer.json in both spellings equals the pair of files", "[tokenizer]") {
  const Tiny tiny;
  const Tokenizer pair = tiny.tokenizer();
  Json document = tiny.tokenizer_json();
  const Tokenizer strings = from_json(document);
  for (Json& merge : document["model"]["merges"]) {
    const std::string text = merge;
    merge = Json::array({text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)});
  }
  document["pre_tokenizer"]["use_regex"] = true;
  const Tokenizer pairs = from_json(document);
  document["model"].erase("type");
  document["post_processor"] = {{"type", "TemplateProcessing"}};
  const Tokenizer old = from_json(document);

  std::mt19937 random(2);
  std::vector<std::string> texts = {"the inn: aaaa<|endoftext|> they'll  in é"};
  for (std::size_t n = 0; n < 100; ++n) texts.push_back(random_bytes(random, n));
  for (const std::string& text : texts) {
    const Ids ids = pair.encode(text);
    CHECK(strings.encode(text) == ids);
    CHECK(pairs.encode(text) == ids);
    CHECK(old.encode(text) == ids);
  }
  CHECK(strings.size() == pair.size());
  CHECK(strings.is_special(267));
}

TEST_CASE("added tokens", "[tokenizer]") {
  Json document = Tiny().tokenizer_json();
  document["added_tokens"].push_back(Tiny::added_token(300, "<|user|>", true));
  document["added_tokens"].push_back(Tiny::added_token(301, "<|user|>!", false));  // the longer one wins
  document["added_tokens"].push_back(Tiny::added_token(302, " the", false));       // the bytes of "Ġthe"
  document["added_tokens"].push_back(Tiny::added_token(303, "中", true));          // not in the byte alphabet
  const Tokenizer tokenizer = from_json(document);
  CHECK(tokenizer.size() == 304);
  CHECK(tokenizer.encode("a<|user|>b") == Ids{'a', 300, 'b'});
  CHECK(tokenizer.encode("<|user|>!<|user|>") == Ids{301, 300});
  CHECK(tokenizer.encode("中中") == Ids{303, 303});
  CHECK(tokenizer.encode("in the") == Ids{tokenizer.id_of("in").value(), 302});
  CHECK(tokenizer.id_of(" the") == 302);
  CHECK(tokenizer.bytes_of(303) == "中");
  CHECK(tokenizer.is_special(300));
  CHECK_FALSE(tokenizer.is_special(301));
  CHECK(tokenizer.bytes_of(299).empty());  // a gap
  CHECK_FALSE(tokenizer.is_special(299));
}

TEST_CASE("the heap merges as GPT-2's loop does", "[tokenizer]") {
  const Tiny tiny;
  const Tokenizer tokenizer = tiny.tokenizer();
  const NaiveEncoder naive(tiny.merges, tiny.vocab);
  std::mt19937 random(3);
  const std::string letters = "thealn i'";
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 24, '\0');
    for (char& c : text) c = letters[random() % letters.size()];
    CAPTURE(text);
    REQUIRE(tokenizer.encode(text) == naive.encode(text));
  }
}

TEST_CASE("any bytes come back", "[tokenizer]") {
  const Tokenizer tokenizer = Tiny().tokenizer();
  std::mt19937 random(4);
  for (std::size_t n = 0; n < 500; ++n) {
    const std::string bytes = random_bytes(random, n);
    CHECK(tokenizer.decode(tokenizer.encode(bytes)) == bytes);
  }
  const std::string zero("a\0\0b", 4);
  CHECK(tokenizer.encode(zero) == Ids{'a', 0, 0, 'b'});
}

TEST_CASE("broken vocab.json and merges.txt are refused by name", "[tokenizer]") {
  const Tiny tiny;
  const auto pair = [](const Json& vocab, const std::string& merges) {
    return Tokenizer::build(read_vocab_and_merges(vocab.dump(), merges));
  };
  const auto with = [&](const char* token, const Json& id) {
    Json vocab = tiny.vocab;
    vocab[token] = id;
    return vocab;
  };
  CHECK(not_refused(Tokenizer::build(read_vocab_and_merges("", "")), "vocab.json: not JSON") == "");
  CHECK(not_refused(Tokenizer::build(read_vocab_and_merges("{\"a\":0", "")), "vocab.json: not JSON") == "");
  CHECK(not_refused(Tokenizer::build(read_vocab_and_merges("{\"a\":0,\"a\":1}", "")), "\"a\" stands twice") == "");
  CHECK(not_refused(pair(Json::array(), ""), "vocab.json: expected an object") == "");
  CHECK(not_refused(pair(with("zz", "7"), ""), "token \"zz\": expected an id from 0 to 4194303, got \"7\"") == "");
  CHECK(not_refused(pair(with("zz", -1), ""), "got -1") == "");
  CHECK(not_refused(pair(with("zz", 1.5), ""), "got 1.5") == "");
  CHECK(not_refused(pair(with("zz", 4'194'304), ""), "got 4194304") == "");
  CHECK(not_refused(pair(with("zz", 256), ""), "the tokens \"th\" and \"zz\" both have the id 256") == "");
  Json lacking = tiny.vocab;
  lacking.erase("Ġ");
  CHECK(not_refused(pair(lacking, ""), "lacks a token for byte 32, spelled \"Ġ\"") == "");
  CHECK(not_refused(pair(Json::object(), ""), "lacks a token for byte 0") == "");

  CHECK(not_refused(pair(tiny.vocab, "#version: 0.2\nt h\nt zz\n"),
                    "merges.txt: line 3: the token \"zz\" is not in the vocabulary (vocab.json)") == "");
  CHECK(not_refused(pair(tiny.vocab, "h t\n"), "line 1: the token \"ht\"") == "");
  for (const char* line : {"t", "t h e", " t", "t ", " ", "t  h"}) {
    CAPTURE(line);
    CHECK(not_refused(pair(tiny.vocab, "#version: 0.2\n" + std::string(line) + "\n"),
                      "merges.txt: line 2: expected two") == "");
  }
  CHECK(pair(tiny.vocab, ""));                                              // bytes alone
  CHECK(pair(tiny.vocab, "t h\r\nth e\r\n\r\n"));                           // no version line, other line ends
  CHECK(pair(tiny.vocab, "t h")->encode("th") == Ids{256});                 // no line end
  CHECK(not_refused(pair(tiny.vocab, "# #\n"), "the token \"##\"") == "");  // a merge, not a comment
}

TEST_CASE("a tokenizer.json that is not GPT-2's is refused by name", "[tokenizer]") {
  const auto changed = [](const std::string& pointer, const Json& value) {
    Json document = Tiny().tokenizer_json();
    document.patch_inplace(Json::array({{{"op", "add"}, {"path", pointer}, {"value", value}}}));
    return Tokenizer::build(read_tokenizer_json(document.dump()));
  };
  CHECK(not_refused(Tokenizer::build(read_tokenizer_json("{")), "tokenizer.json: not JSON") == "");
  CHECK(not_refused(Tokenizer::build(read_tokenizer_json("[]")), "tokenizer.json: expected an object") == "");
  CHECK(not_refused(Tokenizer::build(read_tokenizer_json("{}")), "pre_tokenizer is null") == "");
  CHECK(not_refused(changed("/model/type", "WordPiece"), "model.type is \"WordPiece\", supported is only \"BPE\"") ==
        "");
  CHECK(not_refused(changed("/model", {{"type", "Unigram"}, {"vocab", Json::array()}}), "\"Unigram\"") == "");
  CHECK(not_refused(changed("/model", nullptr), "model: expected an object") == "");
  CHECK(not_refused(changed("/normalizer", {{"type", "NFC"}}), "normalizer is {\"type\":\"NFC\"}") == "");
  CHECK(not_refused(changed("/pre_tokenizer", {{"type", "Whitespace"}}),
                    "pre_tokenizer is {\"type\":\"Whitespace\"}") == "");
  CHECK(not_refused(changed("/pre_tokenizer", nullptr), "pre_tokenizer is null") == "");
  CHECK(not_refused(changed("/pre_tokenizer/add_prefix_space", true), "pre_tokenizer.add_prefix_space is true") == "");
  CHECK(not_refused(changed("/pre_tokenizer/use_regex", false), "pre_tokenizer.use_regex is false") == "");
  CHECK(not_refused(changed("/model/byte_fallback", true), "model.byte_fallback is true") == "");
  CHECK(not_refused(changed("/model/ignore_merges", true), "model.ignore_merges is true") == "");
  CHECK(not_refused(changed("/model/continuing_subword_prefix", "##"), "model.continuing_subword_prefix is \"##\"") ==
        "");
  CHECK(not_refused(changed("/model/end_of_word_suffix", "</w>"), "model.end_of_word_suffix is \"</w>\"") == "");
  CHECK(not_refused(changed("/model/dropout", 0.1), "model.dropout is 0.1") == "");
  CHECK(not_refused(changed("/model/vocab", nullptr), "model.vocab: expected an object") == "");
  CHECK(not_refused(changed("/model/merges", "t h"), "model.merges: expected a list") == "");
  CHECK(not_refused(changed("/model/merges/1", "the"), "merge 1: expected two tokens") == "");
  CHECK(not_refused(changed("/model/merges/1", Json::array({"t"})), "merge 1: expected \"A B\"") == "");
  CHECK(not_refused(changed("/model/merges/1", Json::array({"t", "zz"})), "merge 1: the token \"zz\"") == "");
  CHECK(not_refused(changed("/added_tokens", 7), "added_tokens: expected a list") == "");
  CHECK(not_refused(changed("/added_tokens/0", 7), "expected objects with id and content") == "");
  CHECK(not_refused(changed("/added_tokens/0/content", ""), "empty content") == "");
  CHECK(not_refused(changed("/added_tokens/0/id", -1), "token \"<|endoftext|>\": expected an id") == "");
  CHECK(not_refused(changed("/added_tokens/0/id", 5), "both have the id 5") == "");
  CHECK(not_refused(changed("/added_tokens/0/id", 999), "has the ids 267 and 999") == "");
  CHECK(not_refused(changed("/added_tokens/0/lstrip", true), "lstrip is not supported") == "");
  CHECK(changed("/added_tokens", nullptr));
  CHECK(changed("/model/unk_token", "<|endoftext|>"));  // never needed: every byte has a token
  CHECK(changed("/model/dropout", 0.0));
}

namespace {

// The files that OpenAI published; nothing on a machine without ../shared.
struct Gpt2Files {
  std::string vocab_json, merges_txt;
  Json vocab;
  std::vector<Pair> merges;

  static Gpt2Files read_or_skip() {
    const std::string shared = LENS_SHARED_DIR;
    if (shared.empty()) SKIP("no ../shared beside this checkout");
    Gpt2Files files{
        read_file(shared + "/gpt2-tokenizer/encoder.json"), read_file(shared + "/gpt2-tokenizer/vocab.bpe"), {}, {}};
    auto vocab = lens::parse_json(files.vocab_json, "encoder.json");
    if (!vocab) FAIL(vocab.error().message);
    files.vocab = *std::move(vocab);
    std::istringstream lines(files.merges_txt);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      files.merges.emplace_back(line.substr(0, line.find(' ')), line.substr(line.find(' ') + 1));
    }
    return files;
  }
  Tokenizer tokenizer() const {
    auto result = Tokenizer::build(read_vocab_and_merges(vocab_json, merges_txt));
    if (!result) FAIL(result.error().message);
    return *result;
  }
};

}  // namespace

TEST_CASE("GPT-2: recorded vectors", "[tokenizer]") {
  const Tokenizer gpt2 = Gpt2Files::read_or_skip().tokenizer();
  CHECK(gpt2.size() == 50257);
  CHECK(gpt2.is_special(50256));
  CHECK(gpt2.bytes_of(50256) == "<|endoftext|>");
  CHECK(gpt2.id_of(" Paris") == 6342);

  for (const auto& [name, n_expected] : {std::pair{"test_vectors.jsonl", 32}, {"test_vectors_llamacpp.jsonl", 46}}) {
    std::istringstream lines(read_file(std::string(LENS_SHARED_DIR) + "/gpt2-tokenizer/" + name));
    int n_equal = 0;
    for (std::string line; std::getline(lines, line);) {
      const auto vector = lens::parse_json(line, name);
      REQUIRE(vector);
      const std::string text = vector->at("text");
      const Ids ids = vector->at("ids");
      CAPTURE(text);
      CHECK(gpt2.encode(text) == ids);
      CHECK(gpt2.decode(ids) == text);
      n_equal += gpt2.encode(text) == ids;
    }
    CHECK(n_equal == n_expected);
    std::printf("measured: %s: %d/%d equal\n", name, n_equal, n_expected);
  }
}

TEST_CASE("GPT-2: tokenizer.json equals the pair of files", "[tokenizer]") {
  const Gpt2Files files = Gpt2Files::read_or_skip();
  const Tokenizer pair = files.tokenizer();
  Tiny as_json;
  as_json.vocab = files.vocab;
  as_json.merges = files.merges;
  const Tokenizer json = from_json(as_json.tokenizer_json());
  CHECK(json.size() == pair.size());
  for (TokenId id = 0; id < 50257; ++id) {
    if (json.bytes_of(id) != pair.bytes_of(id)) FAIL("token " << id);
  }
  CHECK(json.encode(files.merges_txt) == pair.encode(files.merges_txt));
}

TEST_CASE("GPT-2: the heap merges as GPT-2's loop does", "[tokenizer]") {
  const Gpt2Files files = Gpt2Files::read_or_skip();
  const Tokenizer gpt2 = files.tokenizer();
  const NaiveEncoder naive(files.merges, files.vocab);
  std::mt19937 random(6);
  for (int round = 0; round < 1000; ++round) {
    std::string text = random_bytes(random, random() % 16);  // and then something that merges
    for (std::size_t i = random() % 40; i > 0; --i) text += static_cast<char>('a' + random() % 26);
    for (std::size_t i = random() % 9; i > 0; --i) text += gpt2.bytes_of(static_cast<TokenId>(random() % 50256));
    CAPTURE(text);
    REQUIRE(gpt2.encode(text) == naive.encode(text));
    REQUIRE(gpt2.decode(gpt2.encode(text)) == text);
  }
}

TEST_CASE("GPT-2: long texts take n log n", "[tokenizer]") {
  const Gpt2Files files = Gpt2Files::read_or_skip();
  const Tokenizer gpt2 = files.tokenizer();
  std::mt19937 random(7);
  const auto seconds = [&](const std::string& text) {
    const std::clock_t start = std::clock();  // the processor's time: other work on the machine does not count
    CHECK(gpt2.decode(gpt2.encode(text)) == text);
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  };
  std::string letters(100'000, '\0');
  for (char& c : letters) c = static_cast<char>('a' + random() % 26);
  // A quadratic loop takes minutes for each of these.
  CHECK(seconds(letters) < 5);
  for (const char c : {' ', 'a', '\n', '-', '\0', '\xFF'}) CHECK(seconds(std::string(1 << 20, c)) < 20);
  const double time = seconds(files.merges_txt);
  CHECK(time < 20);
  std::printf("measured: tokenizer: %.1f MB/s\n", static_cast<double>(files.merges_txt.size()) / time / 1e6);
}
