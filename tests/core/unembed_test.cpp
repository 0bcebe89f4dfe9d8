#include "kernels/unembed.h"

#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "support.h"

using namespace lens;
using namespace lens::test;

namespace {

struct Problem {
  std::vector<float> rows;  // [n, d_model]
  std::size_t n, d_model;
  PackedMatrix W_U;
  std::vector<float> offset = {};  // of every second row, [d_vocab], or none
  const float* offset_of(std::size_t row) const { return !offset.empty() && row % 2 == 1 ? offset.data() : nullptr; }
  float logit(std::size_t row, std::int32_t id) const {
    const float z = logit_of(view().row(row), W_U, id);
    return offset_of(row) ? z + offset_of(row)[id] : z;
  }
  MatrixView<const float> view() const { return {rows.data(), n, d_model}; }
};

Problem problem(std::size_t n, std::size_t d_model, std::size_t d_vocab, float scale, unsigned seed) {
  Random random(seed);
  Problem p{random.normals(n * d_model, scale), n, d_model, PackedMatrix(d_model, d_vocab)};
  for (std::size_t v = 0; v < d_vocab; ++v) p.W_U.set_column(v, random.normals(d_model));
  return p;
}

// The scalar twin of everything after the product: the same float logits, reduced in double.
struct Twin {
  std::vector<double> z;
  double log_z, entropy;
  explicit Twin(std::vector<double> logits) : z(std::move(logits)) {
    const double max = *std::ranges::max_element(z);
    double sum = 0;
    for (const double value : z) sum += std::exp(value - max);
    log_z = max + std::log(sum);
    entropy = 0;
    for (const double value : z) entropy -= p(value) * (value - log_z);
  }
  double p(double logit) const { return std::exp(logit - log_z); }
};

Twin twin(const Problem& problem, std::size_t row) {
  std::vector<double> z;
  for (std::size_t v = 0; v < problem.W_U.n_out(); ++v) z.push_back(problem.logit(row, static_cast<std::int32_t>(v)));
  return Twin(std::move(z));
}

}  // namespace

TEST_CASE("unembed's reductions equal their scalar twins") {
  // Around a tile (512) and a panel, and peaked as well as flat distributions.
  for (const std::size_t d_vocab : {1u, 2u, 7u, 8u, 9u, 300u, 511u, 512u, 513u, 1024u, 1500u})
    for (const float scale : {0.1f, 1.0f, 20.0f}) {
      Problem p = problem(5, 16, d_vocab, scale, static_cast<unsigned>(d_vocab));
      p.offset = Random(11).normals(d_vocab);
      std::vector<const float*> offsets;
      for (std::size_t r = 0; r < p.n; ++r) offsets.push_back(p.offset_of(r));
      std::vector<RankQuery> ranks;
      Random random(9);
      for (std::size_t r = 0; r < p.n; ++r) {
        const auto id = static_cast<std::int32_t>(random.below(d_vocab));
        ranks.push_back({r, id, p.logit(r, id)});
      }
      const std::size_t top = std::min<std::size_t>(10, d_vocab);
      std::vector<KlQuery> divergences;  // of every row from every row
      for (std::size_t i = 0; i < p.n * p.n; ++i) divergences.push_back({i / p.n, i % p.n});
      const auto readings = unembed(p.view(), p.W_U, top, ranks, divergences, offsets);

      for (const KlQuery& query : divergences) {
        const Twin a = twin(p, query.p), b = twin(p, query.q);
        double kl = 0, gaps = 0, largest = 0;
        for (std::size_t v = 0; v < d_vocab; ++v) {
          kl += a.p(a.z[v]) * ((a.z[v] - a.log_z) - (b.z[v] - b.log_z));
          gaps += a.p(a.z[v]) * std::abs(a.z[v] - b.z[v]);
          largest = std::max(largest, std::abs(b.z[v]));
        }
        require_close(query.nats, std::max(0.0, kl), gaps + largest + 10);
        if (query.p == query.q) REQUIRE(query.nats == 0.0);
      }
      for (std::size_t r = 0; r < p.n; ++r) {
        const Twin t = twin(p, r);
        const double largest = std::abs(*std::ranges::max_element(t.z, {}, [](double z) { return std::abs(z); }));
        // Numbers relative to what was added up: the logits of the tile that counts.
        require_close(readings[r].log_z, t.log_z, largest + 10);
        require_close(readings[r].entropy, t.entropy, largest + 10);
        require_close(readings[r].mean_logit,
                      std::accumulate(t.z.begin(), t.z.end(), 0.0) / static_cast<double>(d_vocab), largest);

        std::vector<std::int32_t> order(d_vocab);
        std::iota(order.begin(), order.end(), 0);
        std::ranges::sort(order, {}, [&](std::int32_t v) { return std::pair(-t.z[static_cast<std::size_t>(v)], v); });
        REQUIRE(readings[r].top.size() == top);
        for (std::size_t i = 0; i < top; ++i) {
          REQUIRE(readings[r].top[i].id == order[i]);
          REQUIRE(readings[r].top[i].logit == static_cast<float>(t.z[static_cast<std::size_t>(order[i])]));
        }
        const auto place = std::ranges::find(order, ranks[r].id) - order.begin();
        REQUIRE(ranks[r].rank == place + 1);
      }
    }
}

TEST_CASE("equal logits rank by id, and the top list keeps the lowest ids") {
  const std::size_t d_vocab = 1100;  // over three tiles
  PackedMatrix W_U(1, d_vocab);
  for (std::size_t v = 0; v < d_vocab; ++v) W_U.set_column(v, std::vector<float>{v % 3 == 0 ? 2.0f : 1.0f});
  const std::vector<float> row{1.0f};
  std::vector<RankQuery> ranks{{0, 3, 2.0f}, {0, 1, 1.0f}, {0, 1098, 2.0f}};
  const auto readings = unembed({row.data(), 1, 1}, W_U, 4, ranks, {});
  for (std::size_t i = 0; i < 4; ++i) REQUIRE(readings[0].top[i].id == static_cast<std::int32_t>(3 * i));
  REQUIRE(ranks[0].rank == 2);
  REQUIRE(ranks[1].rank == 368);  // after the 367 multiples of three
  REQUIRE(ranks[2].rank == 367);
}

TEST_CASE("a row's reading has the same bits in any company") {
  const Problem p = problem(9, 40, 1030, 2.0f, 5);
  std::vector<KlQuery> divergences{{7, 2}, {0, 8}, {2, 7}};
  const auto together = unembed(p.view(), p.W_U, 5, {}, divergences);
  for (std::size_t r = 0; r < 9; ++r) {
    const auto alone = unembed(p.view().rows(r, r + 1), p.W_U, 5, {}, {});
    REQUIRE(alone[0].log_z == together[r].log_z);
    REQUIRE(alone[0].entropy == together[r].entropy);
    REQUIRE(alone[0].mean_logit == together[r].mean_logit);
    REQUIRE(alone[0].top[4].logit == together[r].top[4].logit);
  }
  std::vector<KlQuery> fewer{{0, 5}};
  (void)unembed(p.view().rows(2, 9), p.W_U, 5, {}, fewer);  // the same two rows, 2 and 7
  REQUIRE(fewer[0].nats == divergences[2].nats);
}

TEST_CASE("logits of a hundred thousand neither overflow nor give NaN") {
  const Problem p = problem(3, 8, 700, 3e4f, 6);
  std::vector<KlQuery> divergences{{0, 1}, {1, 2}, {2, 0}};
  const auto readings = unembed(p.view(), p.W_U, 3, {}, divergences);
  for (const KlQuery& query : divergences) REQUIRE(std::isfinite(query.nats));
  for (const RowReading& reading : readings) {
    REQUIRE(std::isfinite(reading.log_z));
    REQUIRE(std::isfinite(reading.entropy));
    REQUIRE(reading.entropy >= 0);
  }
}

TEST_CASE("a reading has the same bits from one thread and from several") {
  Problem p = problem(6, 24, 5000, 2.0f, 7);
  for (std::size_t v = 0; v < 5000; v += 7) {  // equal logits, in different parts
    std::vector<float> column(24);
    p.W_U.column(v % 100, column);
    p.W_U.set_column(v, column);
  }
  p.rows[5 * 24] = std::numeric_limits<float>::quiet_NaN();
  const auto read = [&](std::size_t n_thread) {
    use_threads(n_thread);
    std::vector<KlQuery> divergences{{3, 2}, {0, 4}};
    std::vector<RankQuery> ranks;
    for (const std::int32_t id : {0, 77, 2500, 4999}) ranks.push_back({1, id, logit_of(p.view().row(1), p.W_U, id)});
    const auto readings = unembed(p.view(), p.W_U, 12, ranks, divergences);
    use_threads(1);
    std::vector<double> numbers;
    for (const RowReading& reading : readings) {
      for (const double number : {reading.log_z, reading.entropy, reading.mean_logit}) numbers.push_back(number);
      for (const ScoredToken& token : reading.top) {
        numbers.push_back(token.id);
        numbers.push_back(static_cast<double>(token.logit));
      }
    }
    for (const RankQuery& query : ranks) numbers.push_back(query.rank);
    for (const KlQuery& query : divergences) numbers.push_back(query.nats);
    for (double& number : numbers)
      if (std::isnan(number)) number = -1234;
    return numbers;
  };
  const auto alone = read(1);
  for (const std::size_t n_thread : {2u, 3u, 8u}) REQUIRE(read(n_thread) == alone);
}

TEST_CASE("a token of infinite logit is found, whatever NaN stands beside it") {
  // x·W is ∞·w: ∞, −∞ or, where w is 0, NaN.
  PackedMatrix W_U(1, 1500);
  const auto set = [&](std::size_t v, float w) { W_U.set_column(v, std::vector<float>{w}); };
  for (std::size_t v = 0; v < 1500; ++v) set(v, -1);
  set(600, 1);
  set(600 + kLanes, 0);
  const float row[] = {std::numeric_limits<float>::infinity()};
  for (const std::size_t n_thread : {1u, 3u}) {
    use_threads(n_thread);
    const auto readings = unembed({row, 1, 1}, W_U, 4, {}, {});
    use_threads(1);
    REQUIRE(readings[0].top[0].id == 600);
  }
}
