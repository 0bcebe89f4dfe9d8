#include "base/parallel.h"

#include <atomic>
#include <catch_amalgamated.hpp>
#include <chrono>
#include <cstdint>
#include <new>
#include <thread>
#include <vector>

using namespace lens;

namespace {

// While it lives, so many threads work.
struct Threads {
  explicit Threads(std::size_t n) { use_threads(n); }
  ~Threads() { use_threads(1); }
};

}  // namespace

TEST_CASE("every part is worked on once, whoever sleeps or comes late") {
  for (const std::size_t n_thread : {1u, 2u, 5u}) {
    const Threads working(n_thread);
    for (std::size_t round = 0; round < 3000; ++round) {
      const std::size_t n = round % 40;
      std::vector<int> times(n, 0);
      parallel_for(n, [&](std::size_t i, std::size_t) { ++times[i]; });
      REQUIRE(times == std::vector<int>(n, 1));
      if (round % 300 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));  // long enough to fall asleep
    }
  }
}

TEST_CASE("a worker's parts come one at a time, in rising order") {
  const Threads working(4);
  struct Worker {
    std::atomic<int> at_once = 0;
    std::vector<std::size_t> parts;
  };
  std::vector<Worker> workers(threads());
  std::atomic<int> overlaps = 0;
  parallel_for(500, [&](std::size_t i, std::size_t worker) {
    overlaps += workers[worker].at_once++ > 0;
    workers[worker].parts.push_back(i);
    --workers[worker].at_once;
  });
  REQUIRE(overlaps == 0);
  std::size_t n_part = 0;
  for (const Worker& worker : workers) {
    REQUIRE(std::ranges::is_sorted(worker.parts));
    n_part += worker.parts.size();
  }
  REQUIRE(n_part == 500);
}

TEST_CASE("a part that finds no memory is told of when all have stopped, and the next round is as ever") {
  for (const std::size_t n_thread : {1u, 2u, 5u}) {
    const Threads working(n_thread);
    for (int round = 0; round < 200; ++round) {
      std::atomic<int> working_now = 0;
      const auto part = [&](std::size_t i, std::size_t) {
        ++working_now;
        const bool fails = i == 7;
        --working_now;
        if (fails) throw std::bad_alloc();
      };
      REQUIRE_THROWS_AS(parallel_for(30, part), std::bad_alloc);
      REQUIRE(working_now == 0);
      std::vector<int> times(30, 0);
      parallel_for(30, [&](std::size_t i, std::size_t) { ++times[i]; });
      REQUIRE(times == std::vector<int>(30, 1));
    }
  }
}

TEST_CASE("ranges cover everything once, and little work is not shared") {
  const Threads working(3);
  for (const std::size_t n : {0u, 1u, 2u, 11u, 12u, 13u, 1000u})
    for (const double work : {1.0, 5e3, 1e6}) {
      std::vector<int> times(n, 0);
      std::atomic<std::size_t> n_part = 0;
      parallel_ranges(n, work, [&](std::size_t begin, std::size_t end) {
        ++n_part;
        for (std::size_t i = begin; i < end; ++i) ++times[i];
      });
      INFO(n << " of " << work);
      REQUIRE(times == std::vector<int>(n, 1));
      REQUIRE(n_part <= 4 * threads());
      if (static_cast<double>(n) * work < 2 * kWorthSharing) REQUIRE(n_part == 1);
      if (n >= 12 && work == 1e6) REQUIRE(n_part == (threads() == 1 ? 1 : 4 * threads()));
    }
}
