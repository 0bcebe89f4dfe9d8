#include "lens/components.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <numeric>

#include "model/forward.h"

namespace lens {
namespace {

template <class X>
double dot_double(std::span<X> x, std::span<const double> y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * y[i];
  return sum;
}

double mean(const float* values, std::size_t n) {
  return std::accumulate(values, values + n, 0.0) / static_cast<double>(n);
}

MatrixView<const float> resid_at(const Activations& run, HookPoint row) {
  const auto layer = static_cast<std::size_t>(row.layer);
  if (row.site == Site::resid_pre) return run.resid(layer);
  return row.site == Site::resid_mid ? run.block(layer).resid_mid.view() : run.resid(layer + 1).view();
}

// What a block's parts are made of, as one position meets it.
class Inside : public Observer {
 public:
  void at(HookPoint hook, std::span<const std::size_t>, std::span<float> values) override {
    if (hook.site == Site::pattern) pattern.assign(values.begin(), values.end());
    if (hook.site == Site::mlp_post) activation.assign(values.begin(), values.end());
  }
  std::vector<float> pattern;     // [n_head, position + 1]
  std::vector<float> activation;  // [d_mlp]
};

}  // namespace

Components::Components(const Model& model, const Lens& lens, const Activations& run, const CellQuestion& asked,
                       std::span<const double> mean_W_U)
    : model_(model), asked_(asked) {
  const std::size_t d_model = model.config().d_model, i = asked.position;
  assert(i < run.size());
  n_block_ = static_cast<std::size_t>(asked.row.layer) + (asked.row.site == Site::resid_pre ? 0 : 1);

  // w̃
  const PackedMatrix& W_U = model.W_U();
  std::vector<double> w(d_model);
  for (std::size_t k = 0; k < d_model; ++k)
    w[k] = static_cast<double>(W_U.at(k, static_cast<std::size_t>(asked.token))) -
           (asked.against ? static_cast<double>(W_U.at(k, static_cast<std::size_t>(*asked.against))) : mean_W_U[k]);

  // The cell as the lens has it.
  Matrix row(1, d_model);
  std::ranges::copy(resid_at(run, asked.row).row(i), row.row(0).begin());
  const Translator* translator = lens.at(asked.row);
  if (translator) translate(*translator, row);
  float scale = 1;
  if (asked.norm == Norm::none) {
    g_ = w;
  } else {
    const auto scaled =
        asked.norm == Norm::frozen ? run.resid(model.config().n_layer).rows(i, i + 1) : MatrixView<const float>(row);
    model.final_scale(scaled, {&scale, 1});
    auto direction = model.norm_direction(w, scale);
    g_ = std::move(direction.linear);
    norm_bias_ = direction.bias;
    model.final_norm(row, {&scale, 1}, row);
  }
  shown_ = static_cast<double>(logit_of(row.row(0), W_U, asked.token)) -
           (asked.against ? static_cast<double>(logit_of(row.row(0), W_U, *asked.against))
                          : dot_double(row.row(0), mean_W_U));

  if (translator) {
    lens_bias_ = dot_double(std::span(translator->b), g_);
    std::vector<double> through(d_model);
    matmul_transposed(translator->W, g_, through);
    std::ranges::transform(g_, through, g_.begin(), std::plus<>());
  }
  if (const float* offset = lens.offset_at(asked.row)) {
    const double added = offset[asked.token] - (asked.against ? offset[*asked.against] : mean(offset, W_U.n_out()));
    lens_bias_ += added;
    shown_ += added;
  }

  std::vector<float> embed(d_model);
  model.embed(run.tokens()[i], embed);
  embed_ = dot_double(std::span(embed), g_);
  pos_embed_ = dot_double(model.pos_embed(i), g_);
}

void Components::read_block(Activations& run) {
  const std::size_t layer = blocks_.size(), i = asked_.position, n_key = i + 1;
  assert(layer < n_block_);
  const Config& c = model_.config();
  const BlockWeights& w = model_.weights().blocks[layer];
  Inside inside;
  forward_block(model_, layer, i, i + 1, run, &inside);
  BlockParts parts;

  // What each of a head's d_head values is worth once W_O has written it.
  std::vector<double> worth(c.d_model);
  matmul_transposed(w.W_O, g_, worth);
  const auto b_V = std::span(w.b_QKV).subspan(2 * c.d_model);
  const Matrix& v = run.block(layer).v;
  for (std::size_t h = 0; h < c.n_head; ++h) {
    double head = 0;
    for (std::size_t j = 0; j < n_key; ++j) {
      double value = 0;
      for (std::size_t k = h * c.d_head; k < (h + 1) * c.d_head; ++k)
        value += (static_cast<double>(v.row(j)[k]) - static_cast<double>(b_V[k])) * worth[k];
      parts.source.push_back(static_cast<double>(inside.pattern[h * n_key + j]) * value);
      head += parts.source.back();
    }
    parts.head.push_back(head);
  }
  parts.attn_bias = dot_double(std::span(w.b_O), g_) + dot_double(b_V, worth);
  parts.pattern = std::move(inside.pattern);

  const bool before_mlp = asked_.row.site == Site::resid_mid && layer + 1 == n_block_;
  if (!before_mlp) {
    parts.neuron.resize(c.d_mlp);
    matmul_transposed(w.W_out, g_, parts.neuron);
    for (std::size_t n = 0; n < c.d_mlp; ++n) parts.neuron[n] *= static_cast<double>(inside.activation[n]);
    parts.mlp = std::accumulate(parts.neuron.begin(), parts.neuron.end(), 0.0);
    parts.mlp_bias = dot_double(std::span(w.b_out), g_);
    parts.activation = std::move(inside.activation);
  }
  blocks_.push_back(std::move(parts));
}

template <class F>
void Components::for_each_part(F f) const {
  f(embed_), f(pos_embed_);
  for (const BlockParts& block : blocks_) {
    for (const double head : block.head) f(head);
    f(block.attn_bias), f(block.mlp), f(block.mlp_bias);
  }
  f(norm_bias_), f(lens_bias_);
}

double Components::sum() const {
  double sum = 0;
  for_each_part([&](double part) { sum += part; });
  return sum;
}

double Components::size() const {
  double size = 0;
  for_each_part([&](double part) { size += std::abs(part); });
  return size;
}

}  // namespace lens
