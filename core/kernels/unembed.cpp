#include "kernels/unembed.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/parallel.h"
#include "kernels/exp.h"
#include "kernels/top_tokens.h"

namespace lens {
namespace {

// Columns of W_U per tile: with 64 rows the tile's logits take 128 KiB, half a second-level cache.
constexpr std::size_t kTile = 512;
static_assert(kTile % kPanel == 0);

// And about two rows, p and q.
struct Gap {
  double max;  // max_v p_v
  double sum;  // Σ exp(p_v − max) (p_v − q_v)
};

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
  const auto fold = [&](Vec z_v, std::size_t i, auto inside) {
    const Vec shifted = z_v - max;
    const Vec e = inside(exponential(shifted));
    e.store_unaligned(exps + i);
    sum_exp += e;
    sum_exp_z = madd(e, shifted, sum_exp_z);
    sum_z += inside(z_v);
  };
  std::size_t i = 0;
  for (; i + kLanes <= z.size(); i += kLanes) fold(Vec::load_unaligned(&z[i]), i, [](Vec v) { return v; });
  if (i < z.size()) {
    float padded[kLanes], lane[kLanes];
    for (std::size_t j = 0; j < kLanes; ++j) {
      const bool inside = i + j < z.size();
      padded[j] = inside ? z[i + j] : max;
      lane[j] = inside ? 1.0f : 0.0f;
    }
    fold(Vec::load_unaligned(padded), i,
         [&](Vec v) { return xsimd::select(Vec::load_unaligned(lane) > Vec(0.5f), v, zero); });
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
  Ints less(0);  // a lane that is above has all bits set, which is −1
  const Vec limit(logit);
  std::size_t i = 0;
  const auto count = [&](auto is_above) {
    for (; i + kLanes <= z.size(); i += kLanes) {
      const Vec above = xsimd::bitwise_cast<float>(is_above(Vec::load_unaligned(&z[i])));
      less += xsimd::bitwise_cast<std::int32_t>(above);
    }
  };
  if (at_least)
    count([&](Vec v) { return v >= limit; });
  else
    count([&](Vec v) { return v > limit; });
  std::int32_t total = -xsimd::reduce_add(less);
  for (; i < z.size(); ++i) total += at_least ? z[i] >= logit : z[i] > logit;
  return total;
}

// Rows as they meet W_U: as they are, or through a screen.
class Logits {
 public:
  Logits(MatrixView<const float> rows, const PackedMatrix& W_U, std::span<const float* const> offsets,
         const Screen* screen, KeptLogits* kept)
      : rows_(rows), W_U_(W_U), offsets_(offsets), screen_(screen) {
    if (kept && kept->n_row > 0) known_ = kept;
    if (kept && kept->n_row == 0) {
      to_keep_ = kept;
      kept->n_row = rows.n_row;
      kept->values.resize((W_U.n_out() + kTile - 1) / kTile * rows.n_row * kTile);
    }
    if (screen)
      screened_.emplace(rows, W_U, *screen);
    else
      grouped_.emplace(rows, W_U);
  }

  std::size_t n_row() const { return rows_.n_row; }
  std::size_t d_vocab() const { return W_U_.n_out(); }
  const Screen* screen() const { return screen_; }
  const Screen::Rows& screened() const { return *screened_; }

  // The tile's tokens first … last of all rows: out[r * kTile + v − first], to the end of a panel.
  void tile(std::size_t which, std::size_t first, std::size_t last, float* out) const {
    const std::size_t begin = first / kPanel, end = (last + kPanel - 1) / kPanel, n_known = known_ ? known_->n_row : 0;
    if (screen_)
      screened_->logits(begin, end, out, kTile, n_known);
    else
      panel_products(*grouped_, W_U_, begin, end, out, kTile, n_known);
    for (std::size_t r = n_known; r < offsets_.size(); ++r)
      if (offsets_[r]) add({offsets_[r] + first, last - first}, out + r * kTile);
    if (known_) std::copy_n(known_->values.begin() + start_of(which, n_known), n_known * kTile, out);
    if (to_keep_) std::copy_n(out, n_row() * kTile, to_keep_->values.begin() + start_of(which, n_row()));
  }

  float offset(const Place& place) const {
    return offsets_.empty() || !offsets_[place.row] ? 0 : offsets_[place.row][place.column];
  }
  // As they are without a screen.
  std::vector<float> true_logits(std::span<const Place> places) const {
    std::vector<float> logits(places.size());
    products_at(rows_, W_U_, places, logits.data());
    if (!offsets_.empty())
      for (std::size_t i = 0; i < places.size(); ++i) logits[i] += offset(places[i]);
    return logits;
  }

 private:
  // Where a tile begins in KeptLogits.
  static std::ptrdiff_t start_of(std::size_t tile, std::size_t n_row) {
    return static_cast<std::ptrdiff_t>(tile * n_row * kTile);
  }

  MatrixView<const float> rows_;
  const PackedMatrix& W_U_;
  std::span<const float* const> offsets_;
  const Screen* screen_;
  const KeptLogits* known_ = nullptr;
  KeptLogits* to_keep_ = nullptr;  // each tile by whoever reads it
  std::optional<GroupedRows> grouped_;
  std::optional<Screen::Rows> screened_;
};

// What is found tile by tile.
struct Found {
  std::vector<Partial> partials;  // [n_tile, n_row]
  std::vector<Gap> gaps;          // [n_tile, n_divergence]
};

// What is asked of the rows, in the order in which a tile can answer it: of a row while it is in the cache.
struct Asked {
  Asked(std::size_t n_row, std::span<const RankQuery> ranks_, std::span<const KlQuery> divergences_)
      : ranks(ranks_), divergences(divergences_), ranks_of(n_row), gaps_of(n_row), exps_of(n_row, kNone) {
    for (std::size_t i = 0; i < ranks.size(); ++i) ranks_of[ranks[i].row].push_back(i);
    for (std::size_t i = 0; i < divergences.size(); ++i) {
      const auto [p, q, nats] = divergences[i];
      gaps_of[std::max(p, q)].push_back(i);
      if (exps_of[p] == kNone) exps_of[p] = n_exps++;
    }
    std::ranges::replace(exps_of, kNone, n_exps++);
  }

  std::span<const RankQuery> ranks;
  std::span<const KlQuery> divergences;
  std::vector<std::vector<std::size_t>> ranks_of, gaps_of;  // by row, of two the later one: indices into these
  std::vector<std::size_t> exps_of;  // [n_row]: where a row's are kept; those of no p, in one place
  std::size_t n_exps = 0;

 private:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
};

// One thread's share: some tiles, in rising order, and the room they need.
class Part {
 public:
  Part(const Logits& logits, std::size_t top, const Asked& asked)
      : ranks(asked.ranks.size(), 0), logits_(logits.n_row() * kTile), exps_(asked.n_exps * kTile) {
    for (std::size_t r = 0; r < logits.n_row(); ++r)
      if (logits.screen())
        candidates.emplace_back(*logits.screen(), logits.screened().bound(r), logits.screened().variance(r), top);
      else
        best.emplace_back(top);
  }

  void read_tile(const Logits& logits, std::size_t tile, const Asked& asked, Found& found) {
    const std::size_t n_row = logits.n_row();
    const std::size_t first = tile * kTile, last = std::min(first + kTile, logits.d_vocab());
    logits.tile(tile, first, last, logits_.data());
    const auto exps_of = [&](std::size_t r) { return exps_.data() + asked.exps_of[r] * kTile; };

    for (std::size_t r = 0; r < n_row; ++r) {
      const std::span<const float> z(logits_.data() + r * kTile, last - first);
      Partial& sum = found.partials[tile * n_row + r] = reduce_tile(z, exps_of(r));
      if (logits.screen())
        candidates[r].offer_tile(z, first, sum);
      else
        best[r].offer_tile(z, first, sum);
      for (const std::size_t i : asked.gaps_of[r]) {
        const auto [p, q, nats] = asked.divergences[i];
        found.gaps[tile * asked.divergences.size() + i] = {
            found.partials[tile * n_row + p].max,
            gap_of(exps_of(p), logits_.data() + p * kTile, logits_.data() + q * kTile, last - first)};
      }
      for (const std::size_t i : asked.ranks_of[r]) {
        const RankQuery& query = asked.ranks[i];
        // Before its id an equal logit counts too. Its own does not, whatever a screen makes of it.
        const auto id = static_cast<std::size_t>(query.id);
        const std::size_t before = std::clamp(id, first, last) - first, after = std::clamp(id + 1, first, last) - first;
        ranks[i] += count_above(z.first(before), query.logit, true) + count_above(z.subspan(after), query.logit, false);
      }
    }
  }

  std::vector<TopTokens> best;         // [n_row], without a screen
  std::vector<Candidates> candidates;  // [n_row], behind one
  std::vector<std::int32_t> ranks;     // [n_rank], tokens found before each query's

 private:
  std::vector<float> logits_;  // [n_row, kTile]
  std::vector<float> exps_;    // [n_exps, kTile]
};

// The tokens of a row that its screen had scored again, the best first.
struct Scored {
  std::vector<ScoredToken> tokens;
  std::vector<float> screened;  // their logits as the screen has them
};

// part(r) for each row: what is done with a row's kScored tokens takes about so many multiply-adds.
template <class F>
void each_row(std::size_t n_row, F part) {
  parallel_ranges(n_row, 50.0 * kScored, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) part(r);
  });
}

std::vector<Scored> score_again(const Logits& logits, std::span<Candidates> candidates, std::span<const Partial> sums) {
  std::vector<Scored> scored(candidates.size());
  each_row(scored.size(), [&](std::size_t r) {
    const auto settled = candidates[r].settle(sums[r]);
    scored[r].tokens.assign(settled.begin(), settled.end());
  });
  std::vector<Place> places;  // row by row
  std::vector<std::size_t> first{0};
  for (std::size_t r = 0; r < scored.size(); ++r) {
    for (const ScoredToken& token : scored[r].tokens) places.push_back({r, static_cast<std::size_t>(token.id)});
    first.push_back(places.size());
  }
  const std::vector<float> found = logits.true_logits(places);
  each_row(scored.size(), [&](std::size_t r) {
    auto& [tokens, screened] = scored[r];
    std::vector<std::pair<ScoredToken, float>> both;
    for (std::size_t i = 0; i < tokens.size(); ++i)
      both.push_back({{tokens[i].id, found[first[r] + i]}, tokens[i].logit});
    // Ties to the lower id.
    std::ranges::sort(both, {}, [](const auto& b) { return std::pair(-worth(b.first.logit), b.first.id); });
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = both[i].first;
      screened.push_back(both[i].second);
    }
  });
  return scored;
}

// Puts the scored tokens' true logits into a row's sums, and takes from the rest what rounding adds on average: with
// errors of variance s² that do not hang on z, E[exp(z + ε)] = exp(z + s²/2) and E[(z + ε) exp(z + ε)] = (z + s²) exp(z + s²/2).
void put_right(Partial& sum, const Scored& scored, double variance) {
  double exps = 0, exps_z = 0;
  for (std::size_t i = 0; i < scored.tokens.size(); ++i) {
    const double z = scored.tokens[i].logit - sum.max, screened = scored.screened[i] - sum.max;
    exps += std::exp(z);
    exps_z += std::exp(z) * z;
    sum.sum_exp -= std::exp(screened);
    sum.sum_exp_z -= std::exp(screened) * screened;
    sum.sum_z += z - screened;
  }
  const double less = std::exp(-variance / 2), rest = std::max(sum.sum_exp, 0.0) * less;
  sum.sum_exp_z = sum.sum_exp_z * less - variance * rest + exps_z;
  sum.sum_exp = rest + exps;
}

// A token of p whose gap to q is worth scoring again holds at least so much of the probability.
constexpr double kWorthAGap = 1e-4;

// Puts true logits into gaps, too, and takes from the rest what rounding adds. `screened` and `right` are the rows' sums
// before and after.
void put_right(std::span<Gap> gaps, const Logits& logits, std::span<const KlQuery> divergences,
               std::span<const Scored> scored, std::span<const Partial> screened, std::span<const Partial> right) {
  // Of query i the first n_asked[i] tokens of p, whose logits in q stand from first[i] on.
  std::vector<std::size_t> n_asked, first;
  std::vector<Place> places;
  for (const auto& [p, q, nats] : divergences) {
    first.push_back(places.size());
    for (const ScoredToken& token : scored[p].tokens) {
      if (std::exp(token.logit - right[p].max) < kWorthAGap * right[p].sum_exp) break;
      places.push_back({q, static_cast<std::size_t>(token.id)});
    }
    n_asked.push_back(places.size() - first.back());
  }
  const std::vector<float> q_logits = logits.true_logits(places);

  each_row(gaps.size(), [&](std::size_t i) {
    const auto [p, q, nats] = divergences[i];
    if (p == q) {
      gaps[i].sum = 0;
      return;
    }
    const double max = gaps[i].max;
    double exps = 0, found = 0;
    for (std::size_t t = 0; t < n_asked[i]; ++t) {
      const Place& place = places[first[i] + t];
      const float logit = scored[p].tokens[t].logit, screened_p = scored[p].screened[t];
      const float screened_q = logits.screened().logit(q, place.column) + logits.offset(place);
      const double was = std::exp(screened_p - max);
      exps += was;
      gaps[i].sum -= was * (screened_p - screened_q);
      found += std::exp(logit - max) * (logit - q_logits[first[i] + t]);
    }
    // E[(ε_p − ε_q) exp(ε_p)] = (s_p² − cov(ε_p, ε_q)) exp(s_p²/2)
    const double variance = logits.screened().variance(p), rest = std::max(screened[p].sum_exp - exps, 0.0);
    const double apart = variance - logits.screened().covariance(p, q);
    gaps[i].sum = (gaps[i].sum - apart * rest) * std::exp(-variance / 2) + found;
  });
}

// Errors beyond that are too large for what put_right takes from the rest; a row without numbers has none that is less.
constexpr double kMostVariance = 0.05;

// Reads anew the rows that are open and what was asked of them.
void read_without_screen(const std::vector<bool>& is_open, MatrixView<const float> rows, const PackedMatrix& W_U,
                         std::size_t top, std::span<RankQuery> ranks, std::span<KlQuery> divergences,
                         std::span<const float* const> offsets, std::span<RowReading> readings) {
  std::vector<bool> is_wanted = is_open;
  const auto is_asked = [&](const KlQuery& query) { return is_open[query.p] || is_open[query.q]; };
  for (const KlQuery& query : divergences)
    if (is_asked(query)) is_wanted[query.p] = is_wanted[query.q] = true;
  std::vector<std::size_t> wanted, place(rows.n_row);
  for (std::size_t r = 0; r < rows.n_row; ++r)
    if (is_wanted[r]) place[r] = wanted.size(), wanted.push_back(r);
  if (wanted.empty()) return;

  Matrix X(wanted.size(), rows.n_col);
  std::vector<const float*> X_offsets;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::ranges::copy(rows.row(wanted[i]), X.row(i).begin());
    if (!offsets.empty()) X_offsets.push_back(offsets[wanted[i]]);
  }
  std::vector<RankQuery> X_ranks;
  for (const RankQuery& query : ranks)
    if (is_open[query.row]) X_ranks.push_back({place[query.row], query.id, query.logit});
  std::vector<KlQuery> X_divergences;
  for (const KlQuery& query : divergences)
    if (is_asked(query)) X_divergences.push_back({place[query.p], place[query.q]});
  auto found = unembed(X, W_U, top, X_ranks, X_divergences, X_offsets);

  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (is_open[wanted[i]]) readings[wanted[i]] = std::move(found[i]);
  auto rank = X_ranks.begin();
  for (RankQuery& query : ranks)
    if (is_open[query.row]) query.rank = (rank++)->rank;
  auto divergence = X_divergences.begin();
  for (KlQuery& query : divergences)
    if (is_asked(query)) query.nats = (divergence++)->nats;
}

}  // namespace

std::vector<RowReading> unembed(MatrixView<const float> rows, const PackedMatrix& W_U, std::size_t top,
                                std::span<RankQuery> ranks, std::span<KlQuery> divergences,
                                std::span<const float* const> offsets, const Screen* screen, KeptLogits* kept) {
  assert(top <= W_U.n_out() && (offsets.empty() || offsets.size() == rows.n_row));
  assert(!kept || kept->n_row <= rows.n_row);
  const std::size_t n_row = rows.n_row, d_vocab = W_U.n_out();
  const std::size_t n_tile = (d_vocab + kTile - 1) / kTile;
  const Logits logits(rows, W_U, offsets, screen, kept);
  Found found{std::vector<Partial>(n_tile * n_row), std::vector<Gap>(n_tile * divergences.size())};

  // Nothing found hangs on who reads which tile.
  const Asked asked(n_row, ranks, divergences);
  std::vector<Part> parts(threads(), Part(logits, top, asked));
  parallel_for(n_tile,
               [&](std::size_t tile, std::size_t worker) { parts[worker].read_tile(logits, tile, asked, found); });
  std::vector<Partial> sums(n_row);
  std::vector<Gap> gaps(divergences.size());
  each_row(n_row, [&](std::size_t r) {
    for (std::size_t i = 1; i < parts.size(); ++i)
      if (screen)
        parts[0].candidates[r].offer_all(parts[i].candidates[r]);
      else
        parts[0].best[r].offer_all(parts[i].best[r]);
    sums[r] = merge_tiles(found.partials, n_row, r, 0, n_tile);
  });
  each_row(gaps.size(), [&](std::size_t i) { gaps[i] = merge_tiles(found.gaps, gaps.size(), i, 0, n_tile); });
  for (std::size_t q = 0; q < ranks.size(); ++q) {
    ranks[q].rank = 1;
    for (const Part& part : parts) ranks[q].rank += part.ranks[q];
  }
  std::vector<Scored> scored;
  if (screen) {
    scored = score_again(logits, parts[0].candidates, sums);
    const std::vector<Partial> screened = sums;
    each_row(n_row, [&](std::size_t r) { put_right(sums[r], scored[r], logits.screened().variance(r)); });
    put_right(gaps, logits, divergences, scored, screened, sums);
    for (RankQuery& query : ranks) {
      const auto first = std::span(scored[query.row].tokens).first(std::min(top, scored[query.row].tokens.size()));
      const auto at = std::ranges::find(first, query.id, &ScoredToken::id);
      query.rank = at != first.end() ? static_cast<std::int32_t>(at - first.begin()) + 1
                                     : std::max(query.rank, static_cast<std::int32_t>(top) + 1);
    }
  }

  std::vector<RowReading> readings(n_row);
  for (std::size_t r = 0; r < n_row; ++r) {
    RowReading& reading = readings[r];
    const std::span<const ScoredToken> tokens = screen ? scored[r].tokens : parts[0].best[r].tokens();
    reading.top.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(std::min(top, tokens.size())));
    const double ln_sum = std::log(sums[r].sum_exp);
    reading.log_z = sums[r].max + ln_sum;
    reading.mean_logit = sums[r].sum_z / static_cast<double>(d_vocab);
    // H = ln Z − E[z], both relative to the maximum. Rounding may leave less than 0; NaN stays NaN.
    reading.entropy = std::max(ln_sum - sums[r].sum_exp_z / sums[r].sum_exp, 0.0);
  }
  for (std::size_t i = 0; i < divergences.size(); ++i) {
    // KL = E_p[p − q] − ln Z_p + ln Z_q. Of a row from itself every gap and the difference of the ln Z is exactly 0.
    KlQuery& query = divergences[i];
    query.nats = std::max(gaps[i].sum / sums[query.p].sum_exp - readings[query.p].log_z + readings[query.q].log_z, 0.0);
  }
  if (screen) {
    std::vector<bool> is_open(n_row);
    for (std::size_t r = 0; r < n_row; ++r) {
      const bool is_sure = top == 0 || (readings[r].top.size() == top &&
                                        readings[r].top.back().logit >= parts[0].candidates[r].least_top());
      is_open[r] = !(is_sure && logits.screened().variance(r) < kMostVariance);
    }
    read_without_screen(is_open, rows, W_U, top, ranks, divergences, offsets, readings);
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
