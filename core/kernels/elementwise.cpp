#include "kernels/elementwise.h"

#include <cassert>
#include <cmath>
#include <numbers>

#include "base/parallel.h"
#include "kernels/exp.h"
#include "kernels/simd.h"

namespace lens {
namespace {

// Σ f(x_i) in double, four sums side by side.
template <class F>
double sum_of(std::span<const float> x, F f) {
  double sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= x.size(); i += 4)
    for (std::size_t j = 0; j < 4; ++j) sums[j] += f(static_cast<double>(x[i + j]));
  for (; i < x.size(); ++i) sums[0] += f(static_cast<double>(x[i]));
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

double mean_of(std::span<const float> x) {
  return sum_of(x, [](double value) { return value; }) / static_cast<double>(x.size());
}

}  // namespace

float layer_norm_scale(std::span<const float> x, float eps) {
  const double mean = mean_of(x);
  const double squares = sum_of(x, [mean](double value) { return (value - mean) * (value - mean); });
  return static_cast<float>(std::sqrt(squares / static_cast<double>(x.size()) + eps));
}

void layer_norm(std::span<const float> x, float scale, std::span<const float> gamma, std::span<const float> beta,
                std::span<float> out) {
  assert(x.size() == gamma.size() && x.size() == beta.size() && x.size() == out.size());
  const double mean = mean_of(x);
  const double inverse = 1.0 / scale;
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = static_cast<float>((x[i] - mean) * inverse) * gamma[i] + beta[i];
}

// Of a value, in multiply-adds: its sums are double.
constexpr double kNormWork = 4;
// And of an exponential, with what else a value goes through.
constexpr double kExpWork = 20;

void layer_norm_scales(MatrixView<const float> x, float eps, std::span<float> scale) {
  parallel_ranges(x.n_row, kNormWork * static_cast<double>(x.n_col), [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) scale[r] = layer_norm_scale(x.row(r), eps);
  });
}

void layer_norm_rows(MatrixView<const float> x, std::span<const float> scale, std::span<const float> gamma,
                     std::span<const float> beta, MatrixView<float> out) {
  parallel_ranges(x.n_row, kNormWork * static_cast<double>(x.n_col), [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) layer_norm(x.row(r), scale[r], gamma, beta, out.row(r));
  });
}

void softmax(std::span<float> x) {
  if (x.empty()) return;
  const float max = *std::max_element(x.begin(), x.end());
  map(x, x, [max](Vec v) { return xsimd::exp(v - max); });
  double sum = 0;
  for (const float value : x) sum += value;
  const float inverse = static_cast<float>(1.0 / sum);
  map(x, x, [inverse](Vec v) { return v * inverse; });
}

void softmax_rows(MatrixView<float> X) {
  parallel_ranges(X.n_row, kExpWork * static_cast<double>(X.n_col), [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) softmax(X.row(r));
  });
}

namespace {

void activate_here(Activation activation, std::span<float> x) {
  switch (activation) {
    case Activation::gelu_new: {
      // (1 + tanh(t)) / 2 = 1 / (1 + exp(−2t)), with the exponential of the sign that cannot overflow.
      const Vec minus_two_root = held(static_cast<float>(-2 * std::sqrt(2.0 / std::numbers::pi)));
      const Vec cubic = held(0.044715f), one = held(1.0f), zero = held(0.0f);
      const ExpNotAbove0 exponential;
      map(x, x, [&](Vec v) {
        const Vec t = minus_two_root * (v * madd(cubic * v, v, one));
        const Vec e = exponential(-xsimd::abs(t));
        return v * xsimd::select(t <= zero, one, e) / (one + e);
      });
      return;
    }
    case Activation::gelu: {
      const float inverse_root_2 = static_cast<float>(1.0 / std::numbers::sqrt2);
      map(x, x, [inverse_root_2](Vec v) { return 0.5f * v * (1.0f + xsimd::erf(v * inverse_root_2)); });
      return;
    }
    case Activation::relu:
      return map(x, x, [](Vec v) { return xsimd::max(v, Vec(0.0f)); });
    case Activation::silu:
      return map(x, x, [](Vec v) { return v / (1.0f + xsimd::exp(-v)); });
    case Activation::tanh:
      return map(x, x, [](Vec v) { return xsimd::tanh(v); });
  }
}

}  // namespace

void activate(Activation activation, std::span<float> x) {
  constexpr std::size_t kValues = 1024;  // a piece: a value's result does not depend on where it stands (map)
  parallel_ranges((x.size() + kValues - 1) / kValues, kExpWork * kValues, [&](std::size_t begin, std::size_t end) {
    const std::size_t first = begin * kValues;
    activate_here(activation, x.subspan(first, std::min(end * kValues, x.size()) - first));
  });
}

namespace {

// x·rows[i] for N rows at once, so that a sum's latency is hidden behind the others'. All have n values.
template <std::size_t N>
void dots_of(const float* x, const float* const (&rows)[N], std::size_t n, float* out) {
  Vec sum[N];
  for (Vec& s : sum) s = Vec(0.0f);
  std::size_t k = 0;
  for (; k + kLanes <= n; k += kLanes) {
    const Vec x_k = Vec::load_unaligned(x + k);
    for (std::size_t i = 0; i < N; ++i) sum[i] = madd(x_k, Vec::load_unaligned(rows[i] + k), sum[i]);
  }
  for (std::size_t i = 0; i < N; ++i) {
    out[i] = xsimd::reduce_add(sum[i]);
    for (std::size_t rest = k; rest < n; ++rest) out[i] += x[rest] * rows[i][rest];
  }
}

// Columns [0, n) of Σ_j weights[j] · rows[j · stride : ], N vectors of them at once.
template <std::size_t N>
void weighted_vectors(std::span<const float> weights, const float* rows, std::size_t stride, float* out) {
  Vec sum[N];
  for (Vec& s : sum) s = Vec(0.0f);
  for (const float weight : weights) {
    const Vec w(weight);
    for (std::size_t v = 0; v < N; ++v) sum[v] = madd(w, Vec::load_unaligned(rows + v * kLanes), sum[v]);
    rows += stride;
  }
  for (std::size_t v = 0; v < N; ++v) sum[v].store_unaligned(out + v * kLanes);
}

}  // namespace

float dot(std::span<const float> x, std::span<const float> y) {
  assert(x.size() == y.size());
  float product;
  dots_of(x.data(), {y.data()}, x.size(), &product);
  return product;
}

void dots(std::span<const float> x, MatrixView<const float> rows, std::size_t first, std::span<float> out) {
  assert(first + x.size() <= rows.n_col && out.size() <= rows.n_row);
  const auto row = [&](std::size_t j) { return rows.data + j * rows.n_col + first; };
  std::size_t j = 0;
  for (; j + 4 <= out.size(); j += 4)
    dots_of(x.data(), {row(j), row(j + 1), row(j + 2), row(j + 3)}, x.size(), &out[j]);
  for (; j < out.size(); ++j) dots_of(x.data(), {row(j)}, x.size(), &out[j]);
}

void add_scaled(float a, std::span<const float> x, std::span<float> y) {
  assert(x.size() == y.size());
  const Vec factor(a);
  std::size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes)
    madd(factor, Vec::load_unaligned(&x[i]), Vec::load_unaligned(&y[i])).store_unaligned(&y[i]);
  for (; i < x.size(); ++i) y[i] += a * x[i];
}

void weighted_sum(std::span<const float> weights, MatrixView<const float> rows, std::size_t first,
                  std::span<float> out) {
  assert(first + out.size() <= rows.n_col && weights.size() <= rows.n_row);
  std::size_t i = 0;
  for (; i + 8 * kLanes <= out.size(); i += 8 * kLanes)
    weighted_vectors<8>(weights, rows.data + first + i, rows.n_col, &out[i]);
  for (; i + kLanes <= out.size(); i += kLanes)
    weighted_vectors<1>(weights, rows.data + first + i, rows.n_col, &out[i]);
  for (; i < out.size(); ++i) {
    out[i] = 0;
    for (std::size_t j = 0; j < weights.size(); ++j) out[i] += weights[j] * rows.data[j * rows.n_col + first + i];
  }
}

}  // namespace lens
