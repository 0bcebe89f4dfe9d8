// A text in windows of a model's context that do not see one another.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/loaded_model.h"

namespace lens {

// A text's tokens. A model with a BOS token reads it at the start of every window, and every token is predicted once;
// one without begins each window with the last token of the window before, and the text's first token is only read.
// <|endoftext|> inside the text is text.
class Windows {
 public:
  // Errors: no_tokenizer; token_id (a BOS outside the vocabulary); text_short (no token to predict).
  static Result<Windows> of(const LoadedModel& loaded, std::string_view text);

  std::size_t n_predicted() const { return tokens_.size() - 1; }
  TokenId first() const { return tokens_.front(); }
  // f(inputs, targets): target i is the token that comes after input i.
  template <class F>
  void for_each(F f) const {
    for (std::size_t begin = 0; begin < n_predicted(); begin += n_ctx_) {
      const auto inputs = std::span(tokens_).subspan(begin, std::min(n_ctx_, n_predicted() - begin));
      std::vector<TokenId> opened(inputs.begin(), inputs.end());
      if (bos_) opened.front() = *bos_;
      f(std::span<const TokenId>(opened), std::span(tokens_).subspan(begin + 1, inputs.size()));
    }
  }

 private:
  std::vector<TokenId> tokens_;
  std::optional<TokenId> bos_;
  std::size_t n_ctx_ = 0;
};

}  // namespace lens
