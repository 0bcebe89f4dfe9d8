// Core values as JavaScript values. Arrays are copied into buffers that JavaScript owns: a view into wasm memory would
// be left dangling when that memory grows, and could not be transferred to the page.
#pragma once

#include <emscripten/val.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/job.h"

namespace lens {

template <class T>
emscripten::val typed_array(const char* type, std::span<const T> values) {
  emscripten::val copy = emscripten::val::global(type).new_(values.size());
  copy.call<void>("set", emscripten::val(emscripten::typed_memory_view(values.size(), values.data())));
  return copy;
}

// A Uint8Array's bytes.
inline std::vector<std::byte> bytes_of(const emscripten::val& array) {
  std::vector<std::byte> bytes(array["length"].as<std::size_t>());
  emscripten::val(emscripten::typed_memory_view(bytes.size(), reinterpret_cast<unsigned char*>(bytes.data())))
      .call<void>("set", array);
  return bytes;
}

// {ok: value}, or {error: {code, message}}.
inline emscripten::val answer(emscripten::val value) {
  emscripten::val object = emscripten::val::object();
  object.set("ok", std::move(value));
  return object;
}

inline emscripten::val answer(const Error& error) {
  emscripten::val inner = emscripten::val::object(), object = emscripten::val::object();
  inner.set("code", error.code);
  inner.set("message", error.message);
  object.set("error", std::move(inner));
  return object;
}

// {name, dims: [{name, size, labels}], unit, dtype: "f32" | "i32", data}; data[i, j, …] in row-major order over dims.
inline emscripten::val table_object(const ReadTables& reading, const Table& table) {
  emscripten::val dims = emscripten::val::array();
  for (const Dimension& dim : table.dims) {
    emscripten::val object = emscripten::val::object();
    object.set("name", dim.name);
    object.set("size", dim.size);
    object.set("labels", dim.labels.empty() ? emscripten::val::null() : emscripten::val::array(dim.labels));
    dims.call<void>("push", object);
  }
  emscripten::val object = emscripten::val::object();
  object.set("run", reading.run);
  object.set("read", reading.read);
  object.set("name", table.name);
  object.set("dims", dims);
  object.set("unit", table.unit);
  if (const auto* floats = std::get_if<std::vector<float>>(&table.data)) {
    object.set("dtype", "f32");
    object.set("data", typed_array<float>("Float32Array", *floats));
  } else {
    object.set("dtype", "i32");
    object.set("data", typed_array<std::int32_t>("Int32Array", std::get<std::vector<std::int32_t>>(table.data)));
  }
  return object;
}

}  // namespace lens
