#include "kernels/matmul.h"

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <numeric>

#include "base/parallel.h"

namespace lens {
namespace {

// This many inputs at once: a panel's weights then stay in the first-level cache while the rows go by, and those of the rows
// in the second while the panels do. Sums that go on in the next ones wait in the output, as floats, so cutting changes no bit.
constexpr std::size_t kInBlock = 384;

// Rows that share a pass over the weights.
constexpr std::size_t kRowBlock = 64;

// `n_row` of the group's four rows against one panel; `out` holds their sums so far, or is written afresh.
//
// 4 × 2 vectors is the largest tile whose sums stay in registers in every engine (V8 has 15 for wasm; 6 × 2 spills in
// some of its versions). For that the loop must be this plain: unrolled, clang's wasm back end orders it until they
// spill.
void tile(const float* x, std::size_t n_in, const float* panel, std::size_t n_row, bool afresh, float* out,
          std::size_t stride) {
  Vec sum[kGroup][2];
  for (std::size_t r = 0; r < kGroup; ++r)
    for (std::size_t v = 0; v < 2; ++v)
      sum[r][v] = afresh || r >= n_row ? Vec(0.0f) : Vec::load_unaligned(out + r * stride + v * kLanes);
#pragma clang loop unroll(disable)
  for (std::size_t k = 0; k < n_in; ++k) {
    const Vec w[2] = {Vec::load_unaligned(panel + k * kPanel), Vec::load_unaligned(panel + k * kPanel + kLanes)};
#pragma clang loop unroll(full)
    for (std::size_t r = 0; r < kGroup; ++r) {
      const Vec x_k(x[k * kGroup + r]);
      for (std::size_t v = 0; v < 2; ++v) sum[r][v] = madd(x_k, w[v], sum[r][v]);
    }
  }
  for (std::size_t r = 0; r < kGroup; ++r)
    if (r < n_row)
      for (std::size_t v = 0; v < 2; ++v) sum[r][v].store_unaligned(out + r * stride + v * kLanes);
}

// One row against N panels at once, so that a sum's latency is hidden behind the others'. w(panel) is where its values
// begin, floats or halves.
template <std::size_t N, class W>
void row_by_values(const float* x, std::size_t n_in, W w, std::size_t p, float* out) {
  decltype(w(p)) at[N];
  Vec sum[N][2];
  for (std::size_t i = 0; i < N; ++i) {
    at[i] = w(p + i);
    sum[i][0] = sum[i][1] = Vec(0.0f);
  }
#pragma clang loop unroll(disable)
  for (std::size_t k = 0; k < n_in; ++k) {
    const Vec x_k(x[k]);
    for (std::size_t i = 0; i < N; ++i) {
      Vec value[2];
      load_pair(at[i] + k * kPanel, value);
      for (std::size_t v = 0; v < 2; ++v) sum[i][v] = madd(x_k, value[v], sum[i][v]);
    }
  }
  for (std::size_t i = 0; i < N; ++i)
    for (std::size_t v = 0; v < 2; ++v) sum[i][v].store_unaligned(out + i * kPanel + v * kLanes);
}

void row_by_panels(const GroupedRows& X, const PackedMatrix& W, std::size_t begin, std::size_t end, float* out) {
  std::size_t p = begin;
  const auto step = [&]<std::size_t N>() {
    float* at = out + (p - begin) * kPanel;
    if (W.storage() == PackedMatrix::Storage::float16)
      row_by_values<N>(
          X.single(), X.n_in(), [&](std::size_t panel) { return W.halves(panel, X.first_in()); }, p, at);
    else
      row_by_values<N>(
          X.single(), X.n_in(), [&](std::size_t panel) { return W.values(panel, X.first_in()); }, p, at);
    p += N;
  };
  if (W.storage() == PackedMatrix::Storage::float32)
    while (p + 4 <= end) step.template operator()<4>();
  while (p + 2 <= end) step.template operator()<2>();
  if (p < end) step.template operator()<1>();
}

// Four rows against one panel, each from where it lies.
void rows_by_panel(const float* const (&x)[kGroup], std::size_t n_in, const float* panel, float* out) {
  Vec sum[kGroup][2];
  for (auto& row : sum) row[0] = row[1] = Vec(0.0f);
#pragma clang loop unroll(disable)
  for (std::size_t k = 0; k < n_in; ++k) {
    const Vec w[2] = {Vec::load_unaligned(panel + k * kPanel), Vec::load_unaligned(panel + k * kPanel + kLanes)};
#pragma clang loop unroll(full)
    for (std::size_t r = 0; r < kGroup; ++r) {
      const Vec x_k(x[r][k]);
      for (std::size_t v = 0; v < 2; ++v) sum[r][v] = madd(x_k, w[v], sum[r][v]);
    }
  }
  for (std::size_t r = 0; r < kGroup; ++r)
    for (std::size_t v = 0; v < 2; ++v) sum[r][v].store_unaligned(out + r * kPanel + v * kLanes);
}

// Y = X·W[first_in : first_in + X.n_col, :] + b, b [n_out] or empty for none.
void multiply(MatrixView<const float> X, const PackedMatrix& W, std::size_t first_in, std::span<const float> b,
              MatrixView<float> Y) {
  assert(first_in + X.n_col <= W.n_in() && Y.n_row == X.n_row && Y.n_col == W.n_out());
  assert(b.empty() || b.size() == W.n_out());
  const GroupedRows rows(X, W, first_in);
  const auto add_bias = [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < Y.n_row && !b.empty(); ++r)
      for (std::size_t c = begin; c < end; ++c) Y.row(r)[c] += b[c];
  };
  const std::size_t n_whole = W.n_out() / kPanel;
  const double work = static_cast<double>(X.n_row * X.n_col) * static_cast<double>(kPanel);
  parallel_ranges(n_whole, work, [&](std::size_t begin, std::size_t end) {
    panel_products(rows, W, begin, end, Y.data + begin * kPanel, Y.n_col);
    add_bias(begin * kPanel, end * kPanel);
  });
  if (n_whole == W.n_panel()) return;
  std::vector<float> last(X.n_row * kPanel);
  panel_products(rows, W, n_whole, n_whole + 1, last.data(), kPanel);
  const std::size_t column = n_whole * kPanel;
  for (std::size_t r = 0; r < X.n_row; ++r)
    std::copy_n(last.data() + r * kPanel, Y.n_col - column, Y.row(r).data() + column);
  add_bias(column, Y.n_col);
}

}  // namespace

PackedMatrix::PackedMatrix(std::size_t n_in, std::size_t n_out, Storage storage) : n_in_(n_in), n_out_(n_out) {
  const std::size_t count = n_panel() * n_in * kPanel;
  switch (storage) {
    case Storage::float32:
      panels_.resize(count);
      break;
    case Storage::float16:
      halves_.resize(count);
      break;
    case Storage::q8_0:
      assert(n_in % kQ8Block == 0);
      quants_.resize(count);
      scales_.resize(count / kQ8Block);
  }
}

const float* PackedMatrix::panel(std::size_t p, std::size_t first_in, std::size_t n, float* room) const {
  if (storage() == Storage::float32) return values(p, first_in);
  if (storage() == Storage::float16) {
    const std::uint16_t* half = halves(p, first_in);
    for (std::size_t i = 0; i < n * kPanel; i += kPanel) {
      Vec value[2];
      load_pair(half + i, value);
      for (std::size_t v = 0; v < 2; ++v) value[v].store_unaligned(room + i + v * kLanes);
    }
    return room;
  }
  for (std::size_t k = 0; k < n; ++k) {
    const std::int8_t* quant = quants(p, first_in + k);
    const float* scale = scales(p, first_in + k);
    for (std::size_t c = 0; c < kPanel; ++c) room[k * kPanel + c] = scale[c] * static_cast<float>(quant[2 * c]);
  }
  return room;
}

float PackedMatrix::at(std::size_t in, std::size_t out) const {
  if (storage() == Storage::float32) return panels_[index(in, out)];
  if (storage() == Storage::float16) return static_cast<float>(std::bit_cast<Eigen::half>(halves_[index(in, out)]));
  return scales_[scale_index(in, out)] * static_cast<float>(quants_[pair_index(in, out)]);
}

void PackedMatrix::set(std::size_t index, float value) {
  if (halves_.empty())
    panels_[index] = value;
  else
    halves_[index] = std::bit_cast<std::uint16_t>(Eigen::half(value));
}

void PackedMatrix::set_row(std::size_t in, std::span<const float> values) {
  assert(in < n_in_ && values.size() == n_out_ && storage() != Storage::q8_0);
  for (std::size_t out = 0; out < n_out_; ++out) set(index(in, out), values[out]);
}

void PackedMatrix::set_column(std::size_t out, std::span<const float> values) {
  assert(out < n_out_ && values.size() == n_in_ && storage() != Storage::q8_0);
  for (std::size_t in = 0; in < n_in_; ++in) set(index(in, out), values[in]);
}

void PackedMatrix::set_column(std::size_t out, std::span<const float> scales, std::span<const std::int8_t> values) {
  assert(out < n_out_ && values.size() == n_in_ && scales.size() * kQ8Block == n_in_ && storage() == Storage::q8_0);
  for (std::size_t in = 0; in < n_in_; ++in) quants_[pair_index(in, out)] = values[in];
  for (std::size_t block = 0; block < scales.size(); ++block)
    scales_[scale_index(block * kQ8Block, out)] = scales[block];
}

void PackedMatrix::column(std::size_t out, std::span<float> values) const {
  assert(out < n_out_ && values.size() == n_in_);
  for (std::size_t in = 0; in < n_in_; ++in) values[in] = at(in, out);
}

std::vector<double> PackedMatrix::mean_column() const {
  std::vector<double> mean(n_in_, 0.0);
  std::vector<float> room(n_in_ * kPanel);
  for (std::size_t p = 0; p < n_panel(); ++p) {
    const float* values = panel(p, 0, n_in_, room.data());  // zeros beyond n_out
    for (std::size_t in = 0; in < n_in_; ++in)
      for (std::size_t c = 0; c < kPanel; ++c) mean[in] += values[in * kPanel + c];
  }
  for (double& value : mean) value /= static_cast<double>(n_out_);
  return mean;
}

GroupedRows::GroupedRows(MatrixView<const float> X, const PackedMatrix& W, std::size_t first_in)
    : n_row_(X.n_row), n_in_(X.n_col), first_in_(first_in) {
  if (W.storage() == PackedMatrix::Storage::q8_0) {
    fixed_ = FixedRows(X, first_in);
    return;
  }
  if (n_row_ == 1) {
    values_.assign(X.data, X.data + n_in_);
    return;
  }
  values_.resize(n_group() * n_in_ * kGroup);
  parallel_ranges(n_group(), static_cast<double>(kGroup * n_in_), [&](std::size_t begin, std::size_t end) {
    for (std::size_t g = begin; g < end; ++g) {
      float* into = values_.data() + g * n_in_ * kGroup;
      const float* rows = X.data + g * kGroup * n_in_;
      if (rows_in(g) == kGroup)  // all at once, which is four times as fast
        for (std::size_t k = 0; k < n_in_; ++k)
          for (std::size_t r = 0; r < kGroup; ++r) into[k * kGroup + r] = rows[r * n_in_ + k];
      else
        for (std::size_t r = 0; r < rows_in(g); ++r)
          for (std::size_t k = 0; k < n_in_; ++k) into[k * kGroup + r] = rows[r * n_in_ + k];
    }
  });
}

void panel_products(const GroupedRows& X, const PackedMatrix& W, std::size_t begin, std::size_t end, float* out,
                    std::size_t stride, std::size_t first_row) {
  assert(X.first_in() + X.n_in() <= W.n_in() && end <= W.n_panel());
  if (W.storage() == PackedMatrix::Storage::q8_0) return X.fixed().products(W, begin, end, out, stride, first_row);
  if (X.n_row() == 1) return row_by_panels(X, W, begin, end, out);
  float room[kInBlock * kPanel];
  constexpr std::size_t kGroups = kRowBlock / kGroup;
  for (std::size_t block = first_row / kGroup; block < X.n_group(); block += kGroups)
    for (std::size_t in = 0; in < X.n_in(); in += kInBlock) {
      const std::size_t n = std::min(kInBlock, X.n_in() - in);
      for (std::size_t p = begin; p < end; ++p) {
        const float* panel = W.panel(p, X.first_in() + in, n, room);
        for (std::size_t g = block; g < std::min(block + kGroups, X.n_group()); ++g)
          tile(X.group(g) + in * kGroup, n, panel, X.rows_in(g), in == 0,
               out + g * kGroup * stride + (p - begin) * kPanel, stride);
      }
    }
}

void round_inputs(MatrixView<float> X, const PackedMatrix& W) {
  assert(X.n_col == W.n_in());
  if (W.storage() == PackedMatrix::Storage::q8_0) round_to_high(X);
}

void products_at(MatrixView<const float> X, const PackedMatrix& W, std::span<const Place> places, float* out) {
  // order: their indices by panel, each panel's as they come.
  std::vector<std::uint32_t> order(places.size()), next(W.n_panel() + 1);
  for (const Place& place : places) ++next[place.column / kPanel + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  for (std::size_t i = 0; i < places.size(); ++i)
    order[next[places[i].column / kPanel]++] = static_cast<std::uint32_t>(i);

  const bool is_q8 = W.storage() == PackedMatrix::Storage::q8_0;
  std::vector<std::uint8_t> is_met(X.n_row);
  for (const Place& place : places) is_met[place.row] = 1;
  std::vector<FixedRows> fixed(is_q8 ? X.n_row : 0);
  parallel_ranges(fixed.size(), kRoundingWork * static_cast<double>(X.n_col), [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r)
      if (is_met[r]) fixed[r] = FixedRows(X.rows(r, r + 1), 0);
  });
  const std::size_t n_room = W.storage() == PackedMatrix::Storage::float16 ? W.n_in() * kPanel : 0;
  // A part of fewer places would read the same panels as its neighbours.
  constexpr std::size_t kPlaces = 64;
  parallel_ranges(places.size() / kPlaces + 1, static_cast<double>(kPlaces * X.n_col * kPanel),
                  [&](std::size_t begin, std::size_t end) {
                    std::vector<float> room(n_room);
                    end = std::min(end * kPlaces, places.size());
                    for (std::size_t i = begin * kPlaces; i < end;) {
                      const std::size_t p = places[order[i]].column / kPanel;
                      const float* panel = is_q8 ? nullptr : W.panel(p, 0, W.n_in(), room.data());
                      while (i < end && places[order[i]].column / kPanel == p) {
                        // As many rows of this panel as go together, each perhaps at several places.
                        std::size_t rows[kGroup], n = 0;
                        std::size_t first = i;
                        for (; i < end && places[order[i]].column / kPanel == p; ++i) {
                          const std::size_t row = places[order[i]].row;
                          const bool known = std::find(rows, rows + n, row) != rows + n;
                          if (!known && n == kGroup) break;
                          if (!known) rows[n++] = row;
                        }
                        float products[kGroup * kPanel];
                        if (is_q8) {
                          for (std::size_t r = 0; r < n; ++r)
                            fixed[rows[r]].products(W, p, p + 1, products + r * kPanel, kPanel);
                        } else {
                          const float* x[kGroup];
                          for (std::size_t r = 0; r < kGroup; ++r) x[r] = X.row(rows[std::min(r, n - 1)]).data();
                          rows_by_panel(x, W.n_in(), panel, products);
                        }
                        for (; first < i; ++first) {
                          const Place& place = places[order[first]];
                          const auto r = static_cast<std::size_t>(std::find(rows, rows + n, place.row) - rows);
                          out[order[first]] = products[r * kPanel + place.column % kPanel];
                        }
                      }
                    }
                  });
}

void matmul_transposed(const PackedMatrix& W, std::span<const double> y, std::span<double> out, std::size_t first_in) {
  assert(y.size() == W.n_out() && first_in + out.size() <= W.n_in());
  std::vector<float> room(out.size() * kPanel);
  std::ranges::fill(out, 0.0);
  for (std::size_t p = 0; p < W.n_panel(); ++p) {
    double y_p[kPanel] = {};  // zeros beyond n_out
    std::copy_n(y.begin() + static_cast<std::ptrdiff_t>(p * kPanel), std::min(kPanel, y.size() - p * kPanel), y_p);
    const float* panel = W.panel(p, first_in, out.size(), room.data());
    for (std::size_t k = 0; k < out.size(); ++k) {
      double products[kPanel];
      for (std::size_t c = 0; c < kPanel; ++c) products[c] = static_cast<double>(panel[k * kPanel + c]) * y_p[c];
      for (std::size_t half = kPanel / 2; half > 0; half /= 2)
        for (std::size_t c = 0; c < half; ++c) products[c] += products[c + half];
      out[k] += products[0];
    }
  }
}

void matmul_slice(MatrixView<const float> X, const PackedMatrix& W, std::size_t first_in, MatrixView<float> Y) {
  multiply(X, W, first_in, {}, Y);
}

void matmul(MatrixView<const float> X, const PackedMatrix& W, std::span<const float> b, MatrixView<float> Y) {
  assert(X.n_col == W.n_in());
  multiply(X, W, 0, b, Y);
}

}  // namespace lens
