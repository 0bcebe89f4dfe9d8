// ggml's numbers, as GGUF files hold them.
#pragma once

#include <cstdint>
#include <utility>

#include "formats/tensors.h"

namespace lens {

// Of a key's value.
enum class GgufType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

// Of the tensors that can be read and written.
inline constexpr std::pair<std::uint32_t, DType> kGgufTensorTypes[] = {
    {0, DType::F32}, {1, DType::F16}, {8, DType::Q8_0}, {30, DType::BF16}};

}  // namespace lens
