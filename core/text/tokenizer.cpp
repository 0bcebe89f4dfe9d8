#include "text/tokenizer.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <unordered_map>

#include "base/message.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/pretokenize.h"

namespace lens {

struct Tokenizer::Tables {
  // Bytes of token t: blob[offsets[t], offsets[t + 1]).
  std::string blob;
  std::vector<std::uint32_t> offsets;    // [size + 1]
  std::vector<TokenId> by_bytes;         // ids that have a token, sorted by its bytes
  std::array<TokenId, 256> byte_tokens;  // each byte alone
  Merges merges;
  std::array<std::vector<TokenId>, 256> added;  // by first byte, the longest first
  std::vector<TokenId> specials;                // sorted

  std::size_t size() const { return offsets.size() - 1; }
  std::string_view bytes_of(TokenId id) const {
    const auto t = static_cast<std::size_t>(id);
    return std::string_view(blob).substr(offsets[t], offsets[t + 1] - offsets[t]);
  }
  // The longest added token at the front of `text`.
  std::optional<TokenId> front_added(std::string_view text) const {
    for (const TokenId id : added[static_cast<std::uint8_t>(text[0])]) {
      if (text.starts_with(bytes_of(id))) return id;
    }
    return std::nullopt;
  }
};

Result<Tokenizer> Tokenizer::build(const Result<TokenizerFiles>& files) {
  if (!files) return files.error();
  const auto wrong = [](const std::string& where, const std::string& what) {
    return Error{"tokenizer_format", where + ": " + what};
  };
  Tables tables;

  // Spelling -> id, and per id what it is in the text. Added tokens stand in the text as they are spelled; so does a
  // token with a character that is not of the byte alphabet, as in Hugging Face's decoder.
  struct Entry {
    std::string_view spelling;
    std::string bytes;
    bool is_token = false;
    bool is_added = false;
  };
  std::vector<Entry> entries;
  std::unordered_map<std::string_view, TokenId> ids;
  ids.reserve(files->vocab.size());
  const auto place = [&](std::string_view spelling, TokenId id) -> Result<Entry*> {
    const auto t = static_cast<std::size_t>(id);
    if (t >= entries.size()) entries.resize(t + 1);
    Entry& entry = entries[t];
    if (entry.is_token && entry.spelling != spelling) {
      return wrong(files->vocab_file, "the tokens " + in_quotes(entry.spelling) + " and " + in_quotes(spelling) +
                                          " both have the id " + std::to_string(id) + ", an id has one token");
    }
    if (const auto [found, is_new] = ids.emplace(spelling, id); !is_new && found->second != id) {
      return wrong(files->vocab_file, "the token " + in_quotes(spelling) + " has the ids " +
                                          std::to_string(found->second) + " and " + std::to_string(id) +
                                          ", a token has one id");
    }
    entry.spelling = spelling;
    entry.is_token = true;
    return &entry;
  };
  for (const TokenizerFiles::Token& token : files->vocab) {
    Result<Entry*> entry = place(token.spelling, token.id);
    if (!entry) return entry.error();
    (*entry)->bytes = bytes_of_spelling(token.spelling).value_or(token.spelling);
  }
  for (const TokenizerFiles::AddedToken& token : files->added) {
    Result<Entry*> entry = place(token.text, token.id);
    if (!entry) return entry.error();
    (*entry)->bytes = token.text;
    if (!(*entry)->is_added) tables.added[static_cast<std::uint8_t>(token.text[0])].push_back(token.id);
    (*entry)->is_added = true;
    if (token.is_special) tables.specials.push_back(token.id);
  }

  std::size_t n_byte = 0;
  for (const Entry& entry : entries) n_byte += entry.bytes.size();
  tables.blob.reserve(n_byte);
  tables.offsets.reserve(entries.size() + 1);
  tables.offsets.push_back(0);
  for (const Entry& entry : entries) {
    tables.blob += entry.bytes;
    tables.offsets.push_back(static_cast<std::uint32_t>(tables.blob.size()));
  }
  for (TokenId id = 0; id < static_cast<TokenId>(entries.size()); ++id) {
    if (entries[static_cast<std::size_t>(id)].is_token) tables.by_bytes.push_back(id);
  }
  // Of two tokens with the same bytes the added one comes first, for it is the one that encode finds.
  std::sort(tables.by_bytes.begin(), tables.by_bytes.end(), [&](TokenId a, TokenId b) {
    const int order = tables.bytes_of(a).compare(tables.bytes_of(b));
    if (order != 0) return order < 0;
    const bool a_added = entries[static_cast<std::size_t>(a)].is_added;
    const bool b_added = entries[static_cast<std::size_t>(b)].is_added;
    return a_added != b_added ? a_added : a < b;
  });
  for (std::vector<TokenId>& same_first : tables.added) {
    std::sort(same_first.begin(), same_first.end(),
              [&](TokenId a, TokenId b) { return tables.bytes_of(a).size() > tables.bytes_of(b).size(); });
  }
  std::sort(tables.specials.begin(), tables.specials.end());

  for (std::size_t byte = 0; byte < 256; ++byte) {
    const char as_char = static_cast<char>(byte);
    const std::string spelling = spelling_of({&as_char, 1});
    const auto found = ids.find(spelling);
    if (found == ids.end()) {
      return wrong(files->vocab_file, "lacks a token for byte " + std::to_string(byte) + ", spelled " +
                                          in_quotes(spelling) + "; a byte-level vocabulary has all 256");
    }
    tables.byte_tokens[byte] = found->second;
  }

  tables.merges.reserve(files->merges.size());
  std::uint32_t rank = 0;
  for (const TokenizerFiles::Merge& merge : files->merges) {
    const std::string merged = merge.left + merge.right;
    std::array<TokenId, 3> found_ids{};
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string& spelling = i == 0 ? merge.left : i == 1 ? merge.right : merged;
      const auto found = ids.find(spelling);
      if (found == ids.end()) {
        return wrong(files->merge_place + std::to_string(merge.n),
                     "the token " + in_quotes(spelling) + " is not in the vocabulary (" + files->vocab_file +
                         "); do both come from the same model?");
      }
      found_ids[i] = found->second;
    }
    tables.merges.set(found_ids[0], found_ids[1], {rank++, found_ids[2]});
  }
  return Tokenizer(std::make_shared<const Tables>(std::move(tables)));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  PieceEncoder piece_encoder(tables_->merges);
  const auto encode_ordinary = [&](std::string_view ordinary) {
    while (!ordinary.empty()) {
      const std::string_view piece = front_piece(ordinary);
      for (const char byte : piece) piece_encoder.push(tables_->byte_tokens[static_cast<std::uint8_t>(byte)]);
      piece_encoder.finish(ids);
      ordinary.remove_prefix(piece.size());
    }
  };

  // Between added tokens, ordinary text is cut as if it stood alone.
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::optional<TokenId> added = tables_->front_added(text.substr(at))) {
      encode_ordinary(text.substr(begin, at - begin));
      ids.push_back(*added);
      at += tables_->bytes_of(*added).size();
      begin = at;
    } else {
      ++at;
    }
  }
  encode_ordinary(text.substr(begin));
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  for (const TokenId id : ids) text += bytes_of(id);
  return text;
}

std::size_t Tokenizer::size() const { return tables_->size(); }

std::string_view Tokenizer::bytes_of(TokenId id) const {
  return id >= 0 && static_cast<std::size_t>(id) < size() ? tables_->bytes_of(id) : std::string_view();
}

bool Tokenizer::is_special(TokenId id) const {
  return std::binary_search(tables_->specials.begin(), tables_->specials.end(), id);
}

std::optional<TokenId> Tokenizer::id_of(std::string_view bytes) const {
  const auto found = std::lower_bound(tables_->by_bytes.begin(), tables_->by_bytes.end(), bytes,
                                      [&](TokenId id, std::string_view b) { return tables_->bytes_of(id) < b; });
  if (found == tables_->by_bytes.end() || tables_->bytes_of(*found) != bytes) return std::nullopt;
  return *found;
}

}  // namespace lens
