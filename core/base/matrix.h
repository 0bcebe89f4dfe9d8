// Row-major float matrices, and views that own nothing and never outlive the call they are passed to.
#pragma once

#include <cassert>
#include <cstddef>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

namespace lens {

template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t n_row = 0;
  std::size_t n_col = 0;

  MatrixView() = default;
  MatrixView(T* data_, std::size_t n_row_, std::size_t n_col_) : data(data_), n_row(n_row_), n_col(n_col_) {}
  // A view to write through is also a view to read from.
  operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, n_row, n_col}; }

  std::span<T> row(std::size_t r) const {
    assert(r < n_row);
    return {data + r * n_col, n_col};
  }
  MatrixView rows(std::size_t begin, std::size_t end) const {
    assert(begin <= end && end <= n_row);
    return {data + begin * n_col, end - begin, n_col};
  }
};

// A matrix that owns its values and can grow by rows, as a run grows by positions.
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t n_row, std::size_t n_col) : n_col_(n_col), values_(count(n_row)) {}

  std::size_t n_row() const { return n_col_ == 0 ? 0 : values_.size() / n_col_; }
  std::size_t n_col() const { return n_col_; }
  std::size_t byte_size() const { return values_.size() * sizeof(float); }
  void resize_rows(std::size_t n_row) { values_.resize(count(n_row)); }

  operator MatrixView<float>() { return view(); }
  operator MatrixView<const float>() const { return view(); }
  MatrixView<float> view() { return {values_.data(), n_row(), n_col_}; }
  MatrixView<const float> view() const { return {values_.data(), n_row(), n_col_}; }
  std::span<float> row(std::size_t r) { return view().row(r); }
  std::span<const float> row(std::size_t r) const { return view().row(r); }
  MatrixView<float> rows(std::size_t begin, std::size_t end) { return view().rows(begin, end); }
  MatrixView<const float> rows(std::size_t begin, std::size_t end) const { return view().rows(begin, end); }

 private:
  // Shapes come from files, and a wasm32 size_t has 32 bits.
  std::size_t count(std::size_t n_row) const {
    std::size_t n = 0;
    if (__builtin_mul_overflow(n_row, n_col_, &n)) throw std::bad_alloc();
    return n;
  }

  std::size_t n_col_ = 0;
  std::vector<float> values_;
};

}  // namespace lens
