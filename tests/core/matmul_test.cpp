#include "kernels/matmul.h"

#include <cstring>
#include <limits>

#include "base/parallel.h"
#include "support.h"

using namespace lens;
using namespace lens::test;

namespace {

// The scalar twin, in double: Σ_k x[r, k] w[k, c] and, for the tolerance, the sum of magnitudes.
struct Twin {
  double sum = 0, magnitude = 0;
};
Twin twin(std::span<const float> x, const PackedMatrix& W, std::size_t column) {
  Twin t;
  for (std::size_t k = 0; k < x.size(); ++k) {
    t.sum += static_cast<double>(x[k]) * W.at(k, column);
    t.magnitude += std::abs(static_cast<double>(x[k]) * W.at(k, column));
  }
  return t;
}

PackedMatrix random_matrix(std::size_t n_in, std::size_t n_out, Random& random) {
  PackedMatrix W(n_in, n_out);
  for (std::size_t k = 0; k < n_in; ++k) W.set_row(k, random.normals(n_out));
  return W;
}

struct Q8Column {
  std::vector<float> scales;
  std::vector<std::int8_t> values;
};

Q8Column random_column(std::size_t n_in, Random& random) {
  Q8Column column{random.normals(n_in / kQ8Block, 0.01f), std::vector<std::int8_t>(n_in)};
  for (std::int8_t& value : column.values) value = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
  return column;
}

PackedMatrix random_q8(std::size_t n_in, std::size_t n_out, Random& random) {
  PackedMatrix W(n_in, n_out, PackedMatrix::Storage::q8_0);
  for (std::size_t c = 0; c < n_out; ++c) {
    const Q8Column column = random_column(n_in, random);
    W.set_column(c, column.scales, column.values);
  }
  return W;
}

// What fixed_rows.h promises: a rounding a block, where float32 has one an input; and each input as near as 2⁻²⁹ of its
// block's largest.
double q8_epsilons(std::size_t n_in) { return static_cast<double>(n_in / kQ8Block) + 4; }

double q8_magnitude(std::span<const float> x, std::size_t first, const PackedMatrix& W, std::size_t column) {
  std::vector<float> most(W.n_in() / kQ8Block, 0.0f);
  for (std::size_t k = 0; k < x.size(); ++k) {
    float& largest = most[(first + k) / kQ8Block];
    largest = std::max(largest, std::abs(x[k]));
  }
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double weight = std::abs(W.at(first + k, column));
    sum += weight * (std::abs(x[k]) + most[(first + k) / kQ8Block] / 64.0);  // 2⁻²⁹ is an epsilon's 64th
  }
  return sum;
}

}  // namespace

TEST_CASE("matmul equals its scalar twin at every size around the vector width") {
  Random random(1);
  for (const std::size_t n_out : sizes())
    for (const std::size_t n_in : {std::size_t{1}, std::size_t{5}, std::size_t{64}})
      for (const std::size_t n_row : {1u, 2u, 3u, 4u, 5u, 7u, 66u}) {
        const PackedMatrix W = random_matrix(n_in, n_out, random);
        const auto b = random.normals(n_out);
        // One float in from an aligned start: views need no alignment.
        const auto x = random.normals(n_row * n_in + 1);
        std::vector<float> y(n_row * n_out + 2, 7.0f);
        matmul({x.data() + 1, n_row, n_in}, W, b, {y.data() + 1, n_row, n_out});
        for (std::size_t r = 0; r < n_row; ++r)
          for (std::size_t c = 0; c < n_out; ++c) {
            const Twin t = twin({x.data() + 1 + r * n_in, n_in}, W, c);
            require_close(y[1 + r * n_out + c], t.sum + b[c], t.magnitude + std::abs(b[c]),
                          static_cast<double>(n_in) + 2);
          }
        REQUIRE(y.front() == 7.0f);  // nothing written outside
        REQUIRE(y.back() == 7.0f);
      }
}

TEST_CASE("W·y in double, and the mean column, equal their scalar twins in every storage") {
  Random random(6);
  for (const std::size_t n_out : sizes())
    for (const auto storage :
         {PackedMatrix::Storage::float32, PackedMatrix::Storage::float16, PackedMatrix::Storage::q8_0}) {
      const std::size_t n_in = 64;
      PackedMatrix W(n_in, n_out, storage);
      for (std::size_t c = 0; c < n_out; ++c)
        if (storage != PackedMatrix::Storage::q8_0)
          W.set_column(c, random.normals(n_in));
        else
          W.set_column(c, random.normals(2, 0.01f), std::vector<std::int8_t>(n_in, static_cast<std::int8_t>(c % 100)));
      const auto values = random.normals(n_out);
      const std::vector<double> y(values.begin(), values.end());
      std::vector<double> out(n_in);
      matmul_transposed(W, y, out);
      std::vector<double> some(20);
      matmul_transposed(W, y, some, 31);
      REQUIRE(std::equal(some.begin(), some.end(), out.begin() + 31));
      const auto mean = W.mean_column();
      for (std::size_t k = 0; k < n_in; ++k) {
        double sum = 0, total = 0, magnitude = 0;
        for (std::size_t c = 0; c < n_out; ++c) {
          sum += static_cast<double>(W.at(k, c)) * y[c];
          total += W.at(k, c);
          magnitude += std::abs(W.at(k, c) * y[c]) + std::abs(W.at(k, c));
        }
        require_close(out[k], sum, 1e-8 * magnitude);  // double all the way
        require_close(mean[k], total / static_cast<double>(n_out), 1e-8 * magnitude);
      }
    }
}

TEST_CASE("a row's product has the same bits in any company") {
  Random random(2);
  for (const std::size_t n_in : {96u, 992u}) {  // of one cut along the inputs, and of several
    for (const bool q8 : {false, true}) {
      const PackedMatrix W = q8 ? random_q8(n_in, 83, random) : random_matrix(n_in, 83, random);
      auto x = random.normals(70 * n_in);
      round_inputs({x.data(), 30, n_in}, W);  // these also without a low plane, or with the others'
      std::vector<float> together(70 * 83), few(7 * 83);
      matmul({x.data(), 70, n_in}, W, {}, {together.data(), 70, 83});
      for (const std::size_t n : {1u, 2u, 3u, 4u, 7u})
        for (std::size_t r = 0; r + n <= 70; ++r) {
          matmul({x.data() + r * n_in, n, n_in}, W, {}, {few.data(), n, 83});
          REQUIRE(std::equal(few.data(), few.data() + n * 83, together.data() + r * 83));
        }
    }
  }
}

TEST_CASE("slices of the input dimension add up to the whole product") {
  Random random(3);
  const PackedMatrix W = random_matrix(12, 21, random);
  const auto x = random.normals(12);
  std::vector<float> whole(21), part(21), sum(21, 0.0f);
  matmul({x.data(), 1, 12}, W, {}, {whole.data(), 1, 21});
  for (std::size_t first = 0; first < 12; first += 4) {
    matmul_slice({x.data() + first, 1, 4}, W, first, {part.data(), 1, 21});
    for (std::size_t c = 0; c < 21; ++c) sum[c] += part[c];
  }
  for (std::size_t c = 0; c < 21; ++c) require_close(sum[c], whole[c], twin(x, W, c).magnitude, 16);
}

TEST_CASE("a packed matrix gives back what was put in, by row and by column") {
  Random random(4);
  const auto values = random.normals(5 * 19);
  PackedMatrix by_row(5, 19), by_column(5, 19);
  for (std::size_t r = 0; r < 5; ++r) by_row.set_row(r, {values.data() + r * 19, 19});
  for (std::size_t c = 0; c < 19; ++c) {
    std::vector<float> column(5);
    for (std::size_t r = 0; r < 5; ++r) column[r] = values[r * 19 + c];
    by_column.set_column(c, column);
    std::vector<float> read(5);
    by_row.column(c, read);
    REQUIRE(read == column);
  }
  for (std::size_t r = 0; r < 5; ++r)
    for (std::size_t c = 0; c < 19; ++c) REQUIRE(by_row.at(r, c) == by_column.at(r, c));
}

TEST_CASE("Q8_0 gives back what was put in") {
  Random random(5);
  for (const std::size_t n_out : sizes()) {
    PackedMatrix W(96, n_out, PackedMatrix::Storage::q8_0);
    for (std::size_t c = 0; c < n_out; ++c) {
      const Q8Column column = random_column(96, random);
      W.set_column(c, column.scales, column.values);
      std::vector<float> read(96);
      W.column(c, read);
      for (std::size_t k = 0; k < 96; ++k)
        REQUIRE(read[k] == column.scales[k / kQ8Block] * static_cast<float>(column.values[k]));
    }
    REQUIRE(W.byte_size() * 3 < PackedMatrix(96, n_out).byte_size());
  }
}

TEST_CASE("Q8_0 multiplies as its scalar twin, at every size around the vector width, and as float32") {
  Random random(8);
  for (const std::size_t n_out : sizes())
    for (const std::size_t n_in : {32u, 96u, 800u}) {
      const PackedMatrix W = random_q8(n_in, n_out, random);
      PackedMatrix f32(n_in, n_out);
      std::vector<float> values(n_in);
      for (std::size_t c = 0; c < n_out; ++c) W.column(c, values), f32.set_column(c, values);
      for (const std::size_t n_row : {1u, 2u, 3u, 4u, 5u, 6u, 66u}) {
        if (n_row == 66 && n_in > 96) continue;
        // From whole blocks, and from the middle of one to the middle of another; one float in from an aligned start.
        for (const auto [first, n] : {std::pair{std::size_t{0}, n_in}, {std::size_t{5}, n_in - 7}}) {
          auto x = random.normals(n_row * n + 1);
          if (n == n_in && n_row % 2 == 0) round_inputs({x.data() + 1, n_row, n}, W);  // in one plane
          std::vector<float> y(n_row * n_out + 2, 7.0f), y_f32(n_row * n_out);
          matmul_slice({x.data() + 1, n_row, n}, W, first, {y.data() + 1, n_row, n_out});
          matmul_slice({x.data() + 1, n_row, n}, f32, first, {y_f32.data(), n_row, n_out});
          for (std::size_t r = 0; r < n_row; ++r)
            for (std::size_t c = 0; c < n_out; ++c) {
              const std::span<const float> row(x.data() + 1 + r * n, n);
              double sum = 0;
              for (std::size_t k = 0; k < n; ++k) sum += static_cast<double>(row[k]) * W.at(first + k, c);
              const double magnitude = q8_magnitude(row, first, W, c);
              require_close(y[1 + r * n_out + c], sum, magnitude, q8_epsilons(n_in));
              require_close(y[1 + r * n_out + c], y_f32[r * n_out + c], magnitude, static_cast<double>(n_in) + 2);
            }
          REQUIRE(y.front() == 7.0f);
          REQUIRE(y.back() == 7.0f);
        }
      }
    }
}

TEST_CASE("Q8_0 with inputs as real streams have them, and with extreme ones") {
  Random random(9);
  const std::size_t n_in = 768, n_out = 19;
  const PackedMatrix W = random_q8(n_in, n_out, random);
  const auto require_twin = [&](std::span<const float> x) {
    std::vector<float> y(n_out);
    matmul({x.data(), 1, n_in}, W, {}, {y.data(), 1, n_out});
    for (std::size_t c = 0; c < n_out; ++c)
      require_close(y[c], twin(x, W, c).sum, q8_magnitude(x, 0, W, c), q8_epsilons(n_in));
  };
  auto x = random.normals(n_in);
  for (const std::size_t k : {64u, 300u, 301u}) x[k] *= 50;
  require_twin(x);
  for (float& value : x) value = random.below(2) ? 1.0f : -1.0f;  // all at the end of the range, and no sum's overflow
  require_twin(x);
  for (const float scale : {1e-36f, 1e-30f, 1e30f, 1e33f}) require_twin(random.normals(n_in, scale));
  require_twin(std::vector<float>(n_in, 0.0f));
  for (std::size_t k = 0; k < n_in; ++k) x[k] = std::ldexp(random.normal(), static_cast<int>(k % 60) - 30);
  require_twin(x);

  PackedMatrix least(n_in, 1, PackedMatrix::Storage::q8_0);
  least.set_column(0, std::vector<float>(n_in / kQ8Block, 0.5f), std::vector<std::int8_t>(n_in, -128));
  const std::vector<float> most(n_in, -1.99999988f);  // −128 · −32767 · 32 fits in 32 bits
  float product;
  matmul({most.data(), 1, n_in}, least, {}, {&product, 1, 1});
  require_close(product, twin(most, least, 0).sum, twin(most, least, 0).magnitude);

  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    x = random.normals(n_in);
    x[700] = bad;
    std::vector<float> y(n_out);
    matmul({x.data(), 1, n_in}, W, {}, {y.data(), 1, n_out});
    for (const float value : y) REQUIRE(!std::isfinite(value));
  }
}

TEST_CASE("every finite float16 is the float that its bits mean") {
  // IEEE 754: (−1)^s 2^(e − 15) (1 + m / 1024), and 2^−14 m / 1024 where e is 0.
  const std::size_t n_in = 62, n_out = 1024;
  std::vector<float> values;
  for (int bits = 0; bits < 0x10000; ++bits) {
    const int sign = bits >> 15, exponent = bits >> 10 & 31, mantissa = bits & 1023;
    if (exponent == 31) continue;
    const double size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    values.push_back(static_cast<float>(sign ? -size : size));
  }
  REQUIRE(values.size() == n_in * n_out);
  PackedMatrix W(n_in, n_out, PackedMatrix::Storage::float16);
  for (std::size_t k = 0; k < n_in; ++k) W.set_row(k, {values.data() + k * n_out, n_out});
  std::vector<float> room(n_in * kPanel);
  for (std::size_t p = 0; p < W.n_panel(); ++p) {
    const float* panel = W.panel(p, 0, n_in, room.data());
    for (std::size_t k = 0; k < n_in; ++k)
      for (std::size_t c = 0; c < kPanel; ++c) {
        const float expected = values[k * n_out + p * kPanel + c];
        REQUIRE(panel[k * kPanel + c] == expected);
        REQUIRE(W.at(k, p * kPanel + c) == expected);
      }
  }
}

TEST_CASE("float16 is rounded to nearest, ties to even, and multiplies with the bits of the same values as float32") {
  Random random(8);
  PackedMatrix one(1, 4, PackedMatrix::Storage::float16);
  one.set_row(0, std::vector<float>{1 + 0x1p-11f, 1 + 3 * 0x1p-11f, 65519.0f, 0x1p-25f});
  REQUIRE(one.at(0, 0) == 1);
  REQUIRE(one.at(0, 1) == 1 + 0x1p-9f);
  REQUIRE(one.at(0, 2) == 65504);
  REQUIRE(one.at(0, 3) == 0);
  for (const std::size_t n_out : sizes())
    for (const std::size_t n_in : {1u, 33u, 800u}) {
      PackedMatrix f16(n_in, n_out, PackedMatrix::Storage::float16), f32(n_in, n_out);
      for (std::size_t c = 0; c < n_out; ++c) {
        std::vector<float> column(n_in);
        f16.set_column(c, random.normals(n_in, c % 2 == 0 ? 1.0f : 1e-5f));  // subnormal ones too
        f16.column(c, column);
        f32.set_column(c, column);
      }
      REQUIRE(f16.byte_size() * 2 == f32.byte_size());
      const auto x = random.normals(6 * n_in);
      for (const std::size_t n : {1u, 2u, 6u}) {
        std::vector<float> from_f16(n * n_out), from_f32(n * n_out);
        matmul({x.data(), n, n_in}, f16, {}, {from_f16.data(), n, n_out});
        matmul({x.data(), n, n_in}, f32, {}, {from_f32.data(), n, n_out});
        REQUIRE(from_f16 == from_f32);
      }
    }
}

TEST_CASE("a product has the same bits from one thread and from several") {
  Random random(6);
  auto x = random.normals(17 * 640);
  for (const int kind : {0, 1, 2})  // float32; Q8_0; and its inputs rounded
    for (const std::size_t n : {1u, 17u}) {
      const PackedMatrix W = kind > 0 ? random_q8(640, 1003, random) : random_matrix(640, 1003, random);
      if (kind == 2) round_inputs({x.data(), 17, 640}, W);
      std::vector<float> alone(n * 1003), shared(n * 1003);
      matmul({x.data(), n, 640}, W, {}, {alone.data(), n, 1003});
      for (const std::size_t n_thread : {2u, 5u}) {
        use_threads(n_thread);
        matmul({x.data(), n, 640}, W, {}, {shared.data(), n, 1003});
        use_threads(1);
        REQUIRE(shared == alone);
      }
    }
}

TEST_CASE("inputs of Q8_0 are rounded to 16 bits a block, all others stay") {
  Random random(12);
  const std::size_t n_in = 64, n_row = 7;
  auto x = random.normals(n_row * n_in);
  for (float& value : std::span(x).subspan(n_in, n_in)) value *= 1e30f;
  for (float& value : std::span(x).subspan(2 * n_in, n_in)) value *= 1e-38f;
  for (float& value : std::span(x).subspan(3 * n_in, n_in)) value = 0;
  x[4 * n_in + 5] = std::numeric_limits<float>::quiet_NaN();
  x[5 * n_in + 5] = std::numeric_limits<float>::infinity();
  x[6 * n_in] = 0x1.fffffep+3f;  // the largest, and rounds to a power of two that has no place
  const MatrixView<const float> before{x.data(), n_row, n_in};

  auto same = x;
  round_inputs({same.data(), n_row, n_in}, random_matrix(n_in, 3, random));
  REQUIRE(std::memcmp(same.data(), x.data(), x.size() * sizeof(float)) == 0);

  const PackedMatrix W = random_q8(n_in, 3, random);
  auto rounded = x;
  const MatrixView<float> after{rounded.data(), n_row, n_in};
  round_inputs(after, W);
  bool any_moved = false;
  for (std::size_t r = 0; r < n_row; ++r)
    for (std::size_t first = 0; first < n_in; first += kQ8Block) {
      const std::span<const float> was = before.row(r).subspan(first, kQ8Block);
      const std::span<const float> is = after.row(r).subspan(first, kQ8Block);
      if (!std::ranges::all_of(was, [](float value) { return std::isfinite(value); })) {
        REQUIRE(std::memcmp(was.data(), is.data(), was.size_bytes()) == 0);
        continue;
      }
      float most = 0;
      for (const float value : was) most = std::max(most, std::abs(value));
      const double unit = most > 0 ? std::ldexp(1.0, std::max(std::ilogb(most), -100) - 14) : 1;
      for (std::size_t k = 0; k < kQ8Block; ++k) {
        const double n = std::clamp(std::nearbyint(was[k] / unit), -32767.0, 32767.0);
        REQUIRE(static_cast<double>(is[k]) == n * unit);
        any_moved = any_moved || is[k] != was[k];
      }
    }
  REQUIRE(any_moved);
  auto again = rounded;
  round_inputs({again.data(), n_row, n_in}, W);
  REQUIRE(std::memcmp(again.data(), rounded.data(), x.size() * sizeof(float)) == 0);
}
