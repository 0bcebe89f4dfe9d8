#include "lens/head_writes.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace lens {
namespace {

constexpr std::size_t kFewestPairs = 20;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// One head's part of what the block computes for some positions.
class Inside : public Observer {
 public:
  explicit Inside(std::size_t head) : head_(head) {}
  void at(HookPoint hook, std::span<const std::size_t> shape, std::span<float> values) override {
    if (hook.site == Site::pattern) {
      const std::size_t each = shape[1] * shape[2];
      const auto own = values.subspan(head_ * each, each);
      pattern.assign(own.begin(), own.end());
    }
    if (hook.site != Site::z) return;
    const std::size_t n_head = shape[1], d_head = shape[2];
    for (std::size_t i = 0; i < shape[0]; ++i) {
      const auto own = values.subspan((i * n_head + head_) * d_head, d_head);
      z.insert(z.end(), own.begin(), own.end());
    }
  }
  std::vector<float> pattern;  // [position, positions up to the last of them]
  std::vector<float> z;        // [position, d_head]

 private:
  std::size_t head_;
};

}  // namespace

HeadWrites::HeadWrites(const Model& model, const Activations& run, std::size_t layer, std::size_t head, std::size_t n,
                       std::span<const double> mean_W_U)
    : model_(model),
      layer_(layer),
      head_(head),
      n_(n),
      mean_W_U_(mean_W_U),
      pattern_(n * n),
      written_(n * n, static_cast<float>(kNone)),
      scale_(n) {
  const Config& c = model.config();
  assert(layer < c.n_layer && head < c.n_head && n <= run.size());
  model.final_scale(run.resid(c.n_layer).rows(0, n), scale_);
}

void HeadWrites::step(Activations& run) {
  if (n_met_ < n_)
    meet_positions(run);
  else
    read_tokens(run);
}

void HeadWrites::meet_positions(Activations& run) {
  const Config& c = model_.config();
  const std::size_t begin = n_met_, end = std::min(begin + kForwardChunk, n_);
  Inside seen(head_);
  forward_block(model_, layer_, begin, end, run, &seen);
  for (std::size_t i = begin; i < end; ++i) std::copy_n(&seen.pattern[(i - begin) * end], end, &pattern_[i * n_]);
  const auto b_V = std::span(model_.weights().blocks[layer_].b_QKV).subspan(2 * c.d_model + head_ * c.d_head, c.d_head);
  for (std::size_t at = 0; at < seen.z.size(); ++at)
    z_.push_back(static_cast<double>(seen.z[at]) - static_cast<double>(b_V[at % c.d_head]));
  n_met_ = end;
}

void HeadWrites::read_tokens(const Activations& run) {
  const Config& c = model_.config();
  const BlockWeights& w = model_.weights().blocks[layer_];
  std::vector<float> column(c.d_model);
  std::vector<double> direction(c.d_model), worth(c.d_head);
  for (const std::size_t end = std::min(n_, n_read_ + kTokens); n_read_ < end; ++n_read_) {
    const std::size_t j = n_read_;
    // What each of the head's d_head values adds to the logit of the token at j, but for σ.
    model_.W_U().column(static_cast<std::size_t>(run.tokens()[j]), column);
    for (std::size_t k = 0; k < c.d_model; ++k) direction[k] = static_cast<double>(column[k]) - mean_W_U_[k];
    matmul_transposed(w.W_O, model_.norm_direction(direction, 1).linear, worth, head_ * c.d_head);
    for (std::size_t i = j; i < n_; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < c.d_head; ++k) sum += z_[i * c.d_head + k] * worth[k];
      written_[i * n_ + j] = static_cast<float>(sum / static_cast<double>(scale_[i]));
    }
  }
}

double HeadWrites::r() const {
  if (n_pair() < kFewestPairs) return kNone;
  const auto mean = [&](auto value) {
    double sum = 0;
    for (std::size_t i = 1; i < n_; ++i)
      for (std::size_t j = 1; j <= i; ++j) sum += value(i * n_ + j);
    return sum / static_cast<double>(n_pair());
  };
  const auto A = [&](std::size_t at) { return static_cast<double>(pattern_[at]); };
  const auto W = [&](std::size_t at) { return static_cast<double>(written_[at]); };
  const double mean_A = mean(A), mean_W = mean(W);
  const double together = mean([&](std::size_t at) { return (A(at) - mean_A) * (W(at) - mean_W); });
  const double of_A = mean([&](std::size_t at) { return (A(at) - mean_A) * (A(at) - mean_A); });
  const double of_W = mean([&](std::size_t at) { return (W(at) - mean_W) * (W(at) - mean_W); });
  return of_A > 0 && of_W > 0 ? together / std::sqrt(of_A * of_W) : kNone;
}

}  // namespace lens
