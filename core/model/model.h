// A GPT-2: its hyper-parameters and weights. model_loader.h makes one.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/matrix.h"
#include "kernels/screen.h"
#include "model/config.h"
#include "model/weights.h"

namespace lens {

class Model {
 public:
  Model(const Config& config, Weights weights, std::size_t n_param);

  const Config& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  std::size_t n_param() const { return n_param_; }
  std::size_t byte_size() const;
  // 16 hex digits that tell two trainings' weights apart, whatever type a file holds them in: FNV-1a, 64 bits, of γ_f
  // and then β_f as little-endian float32. These are float32 in any GGUF, and no step of training leaves them alone.
  std::string fingerprint() const;

  void embed(TokenId token, std::span<float> out) const;         // W_E[token], out [d_model]
  std::span<const float> pos_embed(std::size_t position) const;  // W_pos[position], [d_model]

  // ln_f's σ of each row: rows [n, d_model], scale [n].
  void final_scale(MatrixView<const float> rows, std::span<float> scale) const;
  // (x − mean(x)) / scale · γ_f + β_f: rows and out [n, d_model], scale [n].
  void final_norm(MatrixView<const float> rows, std::span<const float> scale, MatrixView<float> out) const;
  // final_norm followed by a direction d, as a function of x: (final_norm(x, scale))·d = x·linear + bias.
  struct NormDirection {
    std::vector<double> linear;  // [d_model] (γ_f ⊙ d − mean(γ_f ⊙ d)) / scale
    double bias = 0;             // β_f·d
  };
  NormDirection norm_direction(std::span<const double> d, float scale) const;
  const PackedMatrix& W_U() const { return weights_.W_U; }
  // W_U's, or null where it would not pay.
  const Screen* screen() const { return screen_ ? &*screen_ : nullptr; }
  // [d_model, d_vocab], a token's embedding a column.
  const PackedMatrix& W_E() const { return weights_.W_E ? *weights_.W_E : weights_.W_U; }

 private:
  Config config_;
  Weights weights_;
  std::size_t n_param_;
  std::optional<Screen> screen_;
};

}  // namespace lens
