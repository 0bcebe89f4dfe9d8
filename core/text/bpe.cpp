#include "text/bpe.h"

#include <algorithm>
#include <cassert>
#include <functional>

namespace lens {

void PieceEncoder::push(TokenId byte_token) {
  assert(symbols_.size() < kNone);
  const auto index = static_cast<std::uint32_t>(symbols_.size());
  if (index > 0) symbols_[index - 1].next = index;
  symbols_.push_back({byte_token, index > 0 ? index - 1 : kNone, kNone, {}});
}

void PieceEncoder::propose(std::uint32_t left) {
  Symbol& symbol = symbols_[left];
  symbol.with_next = symbol.next == kNone ? Merge{} : merges_.find(symbol.token, symbols_[symbol.next].token);
  if (symbol.with_next.rank == Merge::kNever) return;
  heap_.push_back(Candidate{symbol.with_next.rank} << 32 | left);
  std::push_heap(heap_.begin(), heap_.end(), std::greater{});
}

void PieceEncoder::finish(std::vector<TokenId>& out) {
  for (std::uint32_t i = 0; i < symbols_.size(); ++i) propose(i);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater{});
    const Candidate best = heap_.back();
    heap_.pop_back();
    const auto at = static_cast<std::uint32_t>(best);
    Symbol& left = symbols_[at];
    if (left.with_next.rank != best >> 32) continue;  // a neighbour has merged since this was proposed

    Symbol& right = symbols_[left.next];
    left.token = left.with_next.token;
    left.next = right.next;
    right.with_next = {};
    if (left.next != kNone) symbols_[left.next].previous = at;
    propose(at);
    if (left.previous != kNone) propose(left.previous);
  }
  // The first symbol never merges away.
  for (std::uint32_t i = symbols_.empty() ? kNone : 0; i != kNone; i = symbols_[i].next) {
    out.push_back(symbols_[i].token);
  }
  symbols_.clear();
}

}  // namespace lens
