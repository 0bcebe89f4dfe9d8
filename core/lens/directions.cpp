#include "lens/directions.h"

#include <algorithm>
#include <functional>

namespace lens {
namespace {

// Both ends in one pass over the matrix: the rows, and after them the rows turned round.
std::vector<TokenEnds> ends(const PackedMatrix& W, const Matrix& rows, std::size_t top) {
  const std::size_t n = rows.n_row();
  Matrix both(2 * n, rows.n_col());
  for (std::size_t r = 0; r < n; ++r) {
    std::ranges::copy(rows.row(r), both.row(r).begin());
    std::ranges::transform(rows.row(r), both.row(n + r).begin(), std::negate<>());
  }
  auto readings = unembed(both, W, std::min(top, W.n_out()), {}, {});
  std::vector<TokenEnds> all(n);
  for (std::size_t r = 0; r < n; ++r) {
    const double mean = readings[r].mean_logit;
    all[r] = {std::move(readings[r].top), std::move(readings[n + r].top)};
    for (ScoredToken& token : all[r].promoted) token.logit = static_cast<float>(token.logit - mean);
    for (ScoredToken& token : all[r].suppressed) token.logit = static_cast<float>(-token.logit - mean);
  }
  return all;
}

Matrix copy(MatrixView<const float> rows) {
  Matrix copied(rows.n_row, rows.n_col);
  std::copy_n(rows.data, rows.n_row * rows.n_col, copied.view().data);
  return copied;
}

double mean_of(std::span<const float> x) {
  double sum = 0;
  for (const float value : x) sum += value;
  return sum / static_cast<double>(x.size());
}

}  // namespace

Matrix weight_rows(const PackedMatrix& W, std::size_t first, std::size_t n) {
  Matrix rows(n, W.n_out());
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c < W.n_out(); ++c) rows.row(r)[c] = W.at(first + r, c);
  return rows;
}

void fold_gamma(std::span<const float> gamma, std::span<float> x) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= gamma[i];
  const double mean = mean_of(x);
  for (float& value : x) value = static_cast<float>(value - mean);
}

Matrix as_read(const Model& model, MatrixView<const float> rows, Reader reader) {
  Matrix read = copy(rows);
  if (reader == Reader::published) return read;
  for (std::size_t r = 0; r < rows.n_row; ++r) {
    const double mean = mean_of(rows.row(r));
    for (std::size_t i = 0; i < rows.n_col; ++i)
      read.row(r)[i] = static_cast<float>(rows.row(r)[i] - mean) * model.weights().ln_f.gamma[i];
  }
  return read;
}

std::vector<TokenEnds> tokens_written(const Model& model, MatrixView<const float> rows, Reader reader,
                                      std::size_t top) {
  return ends(model.W_U(), as_read(model, rows, reader), top);
}

std::vector<float> token_direction(const Model& model, TokenId token, Reader reader) {
  std::vector<float> w(model.config().d_model);
  model.W_U().column(static_cast<std::size_t>(token), w);
  const auto mean = model.W_U().mean_column();
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(w[i] - mean[i]);
  if (reader == Reader::gamma) fold_gamma(model.weights().ln_f.gamma, w);
  return w;
}

std::vector<TokenEnds> tokens_read(const Model& model, std::span<const float> gamma, MatrixView<const float> rows,
                                   Reader reader, std::size_t top) {
  Matrix read = copy(rows);
  if (reader == Reader::gamma)
    for (std::size_t r = 0; r < rows.n_row; ++r) fold_gamma(gamma, read.row(r));
  return ends(model.W_E(), read, top);
}

}  // namespace lens
