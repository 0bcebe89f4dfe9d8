#include "model/forward.h"

#include <algorithm>
#include <initializer_list>

#include "kernels/attention.h"

namespace lens {
namespace {

// Announces the sites of one block, or those outside the blocks.
class Hooks {
 public:
  explicit Hooks(Observer* observer, std::size_t layer = 0) : observer_(observer), layer_(static_cast<int>(layer)) {}

  void operator()(Site site, std::initializer_list<std::size_t> shape, MatrixView<float> values) const {
    if (observer_)
      observer_->at({site, layer_}, {shape.begin(), shape.size()}, {values.data, values.n_row * values.n_col});
  }
  void operator()(Site site, MatrixView<float> rows) const { (*this)(site, {rows.n_row, rows.n_col}, rows); }
  bool want_result() const { return observer_ && observer_->wants_result(); }

 private:
  Observer* observer_;
  int layer_;
};

void add(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> out) {
  for (std::size_t i = 0; i < a.n_row * a.n_col; ++i) out.data[i] = a.data[i] + b.data[i];
}

// Columns [first, first + out.n_col) of x.
void copy_columns(MatrixView<const float> x, std::size_t first, MatrixView<float> out) {
  for (std::size_t r = 0; r < x.n_row; ++r)
    std::copy_n(x.row(r).begin() + static_cast<std::ptrdiff_t>(first), out.n_col, out.row(r).begin());
}

// result[i, h] = z[i, h] W_O[h]: what each head writes, [n·n_head, d_model].
void attention_result(MatrixView<const float> z, const PackedMatrix& W_O, std::size_t n_head,
                      MatrixView<float> result) {
  const std::size_t d_head = z.n_col / n_head;
  for (std::size_t i = 0; i < z.n_row; ++i)
    for (std::size_t h = 0; h < n_head; ++h)
      matmul_slice({z.row(i).data() + h * d_head, 1, d_head}, W_O, h * d_head,
                   result.rows(i * n_head + h, i * n_head + h + 1));
}

}  // namespace

void forward_embed(const Model& model, std::size_t begin, std::size_t end, Activations& run, Observer* observer) {
  const Hooks at(observer);
  const std::size_t n = end - begin, d_model = model.config().d_model;
  Matrix embed(n, d_model), pos_embed(n, d_model);
  for (std::size_t i = 0; i < n; ++i) {
    model.embed(run.tokens()[begin + i], embed.row(i));
    std::ranges::copy(model.pos_embed(begin + i), pos_embed.row(i).begin());
  }
  at(Site::embed, embed);
  at(Site::pos_embed, pos_embed);
  add(embed, pos_embed, run.resid(0).rows(begin, end));
}

void forward_block(const Model& model, std::size_t layer, std::size_t begin, std::size_t end, Activations& run,
                   Observer* observer) {
  const Config& c = model.config();
  const BlockWeights& w = model.weights().blocks[layer];
  const Hooks at(observer, layer);
  Activations::Block& kept = run.block(layer);
  const std::size_t n = end - begin;

  const auto resid_pre = kept.resid_pre.rows(begin, end);
  at(Site::resid_pre, resid_pre);

  // Attention: every head reads ln_1 of the stream and writes back through its share of W_O.
  Matrix x(n, c.d_model);
  const auto ln1_scale = kept.ln1_scale.rows(begin, end);
  layer_norm_scales(resid_pre, c.layer_norm_epsilon, {ln1_scale.data, n});
  at(Site::ln1_scale, {n}, ln1_scale);
  layer_norm_rows(resid_pre, {ln1_scale.data, n}, w.ln_1.gamma, w.ln_1.beta, x);
  round_inputs(x, w.W_QKV);
  at(Site::ln1_normalized, x);

  Matrix qkv(n, 3 * c.d_model), q(n, c.d_model);
  matmul(x, w.W_QKV, w.b_QKV, qkv);
  const auto k = kept.k.rows(begin, end), v = kept.v.rows(begin, end);
  copy_columns(qkv, 0, q);
  copy_columns(qkv, c.d_model, k);
  copy_columns(qkv, 2 * c.d_model, v);
  at(Site::q, {n, c.n_head, c.d_head}, q);
  at(Site::k, {n, c.n_head, c.d_head}, k);
  at(Site::v, {n, c.n_head, c.d_head}, v);

  Matrix pattern(c.n_head * n, end);  // first the scores, then their softmax
  attention_scores(q, begin, kept.k.rows(0, end), c.n_head, c.score_scale(layer), pattern);
  at(Site::attn_scores, {c.n_head, n, end}, pattern);
  attention_pattern(begin, n, pattern);
  at(Site::pattern, {c.n_head, n, end}, pattern);

  Matrix z(n, c.d_model);
  attention_z(pattern, begin, kept.v.rows(0, end), c.n_head, z);
  at(Site::z, {n, c.n_head, c.d_head}, z);
  if (at.want_result()) {
    Matrix result(n * c.n_head, c.d_model);
    attention_result(z, w.W_O, c.n_head, result);
    at(Site::result, {n, c.n_head, c.d_model}, result);
  }
  Matrix attn_out(n, c.d_model);
  matmul(z, w.W_O, w.b_O, attn_out);
  at(Site::attn_out, attn_out);

  const auto resid_mid = kept.resid_mid.rows(begin, end);
  add(resid_pre, attn_out, resid_mid);
  at(Site::resid_mid, resid_mid);

  // MLP: d_mlp neurons read ln_2 of the stream; each writes its row of W_out, times its activation.
  const auto ln2_scale = kept.ln2_scale.rows(begin, end);
  layer_norm_scales(resid_mid, c.layer_norm_epsilon, {ln2_scale.data, n});
  at(Site::ln2_scale, {n}, ln2_scale);
  layer_norm_rows(resid_mid, {ln2_scale.data, n}, w.ln_2.gamma, w.ln_2.beta, x);
  round_inputs(x, w.W_in);
  at(Site::ln2_normalized, x);

  Matrix mlp(n, c.d_mlp), mlp_out(n, c.d_model);
  matmul(x, w.W_in, w.b_in, mlp);
  at(Site::mlp_pre, mlp);
  activate(c.activation, {mlp.view().data, n * c.d_mlp});
  round_inputs(mlp, w.W_out);
  at(Site::mlp_post, mlp);
  matmul(mlp, w.W_out, w.b_out, mlp_out);
  at(Site::mlp_out, mlp_out);

  const auto resid_post = run.resid(layer + 1).rows(begin, end);
  add(resid_mid, mlp_out, resid_post);
  at(Site::resid_post, resid_post);
}

void forward(const Model& model, std::size_t begin, Activations& run) {
  forward_embed(model, begin, run.size(), run);
  for (std::size_t layer = 0; layer < model.config().n_layer; ++layer)
    forward_block(model, layer, begin, run.size(), run);
}

namespace {

// Copies one site as it goes by.
class Copy : public Observer {
 public:
  explicit Copy(HookPoint wanted) : wanted_(wanted) {}
  void at(HookPoint hook, std::span<const std::size_t> shape, std::span<float> values) override {
    if (hook == wanted_) tensor = {{shape.begin(), shape.end()}, {values.begin(), values.end()}};
  }
  bool wants_result() const override { return wanted_.site == Site::result; }
  Tensor tensor;

 private:
  HookPoint wanted_;
};

}  // namespace

Tensor read_hook(const Model& model, Activations& run, HookPoint hook, std::size_t begin, std::size_t end) {
  if (is_in_block(hook.site)) {
    Copy copy(hook);
    forward_block(model, static_cast<std::size_t>(hook.layer), begin, end, run, &copy);
    return std::move(copy.tensor);
  }
  if (hook.site == Site::embed || hook.site == Site::pos_embed) {
    Copy copy(hook);
    forward_embed(model, begin, end, run, &copy);
    return std::move(copy.tensor);
  }
  const std::size_t n = end - begin;
  const auto resid = run.resid(model.config().n_layer).rows(begin, end);
  Tensor scale{{n}, std::vector<float>(n)};
  model.final_scale(resid, scale.values);
  if (hook.site == Site::final_scale) return scale;
  Tensor normalized{{n, model.config().d_model}, std::vector<float>(n * model.config().d_model)};
  model.final_norm(resid, scale.values, {normalized.values.data(), n, model.config().d_model});
  return normalized;
}

}  // namespace lens
