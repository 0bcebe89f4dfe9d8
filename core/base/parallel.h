// Work shared among threads. A part's result never depends on which thread computed it, nor on how many there are.
#pragma once

#include <cstddef>

namespace lens {

// How many threads work from now on, the caller's among them; 1 until somebody says more. Fewer where the system gives
// fewer. Called by the thread that also calls parallel_for, between its calls.
void use_threads(std::size_t n);
std::size_t threads();

void run_parts(std::size_t n, void (*run)(const void* part, std::size_t i), const void* part);

// part(i) for every i < n, each once, in any order and at the same time; returns when all are done. A part must not
// throw and writes only what is its own.
template <class F>
void parallel_for(std::size_t n, const F& part) {
  run_parts(
      n, [](const void* p, std::size_t i) { (*static_cast<const F*>(p))(i); }, &part);
}

}  // namespace lens
