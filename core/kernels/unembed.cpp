#include "kernels/unembed.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lens {
namespace {

// Columns of W_U per tile: with 64 rows the tile's logits take 128 KiB, half a second-level cache.
constexpr std::size_t kTile = 512;
static_assert(kTile % kPanel == 0);

// What one tile, or several merged ones, know about a row. Sums of exponentials are relative to `max`, those of the
// reference row to `ref_max`, so nothing overflows however large the logits are.
struct Partial {
  double max;              // max_v z_v
  double sum_exp;          // Σ exp(z_v − max)
  double sum_exp_z;        // Σ exp(z_v − max) (z_v − max)
  double sum_z;            // Σ z_v
  double ref_max;          // max_v ref_v
  double ref_sum_exp;      // Σ exp(ref_v − ref_max)
  double ref_sum_exp_gap;  // Σ exp(ref_v − ref_max) (ref_v − z_v)
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
  m.ref_max = std::max(a.ref_max, b.ref_max);
  const double ref_a = std::exp(a.ref_max - m.ref_max), ref_b = std::exp(b.ref_max - m.ref_max);
  m.ref_sum_exp = ref_a * a.ref_sum_exp + ref_b * b.ref_sum_exp;
  m.ref_sum_exp_gap = ref_a * a.ref_sum_exp_gap + ref_b * b.ref_sum_exp_gap;
  return m;
}

// Pairwise over [begin, end): the error grows with the logarithm of the number of tiles, and the shape of the tree
// depends on nothing but that number. partials[tile * n_row + row].
Partial merge_tiles(std::span<const Partial> partials, std::size_t n_row, std::size_t row, std::size_t begin,
                    std::size_t end) {
  if (end - begin == 1) return partials[begin * n_row + row];
  const std::size_t middle = begin + (end - begin) / 2;
  return merge(merge_tiles(partials, n_row, row, begin, middle), merge_tiles(partials, n_row, row, middle, end));
}

float max_of(std::span<const float> z) {
  Vec max(z[0]);
  for_each_vec(z, z[0], [&](Vec v, std::size_t) { max = xsimd::max(max, v); });
  return xsimd::reduce_max(max);
}

Partial reduce_tile(std::span<const float> z, float max, std::span<const float> ref, float ref_max) {
  Vec sum_exp(0.0f), sum_exp_z(0.0f), sum_z(0.0f), ref_sum_exp(0.0f), ref_sum_exp_gap(0.0f);
  const auto fold = [&](Vec z_v, Vec ref_v, xsimd::batch_bool<float> inside) {
    const Vec zero(0.0f);
    const Vec shifted = z_v - max;
    const Vec e = xsimd::select(inside, xsimd::exp(shifted), zero);
    const Vec ref_e = xsimd::select(inside, xsimd::exp(ref_v - ref_max), zero);
    sum_exp += e;
    sum_exp_z += e * shifted;
    sum_z += xsimd::select(inside, z_v, zero);
    ref_sum_exp += ref_e;
    ref_sum_exp_gap += ref_e * (ref_v - z_v);
  };
  const xsimd::batch_bool<float> all(true);
  std::size_t i = 0;
  for (; i + kLanes <= z.size(); i += kLanes) fold(Vec::load_unaligned(&z[i]), Vec::load_unaligned(&ref[i]), all);
  if (i < z.size()) {
    float z_pad[kLanes], ref_pad[kLanes], lane[kLanes];
    for (std::size_t j = 0; j < kLanes; ++j) {
      const bool inside = i + j < z.size();
      z_pad[j] = inside ? z[i + j] : max;
      ref_pad[j] = inside ? ref[i + j] : ref_max;
      lane[j] = inside ? 1.0f : 0.0f;
    }
    fold(Vec::load_unaligned(z_pad), Vec::load_unaligned(ref_pad), Vec::load_unaligned(lane) > Vec(0.5f));
  }
  return {max,     xsimd::reduce_add(sum_exp),     xsimd::reduce_add(sum_exp_z),      xsimd::reduce_add(sum_z),
          ref_max, xsimd::reduce_add(ref_sum_exp), xsimd::reduce_add(ref_sum_exp_gap)};
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

std::vector<RowReading> unembed(MatrixView<const float> rows, std::span<const std::size_t> reference,
                                const PackedMatrix& W_U, std::size_t top, std::span<RankQuery> ranks) {
  assert(reference.size() == rows.n_row && top <= W_U.n_out());
  const std::size_t n_row = rows.n_row, d_vocab = W_U.n_out();
  const std::size_t n_tile = (d_vocab + kTile - 1) / kTile;
  std::vector<float> logits(n_row * kTile);
  std::vector<float> max(n_row);
  std::vector<Partial> partials(n_tile * n_row);
  std::vector<TopTokens> best(n_row, TopTokens(top));
  for (RankQuery& query : ranks) query.rank = 1;

  for (std::size_t tile = 0; tile < n_tile; ++tile) {
    const std::size_t first = tile * kTile, last = std::min(first + kTile, d_vocab);
    for (std::size_t p = first / kPanel; p * kPanel < last; ++p)
      panel_product(rows, W_U, p, logits.data() + (p * kPanel - first), kTile);
    const auto z = [&](std::size_t r) { return std::span<const float>(logits.data() + r * kTile, last - first); };

    for (std::size_t r = 0; r < n_row; ++r) max[r] = max_of(z(r));
    for (std::size_t r = 0; r < n_row; ++r) {
      const std::size_t ref = reference[r];
      partials[tile * n_row + r] = reduce_tile(z(r), max[r], z(ref), max[ref]);
      best[r].offer_tile(z(r), first);
    }
    for (RankQuery& query : ranks) {
      const auto row = z(query.row);
      for (std::size_t i = 0; i < row.size(); ++i)
        query.rank +=
            row[i] > query.logit || (row[i] == query.logit && static_cast<std::int32_t>(first + i) < query.id);
    }
  }

  std::vector<RowReading> readings(n_row);
  for (std::size_t r = 0; r < n_row; ++r) {
    const Partial sum = merge_tiles(partials, n_row, r, 0, n_tile);
    RowReading& reading = readings[r];
    reading.top = best[r].take();
    const double ln_sum = std::log(sum.sum_exp);
    reading.log_z = sum.max + ln_sum;
    reading.mean_logit = sum.sum_z / static_cast<double>(d_vocab);
    // H = ln Z − E[z], both relative to the maximum. Rounding may leave less than 0; NaN stays NaN.
    reading.entropy = std::max(ln_sum - sum.sum_exp_z / sum.sum_exp, 0.0);
    // KL = E_ref[ref − z] − ln Z_ref + ln Z. Against itself every gap and the difference of the ln Z is exactly 0.
    const double ref_log_z = sum.ref_max + std::log(sum.ref_sum_exp);
    reading.kl = std::max(sum.ref_sum_exp_gap / sum.ref_sum_exp - ref_log_z + reading.log_z, 0.0);
  }
  return readings;
}

float logit_of(std::span<const float> row, const PackedMatrix& W_U, std::int32_t id) {
  float panel[kPanel];
  const auto column = static_cast<std::size_t>(id);
  panel_product({row.data(), 1, row.size()}, W_U, column / kPanel, panel, kPanel);
  return panel[column % kPanel];
}

}  // namespace lens
