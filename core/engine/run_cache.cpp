#include "engine/run_cache.h"

#include <algorithm>

namespace lens {
namespace {

// Held beside the run that is being worked on. Wasm memory never shrinks, so this is also what a page keeps for good.
constexpr std::size_t kCacheBytes = std::size_t{64} << 20;

// Readings of one run that are kept beside each other; who asks more begins anew, so that a long sweep of questions
// does not fill the memory.
constexpr std::size_t kMaxQuestions = 8;

}  // namespace

std::size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

void CachedRun::truncate(std::size_t n) {
  activations.truncate(n);
  for (auto& [key, read] : columns) read.erase(read.lower_bound(n), read.end());
}

std::size_t CachedRun::byte_size() const {
  std::size_t bytes = activations.byte_size();
  for (const auto& [key, read] : columns)
    for (const auto& [position, column] : read)
      for (const LensCell& cell : column)
        bytes += sizeof cell + cell.reading.top.size() * sizeof(ScoredToken) +
                 cell.track.size() * sizeof(TokenReading) + cell.set_prob.size() * sizeof(double);
  return bytes;
}

CachedRun RunCache::take(const Config& config, std::span<const TokenId> tokens) {
  auto best = runs_.end();
  std::size_t best_length = 0;
  for (auto it = runs_.begin(); it != runs_.end(); ++it) {
    const std::size_t length = common_prefix(it->activations.tokens(), tokens);
    if (length > best_length) best = it, best_length = length;
  }
  if (best == runs_.end()) return {Activations(config), {}};
  const bool goes_on = best_length == tokens.size();
  // A run that would lose more than it keeps stays for whoever comes back to it; it is copied and cut.
  if (!goes_on && 2 * best_length < best->activations.size()) {
    CachedRun run = *best;
    run.truncate(best_length);
    return run;
  }
  CachedRun run = std::move(*best);
  runs_.erase(best);
  if (!goes_on) run.truncate(best_length);
  return run;
}

void RunCache::put(CachedRun run) {
  if (run.activations.size() == 0) return;  // a reading of weights
  if (run.columns.size() > kMaxQuestions) run.columns.clear();
  runs_.push_front(std::move(run));
  std::size_t bytes = 0;
  for (auto it = runs_.begin(); it != runs_.end();) {
    bytes += it->byte_size();
    // The latest stays however large it is: it is the one that typing goes on from.
    it = bytes > kCacheBytes && it != runs_.begin() ? runs_.erase(it) : std::next(it);
  }
}

}  // namespace lens
