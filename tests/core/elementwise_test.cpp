#include "kernels/elementwise.h"

#include <numbers>

#include "base/parallel.h"
#include "support.h"

using namespace lens;
using namespace lens::test;

TEST_CASE("layer norm equals its scalar twin, outlier channels included") {
  Random random(11);
  for (const std::size_t n : sizes())
    for (const float outlier : {0.0f, 3000.0f}) {
      auto x = random.normals(n);
      x[random.below(n)] += outlier;
      const auto gamma = random.normals(n), beta = random.normals(n);
      double mean = 0, squares = 0;
      for (const float value : x) mean += value / static_cast<double>(n);
      for (const float value : x) squares += (value - mean) * (value - mean) / static_cast<double>(n);
      const double scale = std::sqrt(squares + 1e-5);
      require_close(layer_norm_scale(x, 1e-5f), scale, scale, 1);

      std::vector<float> out(n);
      layer_norm(x, static_cast<float>(scale), gamma, beta, out);
      for (std::size_t i = 0; i < n; ++i) {
        const double term = (x[i] - mean) / scale * gamma[i];
        require_close(out[i], term + beta[i], std::abs(term) + std::abs(beta[i]), 4);
      }
    }
}

TEST_CASE("layer norm of a constant row is beta, not a division by nothing") {
  const std::vector<float> x(20, 5.0f), gamma(20, 2.0f), beta(20, 0.5f);
  const float scale = layer_norm_scale(x, 1e-5f);
  require_close(scale, std::sqrt(1e-5), std::sqrt(1e-5), 1);
  std::vector<float> out(20);
  layer_norm(x, scale, gamma, beta, out);
  REQUIRE(out == beta);
}

TEST_CASE("softmax equals its scalar twin and survives extreme scores") {
  Random random(12);
  for (const std::size_t n : sizes())
    for (const float scale : {1.0f, 30.0f, 10000.0f}) {
      const auto scores = random.normals(n, scale);
      double max = scores[0], sum = 0;
      for (const float s : scores) max = std::max<double>(max, s);
      for (const float s : scores) sum += std::exp(s - max);
      auto p = scores;
      softmax(p);
      double total = 0;
      for (std::size_t i = 0; i < n; ++i) {
        // exp of a difference known to an epsilon of its own size
        const double expected = std::exp(scores[i] - max) / sum;
        require_close(p[i], expected, expected * (1 + std::abs(scores[i] - max)) + 1e-37, 8);
        total += p[i];
      }
      require_close(total, 1, 1, 8);
    }
}

TEST_CASE("softmax of rows is that of each row") {
  Random random(14);
  Matrix X(5, 37);
  for (std::size_t r = 0; r < X.n_row(); ++r) std::ranges::copy(random.normals(X.n_col()), X.row(r).begin());
  Matrix each = X;
  for (std::size_t r = 0; r < X.n_row(); ++r) softmax(each.row(r));
  softmax_rows(X);
  for (std::size_t r = 0; r < X.n_row(); ++r) REQUIRE(std::ranges::equal(X.row(r), each.row(r)));
}

TEST_CASE("norms of rows and activations have the same bits however many threads share them") {
  Random random(15);
  const std::size_t n = 70, d = 1003;
  Matrix X(n, d);
  for (std::size_t r = 0; r < n; ++r) std::ranges::copy(random.normals(d), X.row(r).begin());
  const auto gamma = random.normals(d), beta = random.normals(d);
  std::vector<float> scales;
  for (std::size_t r = 0; r < n; ++r) scales.push_back(layer_norm_scale(X.row(r), 1e-5f));
  Matrix norms(n, d);
  for (std::size_t r = 0; r < n; ++r) layer_norm(X.row(r), scales[r], gamma, beta, norms.row(r));
  auto active = random.normals(n * d);
  const auto inputs = active;
  activate(Activation::gelu_new, active);
  for (const std::size_t n_thread : {1u, 2u, 5u}) {
    use_threads(n_thread);
    std::vector<float> shared_scales(n), shared_active = inputs;
    Matrix shared(n, d);
    layer_norm_scales(X, 1e-5f, shared_scales);
    layer_norm_rows(X, shared_scales, gamma, beta, shared);
    activate(Activation::gelu_new, shared_active);
    use_threads(1);
    REQUIRE(shared_scales == scales);
    for (std::size_t r = 0; r < n; ++r) REQUIRE(std::ranges::equal(shared.row(r), norms.row(r)));
    REQUIRE(shared_active == active);
  }
}

TEST_CASE("both GELUs equal their scalar twins, and each other they do not") {
  std::vector<float> x;
  for (int i = -1200; i <= 1200; ++i) x.push_back(static_cast<float>(i) / 100);
  x.insert(x.end(), {0.0f, -0.0f, 1e-30f, -1e4f, 1e4f});
  auto tanh_form = x, exact = x;
  activate(Activation::gelu_new, tanh_form);
  activate(Activation::gelu, exact);
  double apart = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    const double inner = std::sqrt(2 / std::numbers::pi) * (v + 0.044715 * v * v * v);
    // 1 + tanh cancels on the left: the error is one of |x| · epsilon, which is how it enters the residual stream.
    require_close(tanh_form[i], 0.5 * v * (1 + std::tanh(inner)), std::abs(v) + 1e-30, 4);
    require_close(exact[i], 0.5 * v * (1 + std::erf(v / std::numbers::sqrt2)), std::abs(v) + 1e-30, 4);
    apart = std::max(apart, static_cast<double>(std::abs(tanh_form[i] - exact[i])));
  }
  REQUIRE(apart > 1e-4);
}

TEST_CASE("the other activations equal their scalar twins") {
  std::vector<float> x{0.0f, -0.0f, 1e-30f, -80.0f, 80.0f, -1e4f, 1e4f};
  for (int i = -1200; i <= 1200; ++i) x.push_back(static_cast<float>(i) / 100);
  auto relu = x, silu = x, tanh = x;
  activate(Activation::relu, relu);
  activate(Activation::silu, silu);
  activate(Activation::tanh, tanh);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    CHECK(relu[i] == std::max(x[i], 0.0f));
    require_close(silu[i], v / (1 + std::exp(-v)), std::abs(v) + 1e-30, 4);
    require_close(tanh[i], std::tanh(v), std::min(std::abs(v), 1.0) + 1e-30, 4);
  }
}

TEST_CASE("dot and add_scaled equal their scalar twins") {
  Random random(13);
  for (const std::size_t n : sizes()) {
    const auto x = random.normals(n + 1), y = random.normals(n + 1);
    const std::span<const float> a(x.data() + 1, n), b(y.data() + 1, n);
    double sum = 0, magnitude = 0;
    for (std::size_t i = 0; i < n; ++i) {
      sum += static_cast<double>(a[i]) * b[i];
      magnitude += std::abs(static_cast<double>(a[i]) * b[i]);
    }
    require_close(dot(a, b), sum, magnitude, static_cast<double>(n) / kLanes + 8);
    auto out = y;
    add_scaled(0.75f, a, std::span(out).subspan(1));
    for (std::size_t i = 0; i < n; ++i)
      require_close(out[i + 1], 0.75 * a[i] + b[i], std::abs(0.75 * a[i]) + std::abs(b[i]), 2);
    REQUIRE(out[0] == y[0]);
  }
}

TEST_CASE("many dots have the bits of one, and a weighted sum equals its scalar twin") {
  Random random(14);
  for (const std::size_t n : sizes())
    for (const std::size_t n_row : {1u, 3u, 4u, 9u}) {
      const std::size_t first = 3, width = n + 5;
      const auto values = random.normals(n_row * width), x = random.normals(n), weights = random.normals(n_row);
      const MatrixView<const float> rows(values.data(), n_row, width);
      std::vector<float> products(n_row), sum(n + 1, 7.0f);
      dots(x, rows, first, products);
      for (std::size_t j = 0; j < n_row; ++j) REQUIRE(products[j] == dot(x, rows.row(j).subspan(first, n)));
      weighted_sum(weights, rows, first, std::span(sum).first(n));
      for (std::size_t i = 0; i < n; ++i) {
        double expected = 0, magnitude = 0;
        for (std::size_t j = 0; j < n_row; ++j) {
          expected += static_cast<double>(weights[j]) * rows.row(j)[first + i];
          magnitude += std::abs(static_cast<double>(weights[j]) * rows.row(j)[first + i]);
        }
        require_close(sum[i], expected, magnitude, static_cast<double>(n_row) + 2);
      }
      REQUIRE(sum[n] == 7.0f);
    }
}
