#include "base/parallel.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace lens {
namespace {

// Looks this often before it sleeps: a fifth of a millisecond or so. To wake up takes a quarter of that, and the steps of
// a forward pass follow each other faster.
constexpr int kLooks = 200'000;

// Counters that threads wait for. Whoever waits looks on for a while, so that whoever counts seldom has one to wake.
// (libc++'s std::atomic::wait would do, but with WebAssembly it never sleeps.)
class Changes {
 public:
  void add(std::atomic<unsigned>& value, unsigned n) {
    value += n;
    if (sleepers_ == 0) return;  // who is about to sleep has not looked yet, for it is counted first
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }

  // Waits until `value` is something else than `known`; returns that.
  unsigned after(unsigned known, const std::atomic<unsigned>& value) {
    for (int look = 0; look < kLooks; ++look)
      if (value.load(std::memory_order_relaxed) != known) return value;
    std::unique_lock lock(mutex_);
    ++sleepers_;
    wake_.wait(lock, [&] { return value != known; });
    --sleepers_;
    return value;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<unsigned> sleepers_ = 0;
};

class Pool {
 public:
  ~Pool() { resize(1); }

  std::size_t size() const { return helpers_.size() + 1; }

  void resize(std::size_t n) {
    stopping_ = true;
    changes_.add(round_, 2);
    for (std::thread& helper : helpers_) helper.join();
    helpers_.clear();
    stopping_ = false;
    try {
      while (helpers_.size() + 1 < n)
        helpers_.emplace_back([this, seen = round_.load(), worker = helpers_.size() + 1] { help(seen, worker); });
    } catch (...) {
      // No more to be had.
    }
  }

  void run(std::size_t n, void (*run)(const void*, std::size_t, std::size_t), const void* part) {
    if (helpers_.empty() || n < 2) {
      for (std::size_t i = 0; i < n; ++i) run(part, i, 0);
      return;
    }
    n_ = n;
    run_ = run;
    part_ = part;
    next_ = 0;
    changes_.add(round_, 1);
    take_parts(0);
    ++round_;  // nobody joins any more, and whoever slept through it all is not waited for
    for (unsigned busy = busy_; busy != 0;) busy = changes_.after(busy, busy_);
    if (failed_.exchange(false)) throw std::bad_alloc();
  }

 private:
  void take_parts(std::size_t worker) {
    try {
      for (std::size_t i; (i = next_.fetch_add(1)) < n_;) run_(part_, i, worker);
    } catch (...) {  // what the others are at must be waited for all the same
      failed_ = true;
      next_ = n_;
    }
  }

  void help(unsigned seen, std::size_t worker) {
    for (;;) {
      seen = changes_.after(seen, round_);
      if (stopping_) return;
      if (seen % 2 == 0) continue;
      // First busy, then whether it is still open: run() closes first and then asks who is busy, so one of the two sees
      // the other, and the work stays what it is while anybody takes parts of it.
      ++busy_;
      if (round_ == seen) take_parts(worker);
      changes_.add(busy_, -1u);
    }
  }

  Changes changes_;
  std::vector<std::thread> helpers_;
  std::atomic<unsigned> round_ = 0;  // odd while there is work to join
  std::atomic<unsigned> busy_ = 0;   // helpers that perhaps joined it
  std::atomic<bool> stopping_ = false;
  // The round's work.
  std::size_t n_ = 0;
  void (*run_)(const void*, std::size_t, std::size_t) = nullptr;
  const void* part_ = nullptr;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;  // for want of memory
};

Pool& pool() {
  static Pool the_pool;
  return the_pool;
}

}  // namespace

void use_threads(std::size_t n) { pool().resize(n); }

std::size_t threads() { return pool().size(); }

void run_parts(std::size_t n, void (*run)(const void* part, std::size_t i, std::size_t worker), const void* part) {
  pool().run(n, run, part);
}

}  // namespace lens
