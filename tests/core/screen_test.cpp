#include "kernels/screen.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "base/parallel.h"
#include "kernels/unembed.h"
#include "support.h"

using namespace lens;
using namespace lens::test;

namespace {

using Storage = PackedMatrix::Storage;

PackedMatrix random_weights(std::size_t d_model, std::size_t d_vocab, Storage storage, Random& random) {
  PackedMatrix W(d_model, d_vocab, storage);
  for (std::size_t v = 0; v < d_vocab; ++v) {
    if (storage != Storage::q8_0) {
      auto column = random.normals(d_model);
      for (std::size_t k = 0; k < d_model; ++k) column[k] += static_cast<float>(k % 5) - 2;  // what all have in common
      W.set_column(v, column);
      continue;
    }
    std::vector<std::int8_t> values(d_model);
    for (std::int8_t& value : values) value = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
    W.set_column(v, random.normals(d_model / kQ8Block, 0.01f), values);
  }
  return W;
}

// Rows as GPT-2's streams are: every second with three channels far beyond the others.
std::vector<float> random_rows(std::size_t n, std::size_t d_model, float scale, Random& random) {
  auto x = random.normals(n * d_model, scale);
  for (std::size_t r = 0; r < n; r += 2)
    for (const std::size_t k : {d_model / 12, d_model / 2, d_model / 2 + 1}) x[r * d_model + k] *= 50;
  return x;
}

struct Answers {
  std::vector<RowReading> readings;
  std::vector<RankQuery> ranks;
  std::vector<KlQuery> divergences;
};

// Top 10, ranks of four tokens a row, every row's KL from the last.
Answers read(MatrixView<const float> rows, const PackedMatrix& W, const Screen* screen,
             std::span<const float* const> offsets = {}) {
  Answers a;
  const auto d_vocab = static_cast<std::int32_t>(W.n_out());
  for (std::size_t r = 0; r < rows.n_row; ++r) {
    for (const std::int32_t id : {0, d_vocab / 3, d_vocab / 2, d_vocab - 1}) {
      const float logit = logit_of(rows.row(r), W, id);
      a.ranks.push_back({r, id, offsets.empty() || !offsets[r] ? logit : logit + offsets[r][id]});
    }
    a.divergences.push_back({rows.n_row - 1, r});
  }
  a.readings = unembed(rows, W, std::min<std::size_t>(10, W.n_out()), a.ranks, a.divergences, offsets, screen);
  return a;
}

void require_same_tokens(const Answers& a, const Answers& b) {
  for (std::size_t r = 0; r < a.readings.size(); ++r)
    for (std::size_t i = 0; i < a.readings[r].top.size(); ++i) {
      INFO("row " << r << ", place " << i);
      REQUIRE(a.readings[r].top[i].id == b.readings[r].top[i].id);
      const float is = a.readings[r].top[i].logit, expected = b.readings[r].top[i].logit;
      REQUIRE((is == expected || (std::isnan(is) && std::isnan(expected))));
    }
}

}  // namespace

TEST_CASE("a screen's logits are their integers' sums, within their bound, and no further than roundings reach") {
  Random random(21);
  for (const Storage storage : {Storage::float32, Storage::float16, Storage::q8_0})
    for (const std::size_t d_model : {32u, 96u, 160u, 768u})
      for (const std::size_t d_vocab : {1u, 9u, 513u}) {
        const std::size_t d = storage == Storage::q8_0 ? d_model : d_model + d_vocab % 3;  // odd sizes, too
        const PackedMatrix W = random_weights(d, d_vocab, storage, random);
        const Screen screen(W);
        for (const std::size_t n : {1u, 3u, 4u, 66u}) {
          const auto x = random_rows(n, d, 1, random);
          const Screen::Rows rows({x.data(), n, d}, W, screen);
          const std::size_t stride = W.n_panel() * kPanel;
          std::vector<float> z(n * stride), exact(n * d_vocab);
          rows.logits(0, W.n_panel(), z.data(), stride);
          matmul({x.data(), n, d}, W, {}, {exact.data(), n, d_vocab});
          for (std::size_t r = 0; r < n; ++r) {
            double squares = 0;
            for (std::size_t v = 0; v < d_vocab; ++v) {
              const auto& [y, off, rounding] = rows.bound(r);
              const double bound = y * screen.errors()[v] + off * screen.norms()[v] + rounding;
              const double error = static_cast<double>(z[r * stride + v]) - exact[r * d_vocab + v];
              squares += error * error;
              REQUIRE(std::abs(error) <= bound);
              REQUIRE(std::abs(rows.logit(r, v) - z[r * stride + v]) <= rounding);
              if (d_vocab > 1) REQUIRE(off <= 0.02f * y);
            }
            // What is said of all tokens together holds as well.
            if (d_vocab > 500) {
              INFO(squares / 513 << " against " << rows.variance(r));
              REQUIRE(squares / 513 < 2 * rows.variance(r));
              REQUIRE(squares / 513 > rows.variance(r) / 3);
            }
          }
        }
      }
}

TEST_CASE("no weights and no row make a screen's 16-bit sums overflow") {
  Random random(26);
  const std::size_t d = 256, d_vocab = 40;
  PackedMatrix W(d, d_vocab);
  for (std::size_t v = 0; v < d_vocab; ++v) {
    auto column = random.normals(d);
    if (v % 3 == 0) std::ranges::fill(column, v % 2 ? 1.0f : -1.0f);             // all at the end of the range
    if (v % 3 == 1) std::fill_n(column.begin() + 64, 64, v % 2 ? 9.0f : -9.0f);  // nearly all in one chunk
    W.set_column(v, column);
  }
  const Screen screen(W);
  std::vector<float> x(4 * d), exact(4 * d_vocab), z(4 * W.n_panel() * kPanel);
  for (std::size_t k = 0; k < d; ++k) {
    x[k] = 1;
    x[d + k] = k % 4 < 2 ? 1.0f : 0.0f;  // one of the two sums
    x[2 * d + k] = k < 128 ? -1.0f : 1.0f;
    x[3 * d + k] = k / 64 == 1 ? 30.0f : 1e-3f;
  }
  const Screen::Rows rows({x.data(), 4, d}, W, screen);
  const std::size_t stride = W.n_panel() * kPanel;
  rows.logits(0, W.n_panel(), z.data(), stride);
  matmul({x.data(), 4, d}, W, {}, {exact.data(), 4, d_vocab});
  for (std::size_t r = 0; r < 4; ++r)
    for (std::size_t v = 0; v < d_vocab; ++v) {
      const auto& [y, off, rounding] = rows.bound(r);
      REQUIRE(std::abs(z[r * stride + v] - exact[r * d_vocab + v]) <=
              y * screen.errors()[v] + off * screen.norms()[v] + rounding);
    }
}

TEST_CASE("with a screen the tokens and their logits are those without, and sums almost") {
  Random random(22);
  for (const Storage storage : {Storage::float32, Storage::float16, Storage::q8_0})
    for (const std::size_t d_model : {64u, 768u})
      for (const std::size_t d_vocab : {1u, 8u, 511u, 513u, 3000u})
        for (const float scale : {0.02f, 0.2f, 3.0f}) {
          const PackedMatrix W = random_weights(d_model, d_vocab, storage, random);
          const Screen screen(W);
          const std::size_t n = 7;
          const auto x = random_rows(n, d_model, scale, random);
          const auto offset = random.normals(d_vocab);
          std::vector<const float*> offsets(n, nullptr);
          offsets[1] = offsets[4] = offset.data();
          const MatrixView<const float> rows(x.data(), n, d_model);
          const Answers with = read(rows, W, &screen, offsets), without = read(rows, W, nullptr, offsets);
          require_same_tokens(with, without);
          const Screen::Rows screened(rows, W, screen);
          for (std::size_t r = 0; r < n; ++r) {
            const auto& [y, off, rounding] = screened.bound(r);
            const double bound = y * *std::max_element(screen.errors(), screen.errors() + d_vocab) +
                                 off * *std::max_element(screen.norms(), screen.norms() + d_vocab) + rounding;
            REQUIRE(std::abs(with.readings[r].log_z - without.readings[r].log_z) <= bound);
            REQUIRE(std::abs(with.readings[r].mean_logit - without.readings[r].mean_logit) <= bound);
          }
          for (std::size_t i = 0; i < with.ranks.size(); ++i) {
            const std::int32_t is = with.ranks[i].rank, expected = without.ranks[i].rank;
            INFO("rank " << is << " for " << expected);
            if (expected <= 10) REQUIRE(is == expected);
            REQUIRE(std::abs(is - expected) <= 1 + static_cast<int>(d_vocab) / 20);
          }
        }
}

TEST_CASE("with a screen a row's reading has the same bits in any company and from several threads") {
  Random random(23);
  const PackedMatrix W = random_weights(96, 5000, Storage::float32, random);
  const Screen screen(W);
  const auto x = random_rows(9, 96, 0.3f, random);
  const MatrixView<const float> rows(x.data(), 9, 96);
  const Answers together = read(rows, W, &screen);
  const auto require_same = [&](const Answers& some, std::size_t first) {
    for (std::size_t r = 0; r < some.readings.size(); ++r) {
      REQUIRE(some.readings[r].log_z == together.readings[first + r].log_z);
      REQUIRE(some.readings[r].entropy == together.readings[first + r].entropy);
      REQUIRE(some.readings[r].mean_logit == together.readings[first + r].mean_logit);
      for (std::size_t i = 0; i < 4; ++i)
        REQUIRE(some.ranks[4 * r + i].rank == together.ranks[4 * (first + r) + i].rank);
    }
  };
  for (std::size_t r = 0; r < 9; ++r) require_same(read(rows.rows(r, r + 1), W, &screen), r);
  require_same(read(rows.rows(2, 9), W, &screen), 2);
  for (const std::size_t n_thread : {2u, 5u}) {
    use_threads(n_thread);
    const Answers shared = read(rows, W, &screen);
    use_threads(1);
    require_same(shared, 0);
    require_same_tokens(shared, together);
    for (std::size_t i = 0; i < 9; ++i) REQUIRE(shared.divergences[i].nats == together.divergences[i].nats);
  }
  REQUIRE(together.divergences[8].nats == 0.0);
}

TEST_CASE("logits kept from one reading serve the next, with a screen and without") {
  Random random(28);
  const std::size_t d = 96, d_vocab = 1300;  // the last tile is not whole
  for (const Storage storage : {Storage::float32, Storage::float16, Storage::q8_0}) {
    const PackedMatrix W = random_weights(d, d_vocab, storage, random);
    const Screen screen(W);
    for (const std::size_t n_output : {1u, 2u, 3u, 4u, 9u}) {
      const std::size_t n = n_output + 6;
      const auto x = random_rows(n, d, 0.2f, random), offset = random.normals(d_vocab);
      const MatrixView<const float> rows(x.data(), n, d);
      std::vector<const float*> offsets(n, nullptr);
      for (std::size_t r = n_output; r < n; r += 2) offsets[r] = offset.data();
      std::vector<KlQuery> all, after;
      for (std::size_t r = 0; r < n; ++r) all.push_back({r % n_output, r});
      after = all;
      for (const Screen* through : {static_cast<const Screen*>(nullptr), &screen}) {
        const auto at_once = unembed(rows, W, 10, {}, all, offsets, through);
        KeptLogits kept;
        const auto outputs = unembed(rows.rows(0, n_output), W, 10, {}, {}, {}, through, &kept);
        REQUIRE(kept.n_row == n_output);
        const auto others = unembed(rows, W, 10, {}, after, offsets, through, &kept);
        for (std::size_t r = 0; r < n; ++r) {
          INFO("row " << r << " after " << n_output << (through ? " behind a screen" : ""));
          REQUIRE(others[r].log_z == at_once[r].log_z);
          REQUIRE(others[r].entropy == at_once[r].entropy);
          REQUIRE(others[r].top.size() == at_once[r].top.size());
          for (std::size_t i = 0; i < others[r].top.size(); ++i) REQUIRE(others[r].top[i].id == at_once[r].top[i].id);
          REQUIRE(after[r].nats == all[r].nats);
          if (r < n_output) REQUIRE(outputs[r].log_z == others[r].log_z);
        }
        // They are taken, not computed again.
        for (float& value : kept.values) value += 1;
        const auto moved = unembed(rows.rows(0, n_output), W, 10, {}, {}, {}, nullptr, &kept);
        if (!through) REQUIRE(moved[0].log_z == Catch::Approx(outputs[0].log_z + 1));
      }
    }
  }
}

TEST_CASE("a screen meets rows of zeros and of no numbers, tiny and huge ones, and tokens that are all alike") {
  Random random(24);
  for (const bool alike : {false, true}) {
    PackedMatrix W = random_weights(64, 3000, Storage::float32, random);
    if (alike) {  // but for a part in ten thousand, less than the screen can tell
      const auto common = random.normals(64);
      for (std::size_t v = 0; v < 3000; ++v) {
        auto column = common;
        for (float& value : column) value *= 1 + 1e-4f * random.normal();
        W.set_column(v, v % 3 ? column : common);
      }
    }
    const Screen screen(W);
    auto x = random.normals(9 * 64);
    std::fill_n(x.begin(), 64, 0.0f);
    x[64 + 3] = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t k = 0; k < 64; ++k) {
      x[2 * 64 + k] = std::numeric_limits<float>::infinity();
      x[3 * 64 + k] *= 1e-37f;
      x[4 * 64 + k] *= 1e-20f;
      x[5 * 64 + k] *= 1e15f;
      x[6 * 64 + k] *= 1e-3f;
    }
    const MatrixView<const float> rows(x.data(), 9, 64);
    const Answers with = read(rows, W, &screen), without = read(rows, W, nullptr);
    require_same_tokens(with, without);
    for (std::size_t r = 0; r < 9; ++r) {
      const double is = with.readings[r].log_z, expected = without.readings[r].log_z;
      INFO("row " << r << ": " << is << " for " << expected);
      REQUIRE(std::isfinite(is) == std::isfinite(expected));
    }
  }
}

// Logits spread as in seeded models and as in trained ones, and rows with three channels fifty times the rest.
TEST_CASE("of GPT-2 small's W_U a screen leaves entropy, log Z and KL within some thousandths of a nat") {
  Random random(25);
  const std::size_t d_model = 768, d_vocab = 50257, n = 24;
  if (!Screen::pays(d_vocab)) SKIP("this build's kernels have no dot of bytes");
  PackedMatrix W(d_model, d_vocab);
  for (std::size_t v = 0; v < d_vocab; ++v) {
    std::vector<float> column(d_model);
    for (float& value : column) value = static_cast<float>(random.below(2001)) / 577 - 1.733f;  // evenly, variance 1
    W.set_column(v, column);
  }
  const Screen screen(W);
  for (const float scale : {0.02f, 0.05f, 0.1f, 0.2f}) {
    const auto x = random_rows(n, d_model, scale, random);
    const MatrixView<const float> rows(x.data(), n, d_model);
    const Answers with = read(rows, W, &screen), without = read(rows, W, nullptr);
    require_same_tokens(with, without);
    double entropy = 0, log_z = 0, kl = 0, rank = 0;
    for (std::size_t r = 0; r < n; ++r) {
      entropy = std::max(entropy, std::abs(with.readings[r].entropy - without.readings[r].entropy));
      log_z = std::max(log_z, std::abs(with.readings[r].log_z - without.readings[r].log_z));
      const double nats = without.divergences[r].nats;
      kl = std::max(kl, std::abs(with.divergences[r].nats - nats) / (1 + nats));
      for (std::size_t i = 4 * r; i < 4 * r + 4; ++i)
        rank = std::max(rank, std::abs(with.ranks[i].rank - without.ranks[i].rank) / static_cast<double>(d_vocab));
    }
    std::printf(
        "measured: a screen, rows of %.2f: entropy within %.1e nats, log Z %.1e, KL %.1e of 1 + KL; ranks within %.1e "
        "of the "
        "vocabulary\n",
        static_cast<double>(scale), entropy, log_z, kl, rank);
    CHECK(entropy < 3e-3);
    CHECK(log_z < 3e-3);
    CHECK(kl < 1e-3);
    CHECK(rank < 5e-3);
    if (scale < 0.05f) CHECK(std::max(entropy, log_z) < 1e-3);

    // Rows that resemble each other, as a layer's does the next one's: their errors do, too.
    for (const float apart : {0.01f, 0.05f}) {
      auto pairs = random.normals(2 * d_model, scale);
      for (std::size_t k = 0; k < d_model; ++k) pairs[k] = pairs[d_model + k] + apart * pairs[k];
      const MatrixView<const float> near(pairs.data(), 2, d_model);
      const double is = read(near, W, &screen).divergences[0].nats,
                   expected = read(near, W, nullptr).divergences[0].nats;
      std::printf("measured: a screen, KL of rows %.2f apart: %.2e for %.2e\n", static_cast<double>(apart), is,
                  expected);
      CHECK(std::abs(is - expected) < 0.3 * expected + 2e-5);
    }
  }
}
