// Finished work that a model's next prompt can begin with: the activations of earlier runs and the lens columns read
// from them. Typing one more token then computes one column, and a change of reading runs no block again.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lens/logit_lens.h"
#include "model/activations.h"

namespace lens {

using LensColumns = std::map<std::size_t, LensColumn>;  // by position

// A run on its way through a job. While a job has it, nobody else does.
struct CachedRun {
  Activations activations;
  std::map<std::string, LensColumns> columns;  // by what was asked (LensReading::key)

  // Keeps the first n positions.
  void truncate(std::size_t n);
  std::size_t byte_size() const;
};

class RunCache {
 public:
  // The run that shares the longest beginning with `tokens`, and how long that is; a fresh one if none does. A run
  // that merely goes on beyond `tokens` is given whole: deleting a word back loses nothing.
  CachedRun take(const Config& config, std::span<const TokenId> tokens);
  void put(CachedRun run);

 private:
  std::list<CachedRun> runs_;  // latest first
};

// How many leading tokens are equal.
std::size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b);

}  // namespace lens
