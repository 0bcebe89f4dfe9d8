// Errors at the edges (load, encode, parse, run) are values; inside the core, broken contracts are assertions.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace lens {

// `code` is for programs and never changes its spelling; `message` is for people: it names the file or key,
// what was expected, what was found and what to do about it.
struct Error {
  std::string code;
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return *std::get_if<0>(checked()); }
  const T& operator*() const& { return *std::get_if<0>(checked()); }
  T&& operator*() && { return std::move(*std::get_if<0>(checked())); }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  auto* checked() {
    assert(state_.index() == 0);
    return &state_;
  }
  auto* checked() const {
    assert(state_.index() == 0);
    return &state_;
  }
  std::variant<T, Error> state_;
};

// The result of a check that has nothing to return.
using Status = Result<std::monostate>;
inline Status ok() { return std::monostate{}; }

}  // namespace lens
