// Work shared among threads. A part's result never depends on which thread computed it, nor on how many there are.
#pragma once

#include <algorithm>
#include <cstddef>

namespace lens {

// How many threads work from now on, the caller's among them; 1 until somebody says more. Fewer where the system gives
// fewer. Called by the thread that also calls parallel_for, between its calls.
void use_threads(std::size_t n);
std::size_t threads();

void run_parts(std::size_t n, void (*run)(const void* part, std::size_t i, std::size_t worker), const void* part);

// part(i, worker) for every i < n, each once, at the same time; returns when all are done. A worker, one of threads(), works
// on one part after the other, in rising order; a part writes only what is its own or its worker's. It throws only
// std::bad_alloc, which then comes out of here.
template <class F>
void parallel_for(std::size_t n, const F& part) {
  run_parts(
      n, [](const void* p, std::size_t i, std::size_t worker) { (*static_cast<const F*>(p))(i, worker); }, &part);
}

// Multiply-adds that take longer than to hand them to a thread that looks for work.
inline constexpr double kWorthSharing = 50e3;

// part(begin, end) over [0, n), which is cut where that pays: each of the n takes as long as `work` multiply-adds. There
// are more parts than threads, so that none waits long for the last.
template <class F>
void parallel_ranges(std::size_t n, double work, const F& part) {
  const auto most = static_cast<double>(threads() == 1 ? 1 : std::min(n, 4 * threads()));
  const auto n_part = static_cast<std::size_t>(std::min(static_cast<double>(n) * work / kWorthSharing, most));
  if (n_part < 2) return part(std::size_t{0}, n);
  parallel_for(n_part, [&](std::size_t i, std::size_t) { part(i * n / n_part, (i + 1) * n / n_part); });
}

}  // namespace lens
