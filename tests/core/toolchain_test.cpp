// What the core takes for granted about its libraries and compilers, asked of both builds.
#include <Eigen/Core>
#include <catch_amalgamated.hpp>
#include <ctre-unicode.hpp>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <vector>
#include <xsimd/xsimd.hpp>

TEST_CASE("exceptions are caught and carry their message") {
  REQUIRE_THROWS_WITH(throw std::runtime_error("no such tensor"), "no such tensor");
}

TEST_CASE("xsimd has registers of at least four floats") {
  using Batch = xsimd::batch<float>;
  STATIC_REQUIRE(Batch::size >= 4);
  std::vector<float> x(Batch::size);
  std::iota(x.begin(), x.end(), 1.0f);
  const float n = static_cast<float>(Batch::size);
  CHECK(xsimd::reduce_add(Batch::load_unaligned(x.data())) == n * (n + 1) / 2);
}

TEST_CASE("a product and a sum are two roundings") {
  // Fused, the product's error would be left over.
  volatile float a = 1.0f + 0x1p-12f;
  const float x = a, y = a, z = -(x * y);
  CHECK(x * y + z == 0.0f);
}

TEST_CASE("Eigen multiplies row-major matrices") {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Matrix a(1, 2), b(2, 1);
  a << 3, 4;
  b << 5, 6;
  CHECK((a * b)(0, 0) == 39);
}

TEST_CASE("ctre knows Unicode's white space by its property, not by \\s") {
  // U+2003 EM SPACE
  CHECK(bool{ctre::match<"\\p{White_Space}">(std::u8string_view(u8"\u2003"))});
  CHECK(bool{ctre::match<"\\p{L}+">(std::u8string_view(u8"Δέλτα"))});
}

TEST_CASE("JSON keeps 64-bit integers and unknown keys") {
  const auto json = nlohmann::json::parse(R"({"offset": 9007199254740993, "other": null})");
  CHECK(json["offset"].get<std::int64_t>() == 9007199254740993);
  CHECK(json.contains("other"));
}
