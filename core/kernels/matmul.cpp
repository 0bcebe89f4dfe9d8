#include "kernels/matmul.h"

#include <algorithm>

namespace lens {
namespace {

constexpr std::size_t kVecs = kPanel / kLanes;

// R rows of x (each n_in long, x_stride apart) against one panel. R is a template argument so that the R·kVecs
// accumulators live in registers; every R performs the same operations on each element.
template <std::size_t R>
void rows_by_panel(const float* x, std::size_t x_stride, std::size_t n_in, const float* panel, float* out,
                   std::size_t out_stride) {
  Vec sum[R][kVecs];
  for (auto& row : sum)
    for (auto& vec : row) vec = Vec(0.0f);
  for (std::size_t k = 0; k < n_in; ++k) {
    Vec w[kVecs];
    for (std::size_t v = 0; v < kVecs; ++v) w[v] = Vec::load_unaligned(panel + k * kPanel + v * kLanes);
    for (std::size_t r = 0; r < R; ++r) {
      const Vec x_k(x[r * x_stride + k]);
      for (std::size_t v = 0; v < kVecs; ++v) sum[r][v] = xsimd::fma(x_k, w[v], sum[r][v]);
    }
  }
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t v = 0; v < kVecs; ++v) sum[r][v].store_unaligned(out + r * out_stride + v * kLanes);
}

// 4 rows × 2 simd128 vectors is the largest tile that clang keeps in the 15 registers V8 gives to wasm.
void any_rows_by_panel(MatrixView<const float> X, const float* panel, float* out, std::size_t out_stride) {
  std::size_t r = 0;
  const auto tile = [&]<std::size_t R>() {
    rows_by_panel<R>(X.data + r * X.n_col, X.n_col, X.n_col, panel, out + r * out_stride, out_stride);
    r += R;
  };
  while (r + 4 <= X.n_row) tile.template operator()<4>();
  if (r + 2 <= X.n_row) tile.template operator()<2>();
  if (r < X.n_row) tile.template operator()<1>();
}

// Rows that share a pass over the weights: enough to reuse a panel from the first-level cache, few enough that
// their own x stays in the second.
constexpr std::size_t kRowBlock = 64;

}  // namespace

PackedMatrix::PackedMatrix(std::size_t n_in, std::size_t n_out, Storage storage) : n_in_(n_in), n_out_(n_out) {
  const std::size_t count = n_panel() * n_in * kPanel;
  if (storage == Storage::float32) {
    panels_.resize(count);
  } else {
    assert(n_in % kQ8Block == 0);
    quants_.resize(count);
    scales_.resize(count / kQ8Block);
  }
}

const float* PackedMatrix::panel(std::size_t p, std::size_t first_in, std::size_t n, std::vector<float>& room) const {
  const std::size_t begin = (p * n_in_ + first_in) * kPanel;
  if (storage() == Storage::float32) return panels_.data() + begin;
  room.resize(n * kPanel);
  for (std::size_t in = 0; in < n; ++in) {
    const float* scales = scales_.data() + scale_index(first_in + in, p * kPanel);
    const std::int8_t* quants = quants_.data() + begin + in * kPanel;
    for (std::size_t c = 0; c < kPanel; ++c) room[in * kPanel + c] = scales[c] * static_cast<float>(quants[c]);
  }
  return room.data();
}

float PackedMatrix::at(std::size_t in, std::size_t out) const {
  if (storage() == Storage::float32) return panels_[index(in, out)];
  return scales_[scale_index(in, out)] * static_cast<float>(quants_[index(in, out)]);
}

void PackedMatrix::set_row(std::size_t in, std::span<const float> values) {
  assert(in < n_in_ && values.size() == n_out_ && storage() == Storage::float32);
  for (std::size_t out = 0; out < n_out_; ++out) panels_[index(in, out)] = values[out];
}

void PackedMatrix::set_column(std::size_t out, std::span<const float> values) {
  assert(out < n_out_ && values.size() == n_in_ && storage() == Storage::float32);
  for (std::size_t in = 0; in < n_in_; ++in) panels_[index(in, out)] = values[in];
}

void PackedMatrix::set_column(std::size_t out, std::span<const float> scales, std::span<const std::int8_t> values) {
  assert(out < n_out_ && values.size() == n_in_ && scales.size() * kQ8Block == n_in_ && storage() == Storage::q8_0);
  for (std::size_t in = 0; in < n_in_; ++in) quants_[index(in, out)] = values[in];
  for (std::size_t block = 0; block < scales.size(); ++block)
    scales_[scale_index(block * kQ8Block, out)] = scales[block];
}

void PackedMatrix::column(std::size_t out, std::span<float> values) const {
  assert(out < n_out_ && values.size() == n_in_);
  for (std::size_t in = 0; in < n_in_; ++in) values[in] = at(in, out);
}

std::vector<double> PackedMatrix::mean_column() const {
  std::vector<double> mean(n_in_, 0.0);
  std::vector<float> room;
  for (std::size_t p = 0; p < n_panel(); ++p) {
    const float* values = panel(p, 0, n_in_, room);  // zeros beyond n_out
    for (std::size_t in = 0; in < n_in_; ++in)
      for (std::size_t c = 0; c < kPanel; ++c) mean[in] += values[in * kPanel + c];
  }
  for (double& value : mean) value /= static_cast<double>(n_out_);
  return mean;
}

void panel_product(MatrixView<const float> X, const PackedMatrix& W, std::size_t p, float* out, std::size_t stride) {
  assert(X.n_col == W.n_in());
  thread_local std::vector<float> room;
  any_rows_by_panel(X, W.panel(p, 0, W.n_in(), room), out, stride);
}

void matmul_transposed(const PackedMatrix& W, std::span<const double> y, std::span<double> out) {
  assert(y.size() == W.n_out() && out.size() == W.n_in());
  std::vector<float> room;
  std::ranges::fill(out, 0.0);
  for (std::size_t p = 0; p < W.n_panel(); ++p) {
    double y_p[kPanel] = {};  // zeros beyond n_out
    std::copy_n(y.begin() + static_cast<std::ptrdiff_t>(p * kPanel), std::min(kPanel, y.size() - p * kPanel), y_p);
    const float* panel = W.panel(p, 0, W.n_in(), room);
    for (std::size_t k = 0; k < W.n_in(); ++k) {
      double products[kPanel];
      for (std::size_t c = 0; c < kPanel; ++c) products[c] = static_cast<double>(panel[k * kPanel + c]) * y_p[c];
      for (std::size_t half = kPanel / 2; half > 0; half /= 2)
        for (std::size_t c = 0; c < half; ++c) products[c] += products[c + half];
      out[k] += products[0];
    }
  }
}

void matmul_slice(MatrixView<const float> X, const PackedMatrix& W, std::size_t first_in, MatrixView<float> Y) {
  assert(first_in + X.n_col <= W.n_in() && Y.n_row == X.n_row && Y.n_col == W.n_out());
  float tail[kRowBlock * kPanel];
  std::vector<float> room;
  for (std::size_t begin = 0; begin < X.n_row; begin += kRowBlock) {
    const auto x = X.rows(begin, std::min(begin + kRowBlock, X.n_row));
    for (std::size_t p = 0; p < W.n_panel(); ++p) {
      const float* panel = W.panel(p, first_in, X.n_col, room);
      const std::size_t column = p * kPanel;
      float* out = Y.data + begin * Y.n_col + column;
      if (column + kPanel <= Y.n_col) {
        any_rows_by_panel(x, panel, out, Y.n_col);
      } else {
        any_rows_by_panel(x, panel, tail, kPanel);
        for (std::size_t r = 0; r < x.n_row; ++r) std::copy_n(tail + r * kPanel, Y.n_col - column, out + r * Y.n_col);
      }
    }
  }
}

void matmul(MatrixView<const float> X, const PackedMatrix& W, std::span<const float> b, MatrixView<float> Y) {
  assert(X.n_col == W.n_in() && (b.empty() || b.size() == W.n_out()));
  matmul_slice(X, W, 0, Y);
  if (b.empty()) return;
  for (std::size_t r = 0; r < Y.n_row; ++r)
    for (std::size_t c = 0; c < Y.n_col; ++c) Y.row(r)[c] += b[c];
}

}  // namespace lens
