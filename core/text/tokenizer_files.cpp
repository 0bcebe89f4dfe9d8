#include "text/tokenizer_files.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/message.h"

namespace lens {
namespace {

// ggml's token types: control is special, user-defined is added, unused pads a vocabulary.
constexpr int kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5;

constexpr std::string_view kVocabJson = "vocab.json";
constexpr std::string_view kTokenizerJson = "tokenizer.json";
constexpr std::string_view kMergesTxtPlace = "merges.txt: line ";
constexpr std::string_view kTokenizerJsonPlace = "tokenizer.json: merge ";

// Ids index tables, so one absurd id must not fill the memory. The largest vocabularies in use are near a million.
constexpr std::uint64_t kMaxId = (std::uint64_t{1} << 22) - 1;

Error wrong(std::string_view where, const std::string& what) {
  return {"tokenizer_format", std::string(where) + ": " + what};
}

// The member `key`, or null where the object lacks it.
const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::optional<TokenId> as_token_id(const Json& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMaxId) return std::nullopt;
  return value.get<TokenId>();
}

Error wrong_id(std::string_view where, std::string_view token, const Json& id) {
  return wrong(where, "token " + in_quotes(token) + ": expected an id from 0 to " + std::to_string(kMaxId) + ", got " +
                          printed(id));
}

// {"!": 0, "\"": 1, …}
Result<std::vector<TokenizerFiles::Token>> read_vocab(const Json& vocab, std::string_view where) {
  if (!vocab.is_object()) return wrong(where, "expected an object of token: id, got " + printed(vocab));
  std::vector<TokenizerFiles::Token> tokens;
  tokens.reserve(vocab.size());
  for (const auto& [spelling, id_json] : vocab.items()) {
    const std::optional<TokenId> id = as_token_id(id_json);
    if (!id) return wrong_id(where, spelling, id_json);
    tokens.push_back({spelling, *id});
  }
  return tokens;
}

// "Ġ t"
Result<TokenizerFiles::Merge> read_merge(std::string_view text, std::string_view place, std::size_t n) {
  const std::size_t blank = text.find(' ');
  if (blank == 0 || blank == std::string_view::npos || blank + 1 == text.size() ||
      text.find(' ', blank + 1) != std::string_view::npos) {
    return wrong(std::string(place) + std::to_string(n),
                 "expected two tokens with one blank between them, got " + in_quotes(text));
  }
  return TokenizerFiles::Merge{std::string(text.substr(0, blank)), std::string(text.substr(blank + 1)), n};
}

// A first line "#version: 0.2", which may be missing, then one merge a line.
Result<std::vector<TokenizerFiles::Merge>> read_merges_txt(std::string_view text) {
  std::vector<TokenizerFiles::Merge> merges;
  for (std::size_t n_line = 1; !text.empty(); ++n_line) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (n_line == 1 && line.starts_with("#version"))) continue;
    Result<TokenizerFiles::Merge> merge = read_merge(line, kMergesTxtPlace, n_line);
    if (!merge) return merge.error();
    merges.push_back(*std::move(merge));
  }
  return merges;
}

// ["Ġ t", …], or since tokenizers 0.20 [["Ġ", "t"], …]. `where` is the list's place, `place` one merge's before its
// number.
Result<std::vector<TokenizerFiles::Merge>> read_merges_json(const Json& list, std::string_view where,
                                                            std::string_view place) {
  if (!list.is_array()) return wrong(where, "expected a list of merges, got " + printed(list));
  std::vector<TokenizerFiles::Merge> merges;
  merges.reserve(list.size());
  for (const Json& item : list) {
    const std::size_t n = merges.size();
    if (item.is_string()) {
      Result<TokenizerFiles::Merge> merge = read_merge(item.get_ref<const std::string&>(), place, n);
      if (!merge) return merge.error();
      merges.push_back(*std::move(merge));
    } else if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
      merges.push_back({item[0].get<std::string>(), item[1].get<std::string>(), n});
    } else {
      return wrong(std::string(place) + std::to_string(n), "expected \"A B\" or [\"A\", \"B\"], got " + printed(item));
    }
  }
  return merges;
}

// [{"id": 50256, "content": "<|endoftext|>", "special": true, …}, …]
Result<std::vector<TokenizerFiles::AddedToken>> read_added_tokens(const Json& list) {
  std::vector<TokenizerFiles::AddedToken> added;
  if (list.is_null()) return added;
  const std::string where = std::string(kTokenizerJson) + ": added_tokens";
  if (!list.is_array()) return wrong(where, "expected a list, got " + printed(list));
  for (const Json& item : list) {
    if (!item.is_object() || !member(item, "content").is_string()) {
      return wrong(where, "expected objects with id and content, got " + printed(item));
    }
    const std::string& text = member(item, "content").get_ref<const std::string&>();
    if (text.empty()) return wrong(where, "a token with empty content would stand everywhere");
    const std::optional<TokenId> id = as_token_id(member(item, "id"));
    if (!id) return wrong_id(where, text, member(item, "id"));
    for (const char* option : {"lstrip", "rstrip", "single_word"}) {
      if (member(item, option) == true) {
        return wrong(where, "token " + in_quotes(text) + ": " + option + " is not supported, only false is");
      }
    }
    added.push_back({text, *id, member(item, "special") == true});
  }
  return added;
}

// The parts of tokenizer.json that are not GPT-2's are refused rather than ignored: ids that are nearly right would
// show a model as worse than it is. Left alone are post_processor (this tokenizer adds no special tokens), decoder
// (implied by the byte alphabet), truncation and padding (a caller's business).
std::optional<Error> not_gpt2(const Json& document) {
  const auto refuse = [](const std::string& key, const Json& got, std::string_view expected) {
    return wrong(kTokenizerJson, key + " is " + printed(got) + ", supported is only " + std::string(expected) +
                                     ", GPT-2's byte-level BPE");
  };
  const auto is_absent_or = [](const Json& value, const Json& expected) {
    return value.is_null() || value == expected;
  };

  const Json& normalizer = member(document, "normalizer");
  if (!normalizer.is_null()) return refuse("normalizer", normalizer, "null");

  const Json& pre = member(document, "pre_tokenizer");
  if (!pre.is_object() || member(pre, "type") != "ByteLevel") return refuse("pre_tokenizer", pre, "ByteLevel");
  const Json& prefix = member(pre, "add_prefix_space");
  // With a blank put in front, the tokens would no longer spell the prompt.
  if (!is_absent_or(prefix, false)) return refuse("pre_tokenizer.add_prefix_space", prefix, "false");
  const Json& use_regex = member(pre, "use_regex");
  if (!is_absent_or(use_regex, true)) return refuse("pre_tokenizer.use_regex", use_regex, "true");

  const Json& model = member(document, "model");
  if (!model.is_object()) return wrong(kTokenizerJson, "model: expected an object, got " + printed(model));
  const Json& type = member(model, "type");  // absent in files of before 2020, which then have merges
  if (!is_absent_or(type, "BPE") || !model.contains("merges")) return refuse("model.type", type, "\"BPE\"");
  for (const char* key : {"byte_fallback", "ignore_merges"}) {
    if (!is_absent_or(member(model, key), false))
      return refuse(std::string("model.") + key, member(model, key), "false");
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!is_absent_or(member(model, key), "")) return refuse(std::string("model.") + key, member(model, key), "\"\"");
  }
  const Json& dropout = member(model, "dropout");
  if (!is_absent_or(dropout, 0)) return refuse("model.dropout", dropout, "null");
  return std::nullopt;
}

}  // namespace

Result<TokenizerFiles> read_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt) {
  Result<Json> document = parse_json(vocab_json, kVocabJson);
  if (!document) return Error{"tokenizer_format", document.error().message};
  Result<std::vector<TokenizerFiles::Token>> vocab = read_vocab(*document, kVocabJson);
  if (!vocab) return vocab.error();
  Result<std::vector<TokenizerFiles::Merge>> merges = read_merges_txt(merges_txt);
  if (!merges) return merges.error();

  // These files have no list of special tokens; GPT-2 has one, known by name.
  std::vector<TokenizerFiles::AddedToken> added;
  for (const TokenizerFiles::Token& token : *vocab) {
    if (token.spelling == "<|endoftext|>") added.push_back({token.spelling, token.id, true});
  }
  return TokenizerFiles{std::string(kVocabJson), std::string(kMergesTxtPlace), *std::move(vocab), *std::move(merges),
                        std::move(added)};
}

Result<TokenizerFiles> read_tokenizer_json(std::string_view tokenizer_json) {
  const Result<Json> document = parse_json(tokenizer_json, kTokenizerJson);
  if (!document) return Error{"tokenizer_format", document.error().message};
  if (!document->is_object()) return wrong(kTokenizerJson, "expected an object, got " + printed(*document));
  if (std::optional<Error> refusal = not_gpt2(*document)) return *std::move(refusal);

  const Json& model = member(*document, "model");
  Result<std::vector<TokenizerFiles::Token>> vocab =
      read_vocab(member(model, "vocab"), std::string(kTokenizerJson) + ": model.vocab");
  if (!vocab) return vocab.error();
  Result<std::vector<TokenizerFiles::Merge>> merges =
      read_merges_json(member(model, "merges"), std::string(kTokenizerJson) + ": model.merges", kTokenizerJsonPlace);
  if (!merges) return merges.error();
  Result<std::vector<TokenizerFiles::AddedToken>> added = read_added_tokens(member(*document, "added_tokens"));
  if (!added) return added.error();
  return TokenizerFiles{std::string(kTokenizerJson), std::string(kTokenizerJsonPlace), *std::move(vocab),
                        *std::move(merges), *std::move(added)};
}

Result<TokenizerFiles> read_gguf_tokenizer(const Json& metadata, std::string_view file) {
  const std::string prefix = std::string(file) + ": tokenizer.ggml.";
  const Json& model = member(metadata, "tokenizer.ggml.model");
  if (model != "gpt2") return wrong(prefix + "model", "expected \"gpt2\", got " + printed(model));
  // llama.cpp's names for pre-tokenisers; "gpt-2" is GPT-2's own, which old files leave out.
  const Json& pre = member(metadata, "tokenizer.ggml.pre");
  if (!pre.is_null() && pre != "gpt-2" && pre != "default")
    return wrong(prefix + "pre", "expected \"gpt-2\", got " + printed(pre));

  const Json& tokens = member(metadata, "tokenizer.ggml.tokens");
  if (!tokens.is_array() || tokens.empty() || tokens.size() > static_cast<std::size_t>(kMaxId) + 1)
    return wrong(prefix + "tokens", "expected a list of tokens, got " + printed(tokens));
  const Json& types = member(metadata, "tokenizer.ggml.token_type");
  if (!types.is_null() && (!types.is_array() || types.size() != tokens.size()))
    return wrong(prefix + "token_type", "expected a list as long as the tokens, got " + printed(types));

  TokenizerFiles files{prefix + "tokens", prefix + "merges: merge ", {}, {}, {}};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!tokens[i].is_string() || tokens[i].get_ref<const std::string&>().empty())
      return wrong(prefix + "tokens", "token " + std::to_string(i) + ": expected a text, got " + printed(tokens[i]));
    const auto& spelling = tokens[i].get_ref<const std::string&>();
    const auto id = static_cast<TokenId>(i);
    const Json type = types.is_null() ? Json(spelling == "<|endoftext|>" ? kControl : kNormal) : types[i];
    if (type == kUnused) continue;
    if (type == kControl || type == kUserDefined)
      files.added.push_back({spelling, id, type == kControl});
    else
      files.vocab.push_back({spelling, id});
  }
  auto merges = read_merges_json(member(metadata, "tokenizer.ggml.merges"), prefix + "merges", files.merge_place);
  if (!merges) return merges.error();
  files.merges = *std::move(merges);
  return files;
}

Json gguf_keys(const TokenizerFiles& files, std::size_t d_vocab) {
  std::vector<std::string> tokens(d_vocab);
  std::vector<int> types(d_vocab, kUnused);
  for (std::size_t id = 0; id < d_vocab; ++id) tokens[id] = "[PAD" + std::to_string(id) + "]";
  const auto place = [&](TokenId id, const std::string& spelling, int type) {
    tokens.at(static_cast<std::size_t>(id)) = spelling;
    types.at(static_cast<std::size_t>(id)) = type;
  };
  for (const TokenizerFiles::Token& token : files.vocab) place(token.id, token.spelling, kNormal);
  for (const TokenizerFiles::AddedToken& token : files.added)
    place(token.id, token.text, token.is_special ? kControl : kUserDefined);
  Json merges = Json::array();
  for (const TokenizerFiles::Merge& merge : files.merges) merges.push_back(merge.left + " " + merge.right);
  return {{"tokenizer.ggml.model", "gpt2"},
          {"tokenizer.ggml.pre", "gpt-2"},
          {"tokenizer.ggml.tokens", std::move(tokens)},
          {"tokenizer.ggml.token_type", std::move(types)},
          {"tokenizer.ggml.merges", std::move(merges)}};
}

}  // namespace lens
