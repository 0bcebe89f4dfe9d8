#include "kernels/attention.h"

#include <limits>

#include "base/parallel.h"
#include "support.h"

using namespace lens;
using namespace lens::test;

namespace {

Matrix normals(Random& random, std::size_t n_row, std::size_t n_col) {
  Matrix X(n_row, n_col);
  for (std::size_t r = 0; r < n_row; ++r) std::ranges::copy(random.normals(n_col), X.row(r).begin());
  return X;
}

struct Attention {
  Matrix S, A, z;
};

// n queries from position first on, of n_head heads.
Attention attend(MatrixView<const float> q, std::size_t first, MatrixView<const float> k, MatrixView<const float> v,
                 std::size_t n_head, float scale) {
  Attention a{{n_head * q.n_row, k.n_row}, {}, {q.n_row, q.n_col}};
  attention_scores(q, first, k, n_head, scale, a.S);
  a.A = a.S;
  attention_pattern(first, q.n_row, a.A);
  attention_z(a.A, first, v, n_head, a.z);
  return a;
}

bool same(const Matrix& a, const Matrix& b) {
  for (std::size_t r = 0; r < a.n_row(); ++r)
    if (!std::ranges::equal(a.row(r), b.row(r))) return false;
  return a.n_row() == b.n_row();
}

}  // namespace

TEST_CASE("attention equals its scalar twin, whatever the head's width") {
  Random random(21);
  const std::size_t n_head = 3, first = 4, n = 5, n_key = first + n;
  for (const std::size_t d_head : sizes()) {
    const std::size_t d = n_head * d_head;
    const Matrix q = normals(random, n, d), k = normals(random, n_key, d), v = normals(random, n_key, d);
    const float scale = 0.3f;
    const Attention got = attend(q, first, k, v, n_head, scale);
    for (std::size_t h = 0; h < n_head; ++h)
      for (std::size_t i = 0; i < n; ++i) {
        const auto S = got.S.row(h * n + i), A = got.A.row(h * n + i);
        double sum = 0;
        for (std::size_t j = 0; j < n_key; ++j) {
          if (j > first + i) {  // sees nothing that comes after it
            REQUIRE(S[j] == -std::numeric_limits<float>::infinity());
            REQUIRE(A[j] == 0);
            continue;
          }
          double score = 0, size = 0;
          for (std::size_t c = h * d_head; c < (h + 1) * d_head; ++c) {
            const double term = static_cast<double>(q.row(i)[c]) * k.row(j)[c];
            score += term;
            size += std::abs(term);
          }
          require_close(S[j], score * scale, size * scale + std::abs(score * scale), static_cast<double>(d_head) + 4);
          sum += std::exp(static_cast<double>(S[j]));
        }
        for (std::size_t j = 0; j <= first + i; ++j) {
          const double p = std::exp(static_cast<double>(S[j])) / sum;
          require_close(A[j], p, p * (1 + 2 * std::abs(S[j])) + 1e-30, 16);
        }
        for (std::size_t c = h * d_head; c < (h + 1) * d_head; ++c) {
          double z = 0, size = 0;
          for (std::size_t j = 0; j <= first + i; ++j) {
            z += static_cast<double>(A[j]) * v.row(j)[c];
            size += std::abs(static_cast<double>(A[j]) * v.row(j)[c]);
          }
          require_close(got.z.row(i)[c], z, size, 12);
        }
      }
  }
}

TEST_CASE("attention has the same bits however many threads share it, and query by query") {
  Random random(22);
  const std::size_t n_head = 4, n = 70, d = n_head * 64;
  const Matrix q = normals(random, n, d), k = normals(random, n, d), v = normals(random, n, d);
  const Attention alone = attend(q, 0, k, v, n_head, 0.125f);
  for (const std::size_t n_thread : {2u, 5u}) {
    use_threads(n_thread);
    const Attention shared = attend(q, 0, k, v, n_head, 0.125f);
    use_threads(1);
    REQUIRE(same(shared.S, alone.S));
    REQUIRE(same(shared.A, alone.A));
    REQUIRE(same(shared.z, alone.z));
  }
  for (const std::size_t i : {0u, 1u, 69u}) {
    const Attention typed = attend(q.rows(i, i + 1), i, k.rows(0, i + 1), v.rows(0, i + 1), n_head, 0.125f);
    REQUIRE(std::ranges::equal(typed.z.row(0), alone.z.row(i)));
  }
}
