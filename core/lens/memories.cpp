#include "lens/memories.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "base/order.h"
#include "model/forward.h"

namespace lens {
namespace {

// Columns of W_U that the memories meet before those that are beaten leave: few, because nearly all leave at once.
constexpr std::size_t kTile = 64;

// Keeps the MLP's inner sites of the positions that go by.
class MlpSites : public Observer {
 public:
  void at(HookPoint hook, std::span<const std::size_t>, std::span<float> values) override {
    if (hook.site == Site::mlp_pre) pre.assign(values.begin(), values.end());
    if (hook.site == Site::mlp_post) post.assign(values.begin(), values.end());
  }
  std::vector<float> pre, post;
};

MlpSites mlp_at(const Model& model, Activations& run, std::size_t layer, std::size_t begin, std::size_t end) {
  MlpSites sites;
  forward_block(model, layer, begin, end, run, &sites);
  return sites;
}

Matrix values_of(const Model& model, std::size_t layer) {
  return weight_rows(model.weights().blocks[layer].W_out, 0, model.config().d_mlp);
}

double norm_of(std::span<const float> x) {
  double squares = 0;
  for (const float value : x) squares += static_cast<double>(value) * value;
  return std::sqrt(squares);
}

double product(std::span<const float> x, std::span<const float> y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * y[i];
  return sum;
}

// y = Σ_i m_i W_out[i], [d_model].
std::vector<double> written(const Matrix& values, std::span<const float> m) {
  std::vector<double> y(values.n_col(), 0.0);
  for (std::size_t i = 0; i < values.n_row(); ++i)
    for (std::size_t j = 0; j < y.size(); ++j) y[j] += static_cast<double>(m[i]) * values.row(i)[j];
  return y;
}

double squares_of(std::span<const double> x) {
  return std::transform_reduce(x.begin(), x.end(), 0.0, std::plus<>(), [](double value) { return value * value; });
}

// The output's own top token at a position.
TokenId answer_at(const Model& model, const Activations& run, std::size_t position) {
  Matrix row(1, model.config().d_model);
  const auto resid = run.resid(model.config().n_layer).rows(position, position + 1);
  float scale = 0;
  model.final_scale(resid, {&scale, 1});
  model.final_norm(resid, {&scale, 1}, row);
  return unembed(row, model.W_U(), 1, {}, {})[0].top[0].id;
}

// The unembeddings of some tokens, [d_model, n].
PackedMatrix columns_of(const PackedMatrix& W_U, std::span<const TokenId> tokens) {
  PackedMatrix columns(W_U.n_in(), tokens.size());
  std::vector<float> column(W_U.n_in());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    W_U.column(static_cast<std::size_t>(tokens[i]), column);
    columns.set_column(i, column);
  }
  return columns;
}

// Rows m_i W_out[i] / scale.
Matrix as_written(const Matrix& values, std::span<const std::size_t> neurons, std::span<const float> m, double scale) {
  Matrix rows(neurons.size(), values.n_col());
  for (std::size_t r = 0; r < neurons.size(); ++r)
    std::ranges::transform(values.row(neurons[r]), rows.row(r).begin(),
                           [by = m[neurons[r]] / scale](float v) { return static_cast<float>(by * v); });
  return rows;
}

}  // namespace

LayerMemories read_memories(const Model& model, Activations& run, const MemoriesOptions& options) {
  const auto [layer, position, reader, order, token, n_best, top] = options;
  const MlpSites mlp = mlp_at(model, run, layer, position, position + 1);
  const Matrix values = values_of(model, layer);
  const std::size_t n = values.n_row();

  LayerMemories found{};
  found.token = token ? *token : answer_at(model, run, position);
  model.final_scale(run.resid(layer + 1).rows(position, position + 1), {&found.scale, 1});
  const double scale = reader == Reader::gamma ? found.scale : 1.0;
  const auto direction = token_direction(model, found.token, reader);
  std::vector<float> weight(n), effect(n);
  for (std::size_t i = 0; i < n; ++i) {
    weight[i] = static_cast<float>(std::abs(mlp.post[i]) * norm_of(values.row(i)));
    effect[i] = static_cast<float>(mlp.post[i] * product(values.row(i), direction) / scale);
    found.all_effect += effect[i];
  }
  const auto active = std::ranges::count_if(mlp.pre, [](float pre) { return pre > 0; });
  found.active_share = static_cast<double>(active) / static_cast<double>(n);

  std::vector<std::size_t> best(n);
  std::iota(best.begin(), best.end(), std::size_t{0});
  std::ranges::sort(best, {}, [&](std::size_t i) {
    return std::pair(largest_first(order == MemoryOrder::weight ? weight[i] : std::abs(effect[i])), i);
  });
  best.resize(std::min(n_best, n));
  auto says = tokens_written(model, as_written(values, best, mlp.post, scale), reader, top);

  const auto y = written(values, mlp.post);
  auto left = y;
  const double all = squares_of(y);
  for (std::size_t r = 0; r < best.size(); ++r) {
    const std::size_t i = best[r];
    for (std::size_t j = 0; j < left.size(); ++j) left[j] -= static_cast<double>(mlp.post[i]) * values.row(i)[j];
    found.best.push_back(
        {i, mlp.pre[i], mlp.post[i], weight[i], effect[i], std::move(says[r]), 1 - squares_of(left) / all});
  }
  const std::vector<float> whole(y.begin(), y.end());
  found.layer_top = tokens_written(model, {whole.data(), 1, whole.size()}, reader, 1)[0].promoted[0].id;
  return found;
}

std::vector<std::size_t> memories_that_say(const Model& model, Activations& run, const MemoriesOptions& options,
                                           TokenId token) {
  const MlpSites mlp = mlp_at(model, run, options.layer, options.position, options.position + 1);
  const Matrix values = values_of(model, options.layer);
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < values.n_row(); ++i)
    if (mlp.post[i] != 0) left.push_back(i);
  // Centring the logits would move all of a row's alike.
  Matrix rows = as_read(model, as_written(values, left, mlp.post, 1), options.reader);

  const std::size_t d_vocab = model.config().d_vocab;
  std::vector<TokenId> tile{token};
  Matrix own(left.size(), 1);
  matmul(rows, columns_of(model.W_U(), tile), {}, own);
  for (std::size_t first = 0; first < d_vocab && !left.empty(); first += kTile) {
    tile.resize(std::min(kTile, d_vocab - first));
    std::iota(tile.begin(), tile.end(), static_cast<TokenId>(first));
    Matrix logits(left.size(), tile.size());
    matmul(rows.rows(0, left.size()), columns_of(model.W_U(), tile), {}, logits);
    std::size_t kept = 0;
    for (std::size_t r = 0; r < left.size(); ++r) {
      const float best = own.row(r)[0];
      const auto beats = [&](TokenId v) {
        const float z = logits.row(r)[static_cast<std::size_t>(v) - first];
        return z > best || (z == best && v < token);
      };
      if (std::ranges::any_of(tile, beats)) continue;
      left[kept] = left[r], own.row(kept)[0] = best;
      if (kept != r) std::ranges::copy(rows.row(r), rows.row(kept).begin());
      ++kept;
    }
    left.resize(kept);
  }
  return left;
}

NeuronRun read_neuron(const Model& model, Activations& run, std::size_t layer, std::size_t neuron, std::size_t begin,
                      std::size_t end) {
  const MlpSites mlp = mlp_at(model, run, layer, begin, end);
  NeuronRun found;
  for (std::size_t p = 0; p < end - begin; ++p) {
    found.pre.push_back(mlp.pre[p * model.config().d_mlp + neuron]);
    found.activation.push_back(mlp.post[p * model.config().d_mlp + neuron]);
  }
  return found;
}

std::vector<std::int32_t> value_ranks(const Model& model, std::size_t layer, std::size_t neuron, Reader reader,
                                      std::span<const TokenId> tokens) {
  const Matrix row = as_read(model, weight_rows(model.weights().blocks[layer].W_out, neuron, 1), reader);
  std::vector<RankQuery> ranks;
  for (const TokenId token : tokens) ranks.push_back({0, token, logit_of(row.row(0), model.W_U(), token)});
  unembed(row, model.W_U(), 1, ranks, {});
  std::vector<std::int32_t> found;
  for (const RankQuery& query : ranks) found.push_back(query.rank);
  return found;
}

NeuronWeights read_neuron_weights(const Model& model, std::size_t layer, std::size_t neuron, Reader reader,
                                  std::size_t top) {
  const BlockWeights& w = model.weights().blocks[layer];
  Matrix key(1, model.config().d_model);
  w.W_in.column(neuron, key.row(0));
  const Matrix value = weight_rows(w.W_out, neuron, 1);
  return {tokens_read(model, w.ln_2.gamma, key, reader, top)[0], tokens_written(model, value, reader, top)[0],
          norm_of(key.row(0)), norm_of(value.row(0)), w.b_in[neuron]};
}

std::vector<Promoter> block_promoters(const Model& model, std::size_t layer, std::span<const float> direction) {
  const Matrix values = values_of(model, layer);
  std::vector<Promoter> all;
  for (std::size_t i = 0; i < values.n_row(); ++i)
    all.push_back(
        {layer, i, static_cast<float>(product(values.row(i), direction)), static_cast<float>(norm_of(values.row(i)))});
  return all;
}

}  // namespace lens
