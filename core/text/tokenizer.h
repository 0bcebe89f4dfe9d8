// Prompt <-> token ids, byte-level BPE exactly as GPT-2's, and the bytes of every token.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/token_id.h"

namespace lens {

class Tokenizer {
 public:
  // From the contents of a checkpoint's files: vocab.json and merges.txt.
  // Errors: tokenizer_format, naming the file, the entry, what was expected and what was found.
  static Result<Tokenizer> from_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt);
  // From tokenizer.json (Hugging Face tokenizers; merges as "A B" strings or as ["A","B"] pairs; added_tokens).
  // A pre-tokeniser, model or normaliser other than GPT-2's is refused by name.
  static Result<Tokenizer> from_tokenizer_json(std::string_view tokenizer_json);
  // From the metadata of a GGUF file named `file`; a tokenizer other than GPT-2's is refused by name.
  static Result<Tokenizer> from_gguf(const Json& metadata, std::string_view file);

  // No special token is added. Text that spells a special token ("<|endoftext|>") becomes that token, as in the
  // field's tools. Any bytes are accepted: decode(encode(x)) == x.
  std::vector<TokenId> encode(std::string_view text) const;
  std::string decode(std::span<const TokenId> ids) const;

  std::size_t size() const;                     // d_vocab as the tokenizer knows it: the largest id + 1
  std::string_view bytes_of(TokenId id) const;  // "" for an id without a token
  bool is_special(TokenId id) const;
  std::optional<TokenId> id_of(std::string_view bytes) const;  // the token with exactly these bytes

 private:
  struct Tables;
  explicit Tokenizer(std::shared_ptr<const Tables> tables) : tables_(std::move(tables)) {}
  std::shared_ptr<const Tables> tables_;  // shared because a model and its jobs read it and never change it
};

}  // namespace lens
