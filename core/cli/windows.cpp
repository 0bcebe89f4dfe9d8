#include "cli/windows.h"

namespace lens {

Result<Windows> Windows::of(const LoadedModel& loaded, std::string_view text) {
  const Config& config = loaded.model.config();
  if (!loaded.tokenizer)
    return Error{"no_tokenizer",
                 loaded.ref + " has no tokenizer files (vocab.json and merges.txt, or tokenizer.json)."};
  if (config.bos && static_cast<std::size_t>(*config.bos) >= config.d_vocab)
    return Error{"token_id", loaded.ref + " names the BOS token " + std::to_string(*config.bos) + "; there are " +
                                 std::to_string(config.d_vocab) + " tokens."};
  Windows windows;
  windows.bos_ = config.bos;
  windows.n_ctx_ = config.n_ctx;
  windows.tokens_ = loaded.tokenizer->encode(text);
  if (config.bos) windows.tokens_.insert(windows.tokens_.begin(), *config.bos);
  if (windows.tokens_.size() < 2) return Error{"text_short", "The text has no token to predict; give it more words."};
  return windows;
}

}  // namespace lens
