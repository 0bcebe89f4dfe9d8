// The lists that the unembedding keeps of each row while its logits go by: the best tokens, and behind a screen all those
// that it cannot leave at what the screen says.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "kernels/screen.h"
#include "kernels/simd.h"
#include "kernels/unembed.h"

namespace lens {

// What one tile, or several merged ones, know about a row. Sums of exponentials are relative to `max`, so nothing
// overflows however large the logits are.
struct Partial {
  double max;        // max_v z_v
  double sum_exp;    // Σ exp(z_v − max)
  double sum_exp_z;  // Σ exp(z_v − max) (z_v − max)
  double sum_z;      // Σ z_v
};

inline Partial merge(const Partial& a, const Partial& b) {
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

// NaN is worse than any number.
inline float worth(float logit) { return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit; }

// Keeps the `capacity` best, best first, ties to the lower id; NaN is worse than any number.
class TopTokens {
 public:
  explicit TopTokens(std::size_t capacity)
      : capacity_(capacity), worst_(std::numeric_limits<float>::infinity() * (capacity == 0 ? 1 : -1)) {
    tokens_.reserve(capacity + 1);
  }

  // Tiles come in order of id, so an equal later one loses by being compared with `>` alone. `sum` is what was found of z; its
  // maximum says nothing where one of them is NaN.
  void offer_tile(std::span<const float> z, std::size_t first_id, const Partial& sum) {
    if (full() && sum.max <= worst_ && !std::isnan(sum.sum_z)) return;
    for_each_vec(z, -std::numeric_limits<float>::infinity(), [&](Vec v, std::size_t i) {
      if (full() && !xsimd::any(v > Vec(worst_))) return;
      const std::size_t end = std::min(i + kLanes, z.size());
      for (std::size_t j = i; j < end; ++j) offer({static_cast<std::int32_t>(first_id + j), z[j]});
    });
  }

  // Those of other tiles, before or after.
  void offer_all(const TopTokens& others) {
    for (const ScoredToken& token : others.tokens_) offer(token);
  }

  std::span<const ScoredToken> tokens() const { return tokens_; }
  // What is not above it is none of them.
  float worst() const { return worst_; }

 private:
  // The first tokens are kept whatever their logits, so that a row whose numbers overflowed has its list too.
  bool full() const { return tokens_.size() == capacity_; }

  static bool is_before(const ScoredToken& a, const ScoredToken& b) {
    return worth(a.logit) > worth(b.logit) || (worth(a.logit) == worth(b.logit) && a.id < b.id);
  }

  void offer(ScoredToken token) {
    if (capacity_ == 0 || (full() && !is_before(token, tokens_.back()))) return;
    tokens_.insert(std::upper_bound(tokens_.begin(), tokens_.end(), token, is_before), token);
    if (tokens_.size() > capacity_) tokens_.pop_back();
    if (full()) worst_ = worth(tokens_.back().logit);
  }

  std::size_t capacity_;
  float worst_;
  std::vector<ScoredToken> tokens_;
};

// (3e-4 nats)²: with errors of variance s² tokens of a probability p each leave ln Σ exp a variance of s² Σ p² ≤ s² p.
inline constexpr double kMayBeOff = 1e-7;
// How many times s the last of a row's true top tokens may be below the last of the screen's. It hardly ever is; then the
// row is read without the screen.
inline constexpr float kSure = 6;

// Behind a screen, the tokens of a row that are scored again: all that could be among the top, and those that weigh in its
// sums. Which these are depends on the row alone, not on the parts in which tokens come.
class Candidates {
 public:
  // How far the row's logits may be off: by `bound`, and on average.
  Candidates(const Screen& screen, const Screen::Rows::Bound& bound, double variance, std::size_t top)
      : screen_(screen),
        bound_(bound),
        sure_(kSure * static_cast<float>(std::sqrt(variance))),
        ln_weighs_(std::log(kMayBeOff / variance)),
        best_(top) {}

  // `sum` is what was found of that tile.
  void offer_tile(std::span<const float> z, std::size_t first_id, const Partial& sum) {
    best_.offer_tile(z, first_id, sum);
    sum_ = sum_ ? merge(*sum_, sum) : sum;
    // Both only rise (but for a rounding): a token that is left out here is none of all.
    const float least_top = best_.worst() - sure_, least_weighs = weighs(*sum_);
    for_each_vec(z, -std::numeric_limits<float>::infinity(), [&](Vec v, std::size_t i) {
      if (!xsimd::any((most(v, first_id + i) >= Vec(least_top)) | (v >= Vec(least_weighs)))) return;
      const std::size_t end = std::min(i + kLanes, z.size());
      for (std::size_t j = i; j < end; ++j) tokens_.push_back({static_cast<std::int32_t>(first_id + j), z[j]});
    });
    if (tokens_.size() > many_) keep(least_top, least_weighs);
  }

  // Those of other tiles.
  void offer_all(const Candidates& others) {
    best_.offer_all(others.best_);
    tokens_.insert(tokens_.end(), others.tokens_.begin(), others.tokens_.end());
    if (tokens_.size() > many_) keep(least_top(), -std::numeric_limits<float>::infinity());
  }

  // What they come to; `sum` is the row's.
  std::span<const ScoredToken> settle(const Partial& sum) {
    keep(least_top(), weighs(sum));
    return tokens_;
  }
  // No other's true logit reaches it.
  float least_top() const { return best_.worst() - sure_; }

 private:
  float weighs(const Partial& sum) const { return static_cast<float>(sum.max + std::log(sum.sum_exp) + ln_weighs_); }

  // What kLanes tokens' true logits are at most: v, how far that may be off, and what adding an offset to either rounds.
  Vec most(Vec v, std::size_t first_id) const {
    const Vec bound =
        madd(Vec(bound_.y), Vec::load_unaligned(screen_.errors() + first_id),
             madd(Vec(bound_.off), Vec::load_unaligned(screen_.norms() + first_id), Vec(bound_.rounding)));
    return madd(xsimd::abs(v), Vec(0x1p-22f), v + bound);
  }
  float most(const ScoredToken& token) const {
    const auto id = static_cast<std::size_t>(token.id);
    float lanes[kLanes];
    most(Vec(token.logit), id / kLanes * kLanes).store_unaligned(lanes);
    return lanes[id % kLanes];
  }

  void keep(float least_top, float least_weighs) {
    const auto first_other = std::partition(tokens_.begin(), tokens_.end(),
                                            [&](const ScoredToken& token) { return most(token) >= least_top; });
    auto end = std::partition(first_other, tokens_.end(),
                              [&](const ScoredToken& token) { return token.logit >= least_weighs; });
    if (end - first_other > static_cast<std::ptrdiff_t>(kScored)) {  // only the best of these, ties to the lower id
      const auto last = first_other + kScored;
      std::nth_element(first_other, last, end, [](const ScoredToken& a, const ScoredToken& b) {
        return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
      });
      end = last;
    }
    tokens_.erase(end, tokens_.end());
    many_ = std::max(many_, 2 * tokens_.size());
  }

  const Screen& screen_;
  Screen::Rows::Bound bound_;
  float sure_;
  double ln_weighs_;
  TopTokens best_;  // of the screen's logits
  std::optional<Partial> sum_;
  std::size_t many_ = 2 * kScored;  // when the list is gone through
  std::vector<ScoredToken> tokens_;
};

}  // namespace lens
