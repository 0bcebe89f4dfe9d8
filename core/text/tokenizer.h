// Prompt <-> token ids, byte-level BPE exactly as GPT-2's, and the bytes of every token.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/token_id.h"
#include "text/tokenizer_files.h"

namespace lens {

class Tokenizer {
 public:
  // From what a checkpoint's files say (tokenizer_files.h). Errors: theirs, and tokenizer_format where it makes no
  // sense, naming the file, the entry, what was expected and what was found.
  static Result<Tokenizer> build(const Result<TokenizerFiles>& files);

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
