#include "kernels/unembed.h"

#include <algorithm>
#include <cmath>
#include <limits>

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
  Vec sum_exp(0.0f), sum_exp_z(0.0f), sum_z(0.0f);
  const auto fold = [&](Vec z_v, std::size_t i, xsimd::batch_bool<float> inside) {
    const Vec zero(0.0f);
    const Vec shifted = z_v - max;
    const Vec e = xsimd::select(inside, xsimd::exp(shifted), zero);
    e.store_unaligned(exps + i);
    sum_exp += e;
    sum_exp_z += e * shifted;
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
    sum += Vec::load_unaligned(exps + i) * (Vec::load_unaligned(p + i) - Vec::load_unaligned(q + i));
  return xsimd::reduce_add(sum);
}

// Keeps the `capacity` best, best first. Tokens come in order of id, so an equal later one loses its tie by being
// compared with `>` alone.
class TopTokens {
 public:
  explicit TopTokens(std::size_t capacity) : capacity_(capacity) { tokens_.reserve(capacity + 1); }

  void offer_tile(std::span<const float> z, std::size_t first_id) {
    for_each_vec(z, -std::numeric_limits<float>::infinity(), [&](Vec v, std::size_t i) {
      if (full() && !xsimd::any(v > Vec(worst_))) return;
      const std::size_t end = std::min(i + kLanes, z.size());
      for (std::size_t j = i; j < end; ++j) offer(static_cast<std::int32_t>(first_id + j), z[j]);
    });
  }

  std::vector<ScoredToken> take() { return std::move(tokens_); }

 private:
  // The first tokens are kept whatever their logits, so that a row whose numbers overflowed has its list too.
  bool full() const { return tokens_.size() == capacity_; }

  void offer(std::int32_t id, float logit) {
    if (full() && !(logit > worst_)) return;
    const auto place = std::upper_bound(tokens_.begin(), tokens_.end(), logit,
                                        [](float value, const ScoredToken& t) { return value > t.logit; });
    tokens_.insert(place, {id, logit});
    if (tokens_.size() > capacity_) tokens_.pop_back();
    if (full()) worst_ = tokens_.back().logit;
  }

  std::size_t capacity_;
  float worst_ = -std::numeric_limits<float>::infinity();
  std::vector<ScoredToken> tokens_;
};

}  // namespace

std::vector<RowReading> unembed(MatrixView<const float> rows, const PackedMatrix& W_U, std::size_t top,
                                std::span<RankQuery> ranks, std::span<KlQuery> divergences) {
  assert(top <= W_U.n_out());
  const std::size_t n_row = rows.n_row, d_vocab = W_U.n_out();
  const std::size_t n_tile = (d_vocab + kTile - 1) / kTile;
  const GroupedRows grouped(rows);
  std::vector<float> logits(n_row * kTile), exps(n_row * kTile);
  std::vector<Partial> partials(n_tile * n_row);
  std::vector<Gap> gaps(n_tile * divergences.size());
  std::vector<TopTokens> best(n_row, TopTokens(top));
  for (RankQuery& query : ranks) query.rank = 1;

  for (std::size_t tile = 0; tile < n_tile; ++tile) {
    const std::size_t first = tile * kTile, last = std::min(first + kTile, d_vocab);
    panel_products(grouped, W_U, 0, first / kPanel, (last + kPanel - 1) / kPanel, logits.data(), kTile);
    const auto z = [&](std::size_t r) { return std::span<const float>(logits.data() + r * kTile, last - first); };

    for (std::size_t r = 0; r < n_row; ++r) {
      partials[tile * n_row + r] = reduce_tile(z(r), exps.data() + r * kTile);
      best[r].offer_tile(z(r), first);
    }
    for (std::size_t i = 0; i < divergences.size(); ++i) {
      const auto [p, q, nats] = divergences[i];
      gaps[tile * divergences.size() + i] = {
          partials[tile * n_row + p].max,
          gap_of(exps.data() + p * kTile, logits.data() + p * kTile, logits.data() + q * kTile, last - first)};
    }
    for (RankQuery& query : ranks) {
      const auto row = z(query.row);
      for (std::size_t i = 0; i < row.size(); ++i)
        query.rank +=
            row[i] > query.logit || (row[i] == query.logit && static_cast<std::int32_t>(first + i) < query.id);
    }
  }

  std::vector<RowReading> readings(n_row);
  std::vector<double> sum_exp(n_row);
  for (std::size_t r = 0; r < n_row; ++r) {
    const Partial sum = merge_tiles(partials, n_row, r, 0, n_tile);
    RowReading& reading = readings[r];
    reading.top = best[r].take();
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
    const double gap = merge_tiles(gaps, divergences.size(), i, 0, n_tile).sum;
    query.nats = std::max(gap / sum_exp[query.p] - readings[query.p].log_z + readings[query.q].log_z, 0.0);
  }
  return readings;
}

float logit_of(std::span<const float> row, const PackedMatrix& W_U, std::int32_t id) {
  float panel[kPanel];
  const auto column = static_cast<std::size_t>(id);
  panel_products(GroupedRows({row.data(), 1, row.size()}), W_U, 0, column / kPanel, column / kPanel + 1, panel, kPanel);
  return panel[column % kPanel];
}

}  // namespace lens
