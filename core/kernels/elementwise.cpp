#include "kernels/elementwise.h"

#include <cassert>
#include <cmath>
#include <numbers>

#include "kernels/simd.h"

namespace lens {
namespace {

double mean_of(std::span<const float> x) {
  double sum = 0;
  for (const float value : x) sum += value;
  return sum / static_cast<double>(x.size());
}

}  // namespace

float layer_norm_scale(std::span<const float> x, float eps) {
  const double mean = mean_of(x);
  double squares = 0;
  for (const float value : x) squares += (value - mean) * (value - mean);
  return static_cast<float>(std::sqrt(squares / static_cast<double>(x.size()) + eps));
}

void layer_norm(std::span<const float> x, float scale, std::span<const float> gamma, std::span<const float> beta,
                std::span<float> out) {
  assert(x.size() == gamma.size() && x.size() == beta.size() && x.size() == out.size());
  const double mean = mean_of(x);
  const double inverse = 1.0 / scale;
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = static_cast<float>((x[i] - mean) * inverse) * gamma[i] + beta[i];
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

void activate(Activation activation, std::span<float> x) {
  switch (activation) {
    case Activation::gelu_new: {
      const float root = static_cast<float>(std::sqrt(2.0 / std::numbers::pi));
      map(x, x, [root](Vec v) { return 0.5f * v * (1.0f + xsimd::tanh(root * (v + 0.044715f * (v * v * v)))); });
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

float dot(std::span<const float> x, std::span<const float> y) {
  assert(x.size() == y.size());
  Vec sum(0.0f);
  std::size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes)
    sum = xsimd::fma(Vec::load_unaligned(&x[i]), Vec::load_unaligned(&y[i]), sum);
  float total = xsimd::reduce_add(sum);
  for (; i < x.size(); ++i) total += x[i] * y[i];
  return total;
}

void add_scaled(float a, std::span<const float> x, std::span<float> y) {
  assert(x.size() == y.size());
  const Vec factor(a);
  std::size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes)
    xsimd::fma(factor, Vec::load_unaligned(&x[i]), Vec::load_unaligned(&y[i])).store_unaligned(&y[i]);
  for (; i < x.size(); ++i) y[i] += a * x[i];
}

}  // namespace lens
