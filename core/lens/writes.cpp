#include "lens/writes.h"

#include <algorithm>

#include "model/forward.h"

namespace lens {
namespace {

// Copies what one position's attention and MLP write, biases included, into two rows.
class Outs : public Observer {
 public:
  Outs(std::span<float> attn_out, std::span<float> mlp_out) : attn_out_(attn_out), mlp_out_(mlp_out) {}
  void at(HookPoint hook, std::span<const std::size_t>, std::span<float> values) override {
    if (hook.site == Site::attn_out) std::ranges::copy(values, attn_out_.begin());
    if (hook.site == Site::mlp_out) std::ranges::copy(values, mlp_out_.begin());
  }

 private:
  std::span<float> attn_out_, mlp_out_;
};

std::vector<ScoredToken> centred(const RowReading& reading, float sign) {
  std::vector<ScoredToken> tokens = reading.top;
  for (ScoredToken& token : tokens) token.logit = sign * (token.logit - static_cast<float>(reading.mean_logit));
  return tokens;
}

}  // namespace

std::vector<BlockWrites> read_writes(const Model& model, Activations& run, std::size_t layer,
                                     std::span<const std::size_t> positions, Norm norm, std::size_t top) {
  const std::size_t n = positions.size(), d_model = model.config().d_model;
  Matrix rows(4 * n, d_model);  // attn_out and mlp_out of each position, then both turned round
  for (std::size_t i = 0; i < n; ++i) {
    Outs outs(rows.row(2 * i), rows.row(2 * i + 1));
    forward_block(model, layer, positions[i], positions[i] + 1, run, &outs);
  }
  if (norm != Norm::none) {
    const Matrix origin(1, d_model);
    Matrix beta(1, d_model);
    const float one = 1;
    model.final_norm(origin, {&one, 1}, beta);  // the norm of nothing
    for (std::size_t r = 0; r < 2 * n; ++r) {
      const std::size_t p = positions[r / 2];
      const Matrix& added_into = norm == Norm::frozen ? run.resid(model.config().n_layer)
                                 : r % 2 == 0         ? run.block(layer).resid_mid
                                                      : run.resid(layer + 1);
      float scale = 1;
      model.final_scale(added_into.rows(p, p + 1), {&scale, 1});
      model.final_norm(rows.rows(r, r + 1), {&scale, 1}, rows.rows(r, r + 1));
      for (std::size_t k = 0; k < d_model; ++k) rows.row(r)[k] -= beta.row(0)[k];
    }
  }
  for (std::size_t r = 0; r < 2 * n; ++r)
    std::ranges::transform(rows.row(r), rows.row(2 * n + r).begin(), std::negate<>());

  const auto readings = unembed(rows, model.W_U(), top, {}, {});
  const auto write = [&](std::size_t r) { return Write{centred(readings[r], 1), centred(readings[2 * n + r], -1)}; };
  std::vector<BlockWrites> writes;
  for (std::size_t i = 0; i < n; ++i) writes.push_back({write(2 * i), write(2 * i + 1)});
  return writes;
}

}  // namespace lens
