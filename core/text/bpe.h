// Byte-pair encoding of one piece of text.
#pragma once

#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

#include "text/token_id.h"

namespace lens {

// What two neighbours become. The lower rank goes first.
struct Merge {
  static constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t rank = kNever;
  TokenId token = -1;
};

class Merges {
 public:
  void reserve(std::size_t n) { by_pair_.reserve(n); }
  // A pair named again takes the new rank, as in GPT-2's own reader.
  void set(TokenId left, TokenId right, Merge merge) { by_pair_[key(left, right)] = merge; }
  Merge find(TokenId left, TokenId right) const {
    const auto found = by_pair_.find(key(left, right));
    return found == by_pair_.end() ? Merge{} : found->second;
  }

 private:
  static std::uint64_t key(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }
  std::unordered_map<std::uint64_t, Merge> by_pair_;
};

// Merges one piece after another; keeps its memory in between. `merges` outlive it.
class PieceEncoder {
 public:
  explicit PieceEncoder(const Merges& merges) : merges_(merges) {}

  // A piece is given byte token by byte token, …
  void push(TokenId byte_token);
  // … merged until no two neighbours can be, the lowest rank first and the leftmost of equals, and appended to `out`.
  // O(n log n) in the piece's length.
  void finish(std::vector<TokenId>& out);

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  // A doubly linked list in a vector, so that merging two neighbours moves nothing.
  struct Symbol {
    TokenId token;
    std::uint32_t previous, next;  // indices, or kNone
    Merge with_next;               // rank kNever: does not merge, or is itself merged away
  };
  // Ordered as (rank, index), so that the least is the one to do.
  using Candidate = std::uint64_t;

  void propose(std::uint32_t left);

  const Merges& merges_;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
};

}  // namespace lens
