#include "kernels/attention.h"

#include <algorithm>
#include <limits>
#include <span>

#include "base/parallel.h"
#include "kernels/elementwise.h"

namespace lens {
namespace {

// One head's d_head columns of a row.
template <class T>
std::span<T> head_of(std::span<T> row, std::size_t head, std::size_t d_head) {
  return row.subspan(head * d_head, d_head);
}

// row(h, i, r) for every row r = h · n + i of S or A; each takes as long as `work` multiply-adds.
template <class F>
void each_row(std::size_t n_head, std::size_t n, double work, F row) {
  parallel_ranges(n_head * n, work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) row(r / n, r % n, r);
  });
}

// Multiply-adds of a query's product with what it sees, on average.
double work_of(std::size_t first, std::size_t n, std::size_t d_head) {
  return static_cast<double>((first + (n + 1) / 2) * d_head);
}

}  // namespace

void attention_scores(MatrixView<const float> q, std::size_t first, MatrixView<const float> k, std::size_t n_head,
                      float scale, MatrixView<float> S) {
  const std::size_t d_head = q.n_col / n_head;
  each_row(n_head, q.n_row, work_of(first, q.n_row, d_head), [&](std::size_t h, std::size_t i, std::size_t r) {
    const auto row = S.row(r);
    const std::size_t n_seen = std::min(first + i + 1, row.size());
    dots(head_of(q.row(i), h, d_head), k, h * d_head, row.first(n_seen));
    for (float& value : row.first(n_seen)) value *= scale;
    std::ranges::fill(row.subspan(n_seen), -std::numeric_limits<float>::infinity());
  });
}

void attention_pattern(std::size_t first, std::size_t n, MatrixView<float> S) {
  each_row(S.n_row / n, n, 4.0 * static_cast<double>(S.n_col), [&](std::size_t, std::size_t i, std::size_t r) {
    const std::size_t n_seen = first + i + 1;
    softmax(S.row(r).first(n_seen));
    std::ranges::fill(S.row(r).subspan(n_seen), 0.0f);
  });
}

void attention_z(MatrixView<const float> A, std::size_t first, MatrixView<const float> v, std::size_t n_head,
                 MatrixView<float> z) {
  const std::size_t d_head = v.n_col / n_head;
  each_row(n_head, z.n_row, work_of(first, z.n_row, d_head), [&](std::size_t h, std::size_t i, std::size_t r) {
    weighted_sum(A.row(r).first(first + i + 1), v, h * d_head, head_of(z.row(i), h, d_head));
  });
}

}  // namespace lens
