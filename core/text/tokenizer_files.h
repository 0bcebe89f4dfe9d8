// What the files of a tokenizer say, before it is known to make sense.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/token_id.h"

namespace lens {

struct TokenizerFiles {
  struct Token {
    std::string spelling;  // in the byte alphabet: "Ġthe"
    TokenId id;
  };
  struct Merge {
    std::string left, right;  // spellings
    std::size_t n;            // see merge_place
  };
  // Cut out of the text before anything else looks at it.
  struct AddedToken {
    std::string text;  // as it stands in the text
    TokenId id;
    bool is_special;  // control rather than text
  };

  std::string vocab_file;   // for messages
  std::string merge_place;  // what n counts: "merges.txt: line ", "tokenizer.json: merge "
  std::vector<Token> vocab;
  std::vector<Merge> merges;  // by rank
  std::vector<AddedToken> added;
};

// Errors of all: tokenizer_format; a pre-tokeniser, model or normaliser other than GPT-2's is refused by name.
Result<TokenizerFiles> read_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt);
// Hugging Face's one file: merges as "A B" or as ["A", "B"]; added_tokens.
Result<TokenizerFiles> read_tokenizer_json(std::string_view tokenizer_json);
// The keys "tokenizer.ggml.*" of a GGUF file named `file`.
Result<TokenizerFiles> read_gguf_tokenizer(const Json& metadata, std::string_view file);

// And such keys, for a model of d_vocab tokens; ids without a token are there called unused.
Json gguf_keys(const TokenizerFiles& files, std::size_t d_vocab);

}  // namespace lens
