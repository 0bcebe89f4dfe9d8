#include "kernels/unembed.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "kernels/exp.h"

namespace lens {
namespace {

// Columns of W_U per tile: with 64 rows the tile's logits take 128 KiB, half a second-level cache.
constexpr std::size_t kTile = 512;
static_assert(kTile % kPanel == 0);

// What one tile, or several merged ones, know about a row. Sums of exponentials are relative to `max`, so nothing
// overflows however large the logits are.
struct Partial {
  double max;        // max_v z_v
  double sum_exp;    // Σ exp(z_v − max)
  double sum_exp_z;  // Σ exp(z_v − max) (z_v − max)
  double sum_z;      // Σ z_v
};

// And about two rows, p and q.
struct Gap {
  double max;  // max_v p_v
  double sum;  // Σ exp(p_v − max) (p_v − q_v)
};

Partial merge(const Partial& a, const Partial& b) {
  Partial m;
  m.max = std::max(a.max, b.max);
  const double down_a = a.max - m.max, scale_a = std::exp(down_a);
  const double down_b = b.max - m.max, scale_b = std::exp(down_b);
  m.sum_exp = scale_a * a.sum_exp + scale_b * b.sum_exp;
  // (z − max) = (z − a.max) + (a.max − max)
  m.sum_exp_z = scale_a * (a.sum_exp_z + down_a * a.sum_exp) + scale_b * (b.sum_exp_z + down_b * b.sum_exp);
  m.sum_z = a.sum_z + b.sum_z;
  return m;
}

Gap merge(const Gap& a, const Gap& b) {
  const double max = std::max(a.max, b.max);
  return {max, std::exp(a.max - max) * a.sum + std::exp(b.max - max) * b.sum};
}

// Tiles [begin, end) of one of n things, partials[tile * n + which]. Pairwise: the error grows with the logarithm of
// the number of tiles, and the shape of the tree depends on nothing but that number.
template <class T>
T merge_tiles(const std::vector<T>& partials, std::size_t n, std::size_t which, std::size_t begin, std::size_t end) {
  if (end - begin == 1) return partials[begin * n + which];
  const std::size_t middle = begin + (end - begin) / 2;
  return merge(merge_tiles(partials, n, which, begin, middle), merge_tiles(partials, n, which, middle, end));
}

float max_of(std::span<const float> z) {
  Vec max(z[0]);
  for_each_vec(z, z[0], [&](Vec v, std::size_t) { max = xsimd::max(max, v); });
  return xsimd::reduce_max(max);
}

// exps[v] = exp(z_v − max), and 0 up to the next whole vector.
Partial reduce_tile(std::span<const float> z, float* exps) {
  const float max = max_of(z);
  const ExpNotAbove0 exponential;
  const Vec zero = held(0.0f);
  Vec sum_exp = zero, sum_exp_z = zero, sum_z = zero;
  const auto fold = [&](Vec z_v, std::size_t i, xsimd::batch_bool<float> inside) {
    const Vec shifted = z_v - max;
    const Vec e = xsimd::select(inside, exponential(shifted), zero);
    e.store_unaligned(exps + i);
    sum_exp += e;
    sum_exp_z = madd(e, shifted, sum_exp_z);
    sum_z += xsimd::select(inside, z_v, zero);
  };
  const xsimd::batch_bool<float> all(true);
  std::size_t i = 0;
  for (; i + kLanes <= z.size(); i += kLanes) fold(Vec::load_unaligned(&z[i]), i, all);
  if (i < z.size()) {
    float padded[kLanes], lane[kLanes];
    for (std::size_t j = 0; j < kLanes; ++j) {
      const bool inside = i + j < z.size();
      padded[j] = inside ? z[i + j] : max;
      lane[j] = inside ? 1.0f : 0.0f;
    }
    fold(Vec::load_unaligned(padded), i, Vec::load_unaligned(lane) > Vec(0.5f));
  }
  return {max, xsimd::reduce_add(sum_exp), xsimd::reduce_add(sum_exp_z), xsimd::reduce_add(sum_z)};
}

// Σ exps_v (p_v − q_v) over n values. All three go on to a whole vector: exps with 0, the logits with what the panels'
// zero columns gave.
float gap_of(const float* exps, const float* p, const float* q, std::size_t n) {
  Vec sum(0.0f);
  for (std::size_t i = 0; i < n; i += kLanes)
    sum = madd(Vec::load_unaligned(exps + i), Vec::load_unaligned(p + i) - Vec::load_unaligned(q + i), sum);
  return xsimd::reduce_add(sum);
}

// z += offset
void add(std::span<const float> offset, float* z) {
  std::size_t i = 0;
  for (; i + kLanes <= offset.size(); i += kLanes)
    (Vec::load_unaligned(z + i) + Vec::load_unaligned(&offset[i])).store_unaligned(z + i);
  for (; i < offset.size(); ++i) z[i] += offset[i];
}

// How many of z are above `logit`, or `at_least` as much.
std::int32_t count_above(std::span<const float> z, float logit, bool at_least) {
  using Ints = xsimd::batch<std::int32_t>;
  Ints count(0);
  const Vec limit(logit);
  std::size_t i = 0;
  for (; i + kLanes <= z.size(); i += kLanes) {
    const Vec v = Vec::load_unaligned(&z[i]);
    const auto above = at_least ? v >= limit : v > limit;
    count += xsimd::select(xsimd::batch_bool_cast<std::int32_t>(above), Ints(1), Ints(0));
  }
  std::int32_t total = xsimd::reduce_add(count);
  for (; i < z.size(); ++i) total += at_least ? z[i] >= logit : z[i] > logit;
  return total;
}

// Keeps the `capacity` best, best first, ties to the lower id: tokens come in order of id, so an equal later one loses
// by being compared with `>` alone. NaN is worse than any number.
class TopTokens {
 public:
  explicit TopTokens(std::size_t capacity) : capacity_(capacity) { tokens_.reserve(capacity + 1); }

  void offer_tile(std::span<const float> z, std::size_t first_id) {
    for_each_vec(z, -std::numeric_limits<float>::infinity(), [&](Vec v, std::size_t i) {
      if (full() && !xsimd::any(v > Vec(worst_))) return;
      const std::size_t end = std::min(i + kLanes, z.size());
      for (std::size_t j = i; j < end; ++j) offer({static_cast<std::int32_t>(first_id + j), z[j]});
    });
  }

  // Those of a part of the vocabulary that comes after all that was offered.
  void offer_all(const TopTokens& later) {
    for (const ScoredToken& token : later.tokens_) offer(token);
  }

  std::vector<ScoredToken> take() { return std::move(tokens_); }

 private:
  static float worth(float logit) { return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit; }

  // The first tokens are kept whatever their logits, so that a row whose numbers overflowed has its list too.
  bool full() const { return tokens_.size() == capacity_; }

  void offer(ScoredToken token) {
    if (full() && !(token.logit > worst_)) return;
    const auto place = std::upper_bound(tokens_.begin(), tokens_.end(), worth(token.logit),
                                        [](float value, const ScoredToken& t) { return value > worth(t.logit); });
    tokens_.insert(place, token);
    if (tokens_.size() > capacity_) tokens_.pop_back();
    if (full()) worst_ = worth(tokens_.back().logit);
  }

  std::size_t capacity_;
  float worst_ = -std::numeric_limits<float>::infinity();
  std::vector<ScoredToken> tokens_;
};

// What is found tile by tile.
struct Found {
  std::vector<Partial> partials;  // [n_tile, n_row]
  std::vector<Gap> gaps;          // [n_tile, n_divergence]
};

// One thread's share: some tiles, one after the other, and the room they need.
class Part {
 public:
  Part(std::size_t n_row, std::size_t top, std::size_t n_rank)
      : best(n_row, TopTokens(top)), ranks(n_rank, 0), logits_(n_row * kTile), exps_(n_row * kTile) {}

  void read_tile(const GroupedRows& rows, const PackedMatrix& W_U, std::size_t tile, std::span<const RankQuery> queries,
                 std::span<const KlQuery> divergences, std::span<const float* const> offsets, Found& found) {
    const std::size_t n_row = rows.n_row();
    const std::size_t first = tile * kTile, last = std::min(first + kTile, W_U.n_out());
    panel_products(rows, W_U, first / kPanel, (last + kPanel - 1) / kPanel, logits_.data(), kTile);
    for (std::size_t r = 0; r < offsets.size(); ++r)
      if (offsets[r]) add({offsets[r] + first, last - first}, logits_.data() + r * kTile);
    const auto z = [&](std::size_t r) { return std::span<const float>(logits_.data() + r * kTile, last - first); };

    for (std::size_t r = 0; r < n_row; ++r) {
      found.partials[tile * n_row + r] = reduce_tile(z(r), exps_.data() + r * kTile);
      best[r].offer_tile(z(r), first);
    }
    for (std::size_t i = 0; i < divergences.size(); ++i) {
      const auto [p, q, nats] = divergences[i];
      found.gaps[tile * divergences.size() + i] = {
          found.partials[tile * n_row + p].max,
          gap_of(exps_.data() + p * kTile, logits_.data() + p * kTile, logits_.data() + q * kTile, last - first)};
    }
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const RankQuery& query = queries[i];
      // Before its id an equal logit counts too.
      const auto id = static_cast<std::size_t>(query.id);
      const std::size_t before = std::clamp(id, first, last) - first;
      ranks[i] += count_above(z(query.row).first(before), query.logit, true) +
                  count_above(z(query.row).subspan(before), query.logit, false);
    }
  }

  std::vector<TopTokens> best;      // [n_row]
  std::vector<std::int32_t> ranks;  // [n_rank], tokens found before each query's

 private:
  std::vector<float> logits_, exps_;  // [n_row, kTile]
};

}  // namespace

std::vector<RowReading> unembed(MatrixView<const float> rows, const PackedMatrix& W_U, std::size_t top,
                                std::span<RankQuery> ranks, std::span<KlQuery> divergences,
                                std::span<const float* const> offsets) {
  assert(top <= W_U.n_out() && (offsets.empty() || offsets.size() == rows.n_row));
  const std::size_t n_row = rows.n_row, d_vocab = W_U.n_out();
  const std::size_t n_tile = (d_vocab + kTile - 1) / kTile;
  const GroupedRows grouped(rows, W_U);
  Found found{std::vector<Partial>(n_tile * n_row), std::vector<Gap>(n_tile * divergences.size())};

  // More parts than threads, so that none waits long for the last; nothing found hangs on how many there are.
  const std::size_t n_part = threads() == 1 ? 1 : std::min(n_tile, 4 * threads());
  std::vector<Part> parts(n_part, Part(n_row, top, ranks.size()));
  parallel_for(n_part, [&](std::size_t i) {
    for (std::size_t tile = i * n_tile / n_part; tile < (i + 1) * n_tile / n_part; ++tile)
      parts[i].read_tile(grouped, W_U, tile, ranks, divergences, offsets, found);
  });
  for (std::size_t i = 1; i < n_part; ++i) {
    for (std::size_t r = 0; r < n_row; ++r) parts[0].best[r].offer_all(parts[i].best[r]);
    for (std::size_t q = 0; q < ranks.size(); ++q) parts[0].ranks[q] += parts[i].ranks[q];
  }
  for (std::size_t q = 0; q < ranks.size(); ++q) ranks[q].rank = 1 + parts[0].ranks[q];

  std::vector<RowReading> readings(n_row);
  std::vector<double> sum_exp(n_row);
  for (std::size_t r = 0; r < n_row; ++r) {
    const Partial sum = merge_tiles(found.partials, n_row, r, 0, n_tile);
    RowReading& reading = readings[r];
    reading.top = parts[0].best[r].take();
    sum_exp[r] = sum.sum_exp;
    const double ln_sum = std::log(sum.sum_exp);
    reading.log_z = sum.max + ln_sum;
    reading.mean_logit = sum.sum_z / static_cast<double>(d_vocab);
    // H = ln Z − E[z], both relative to the maximum. Rounding may leave less than 0; NaN stays NaN.
    reading.entropy = std::max(ln_sum - sum.sum_exp_z / sum.sum_exp, 0.0);
  }
  for (std::size_t i = 0; i < divergences.size(); ++i) {
    // KL = E_p[p − q] − ln Z_p + ln Z_q. Of a row from itself every gap and the difference of the ln Z is exactly 0.
    KlQuery& query = divergences[i];
    const double gap = merge_tiles(found.gaps, divergences.size(), i, 0, n_tile).sum;
    query.nats = std::max(gap / sum_exp[query.p] - readings[query.p].log_z + readings[query.q].log_z, 0.0);
  }
  return readings;
}

float logit_of(std::span<const float> row, const PackedMatrix& W_U, std::int32_t id) {
  float panel[kPanel];
  const auto column = static_cast<std::size_t>(id);
  panel_products(GroupedRows({row.data(), 1, row.size()}, W_U), W_U, column / kPanel, column / kPanel + 1, panel,
                 kPanel);
  return panel[column % kPanel];
}

}  // namespace lens
