#include "base/parallel.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace lens {
namespace {

// Looks for work this often before it sleeps: some ten microseconds, about as long as waking up takes. Between the
// products of a forward pass there is less to wait.
constexpr int kLooks = 20'000;

class Pool {
 public:
  ~Pool() { resize(1); }

  std::size_t size() const { return helpers_.size() + 1; }

  void resize(std::size_t n) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      round_.fetch_add(1);
    }
    wake_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
    helpers_.clear();
    stopping_ = false;
    try {
      while (helpers_.size() + 1 < n) helpers_.emplace_back([this, seen = round_.load()] { help(seen); });
    } catch (...) {
      // No more to be had.
    }
  }

  void run(std::size_t n, void (*run)(const void*, std::size_t), const void* part) {
    if (helpers_.empty() || n < 2) {
      for (std::size_t i = 0; i < n; ++i) run(part, i);
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      n_ = n;
      run_ = run;
      part_ = part;
      next_.store(0);
      open_ = true;
      round_.fetch_add(1);
    }
    wake_.notify_all();
    take_parts();
    // Nobody joins any more, and whoever slept through it all is not waited for.
    std::unique_lock lock(mutex_);
    open_ = false;
    idle_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void take_parts() {
    for (std::size_t i; (i = next_.fetch_add(1)) < n_;) run_(part_, i);
  }

  void help(unsigned seen) {
    for (;;) {
      for (int look = 0; look < kLooks && round_.load(std::memory_order_relaxed) == seen; ++look) {
      }
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || round_.load() != seen; });
      if (stopping_) return;
      seen = round_.load();
      if (!open_) continue;
      ++busy_;
      lock.unlock();
      take_parts();
      lock.lock();
      if (--busy_ == 0) idle_.notify_one();
    }
  }

  std::vector<std::thread> helpers_;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::atomic<unsigned> round_ = 0;  // counts the calls of run
  bool open_ = false;                // whether helpers may still join this round
  bool stopping_ = false;
  std::size_t busy_ = 0;  // helpers that joined it
  // The round's work.
  std::size_t n_ = 0;
  void (*run_)(const void*, std::size_t) = nullptr;
  const void* part_ = nullptr;
  std::atomic<std::size_t> next_ = 0;
};

Pool& pool() {
  static Pool the_pool;
  return the_pool;
}

}  // namespace

void use_threads(std::size_t n) { pool().resize(n); }

std::size_t threads() { return pool().size(); }

void run_parts(std::size_t n, void (*run)(const void* part, std::size_t i), const void* part) {
  pool().run(n, run, part);
}

}  // namespace lens
