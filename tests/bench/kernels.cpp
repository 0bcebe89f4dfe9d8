// The kernels alone, beside what the machine can do: GFLOP/s, and their share of a loop of multiply-adds that never
// leaves the registers, of this same build and one thread. Runs natively, with as many threads as its argument says,
// and in Node; only ratios within one run count.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "kernels/matmul.h"
#include "kernels/screen.h"
#include "kernels/unembed.h"

using namespace lens;

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t d_model = 768, d_mlp = 3072, d_vocab = 50257;  // GPT-2 small's
constexpr int kRepeats = 9;

// The best of kRepeats, in seconds: what disturbs a measurement only lengthens it.
template <class F>
double best(F f) {
  double least = 1e9;
  for (int i = 0; i < kRepeats; ++i) {
    const auto begin = Clock::now();
    f();
    least = std::min(least, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return least;
}

// As many independent sums as hide a multiply-add's latency and fit in 15 registers.
constexpr std::size_t kSums = 12;

[[gnu::noinline]] void multiply_add(std::size_t n, float* values) {
  Vec sum[kSums];
  for (std::size_t i = 0; i < kSums; ++i) sum[i] = Vec::load_unaligned(values + i * kLanes);
  const Vec a = Vec::load_unaligned(values + kSums * kLanes), b(0.25f);
#pragma clang loop unroll(disable)
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t i = 0; i < kSums; ++i) sum[i] = madd(sum[i], a, b);
  for (std::size_t i = 0; i < kSums; ++i) sum[i].store_unaligned(values + i * kLanes);
}

double peak() {
  std::vector<float> values((kSums + 1) * kLanes, 0.5f);
  constexpr std::size_t n = 1'000'000;
  return 2.0 * n * kSums * kLanes / best([&] { multiply_add(n, values.data()); });
}

std::vector<float> noise(std::size_t n, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(random()) / 1073741824.0f - 1.0f;
  return values;
}

PackedMatrix weights(std::size_t n_in, std::size_t n_out, PackedMatrix::Storage storage) {
  PackedMatrix W(n_in, n_out, storage);
  const std::vector<float> scales(n_in / kQ8Block, 0.01f);
  std::vector<std::int8_t> quants(n_in);
  for (std::size_t c = 0; c < n_out; ++c) {
    const std::vector<float> column = noise(n_in, static_cast<unsigned>(c + 1));
    std::ranges::transform(column, quants.begin(), [](float value) { return static_cast<std::int8_t>(value * 127); });
    if (storage == PackedMatrix::Storage::q8_0)
      W.set_column(c, scales, quants);
    else
      W.set_column(c, column);
  }
  return W;
}

void report(const std::string& name, double flop, double seconds, double limit) {
  std::printf("%-40s %9.3f ms %7.1f GFLOP/s %4.0f %%\n", name.c_str(), seconds * 1e3, flop / seconds / 1e9,
              100 * flop / seconds / limit);
}

}  // namespace

int main(int n_arg, char** args) {
  use_threads(n_arg > 1 ? std::stoul(args[1]) : 1);
  const double limit = peak();
  std::printf("multiply-add in registers: %.1f GFLOP/s\n", limit / 1e9);
  for (const auto storage : {PackedMatrix::Storage::float32, PackedMatrix::Storage::q8_0}) {
    const std::string kind = storage == PackedMatrix::Storage::float32 ? "f32 " : "Q8_0 ";
    for (const auto [n_in, n_out] : {std::pair{d_model, d_mlp}, {d_mlp, d_model}}) {
      const PackedMatrix W = weights(n_in, n_out, storage);
      for (const std::size_t n : {1u, 3u, 16u, 64u}) {
        auto x = noise(n * n_in, 2);
        round_inputs({x.data(), n, n_in}, W);
        std::vector<float> y(n * n_out);
        const double seconds = best([&] { matmul({x.data(), n, n_in}, W, {}, {y.data(), n, n_out}); });
        report(kind + std::to_string(n) + " x " + std::to_string(n_in) + " x " + std::to_string(n_out),
               2.0 * static_cast<double>(n * n_in * n_out), seconds, limit);
      }
    }
    const PackedMatrix W_U = weights(d_model, d_vocab, storage);
    std::optional<Screen> screen;
    if (Screen::pays(d_vocab)) report(kind + "screen made", 0, best([&] { screen.emplace(W_U); }), limit);
    for (const std::size_t n : {1u, 14u, 28u, 56u}) {
      const auto x = noise(n * d_model, 3);
      std::vector<KlQuery> divergences;
      std::vector<RankQuery> ranks;
      for (std::size_t r = 0; r + 1 < n; ++r) {
        divergences.push_back({n - 1, r});
        for (const std::int32_t id : {7, 30000}) ranks.push_back({r, id, 0.0f});
      }
      const double flop = 2.0 * static_cast<double>(n * d_model * d_vocab);
      const std::string name = kind + "unembed " + std::to_string(n) + " rows, top-10";
      report(name, flop, best([&] { unembed({x.data(), n, d_model}, W_U, 10, ranks, divergences); }), limit);
      if (screen)
        report(name + ", screen", flop, best([&] {
                 unembed({x.data(), n, d_model}, W_U, 10, ranks, divergences, {}, &*screen);
               }),
               limit);
    }
  }
}
