#include "model/model.h"

#include <cstdint>
#include <span>

namespace lens {

Model::Model(const Config& config, Weights weights, std::size_t n_param)
    : config_(config), weights_(std::move(weights)), n_param_(n_param) {
  if (Screen::pays(weights_.W_U.n_out())) screen_.emplace(weights_.W_U);
}

std::size_t Model::byte_size() const {
  std::size_t bytes = (screen_ ? screen_->byte_size() : 0) + weights_.W_U.byte_size() +
                      (weights_.W_E ? weights_.W_E->byte_size() : 0) + weights_.W_pos.size() * sizeof(float);
  for (const BlockWeights& b : weights_.blocks)
    bytes += b.W_QKV.byte_size() + b.W_O.byte_size() + b.W_in.byte_size() + b.W_out.byte_size();
  return bytes;
}

std::string Model::fingerprint() const {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto* values : {&weights_.ln_f.gamma, &weights_.ln_f.beta})
    for (const std::byte byte : std::as_bytes(std::span(*values)))
      hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[hash >> shift & 0xf];
  return digits;
}

void Model::embed(TokenId token, std::span<float> out) const {
  (weights_.W_E ? *weights_.W_E : weights_.W_U).column(static_cast<std::size_t>(token), out);
}

std::span<const float> Model::pos_embed(std::size_t position) const {
  return std::span(weights_.W_pos).subspan(position * config_.d_model, config_.d_model);
}

void Model::final_scale(MatrixView<const float> rows, std::span<float> scale) const {
  layer_norm_scales(rows, config_.layer_norm_epsilon, scale);
}

void Model::final_norm(MatrixView<const float> rows, std::span<const float> scale, MatrixView<float> out) const {
  layer_norm_rows(rows, scale, weights_.ln_f.gamma, weights_.ln_f.beta, out);
}

Model::NormDirection Model::norm_direction(std::span<const double> d, float scale) const {
  NormDirection direction{std::vector<double>(d.size()), 0};
  double mean = 0;
  for (std::size_t k = 0; k < d.size(); ++k) {
    direction.linear[k] = static_cast<double>(weights_.ln_f.gamma[k]) * d[k];
    mean += direction.linear[k] / static_cast<double>(d.size());
    direction.bias += static_cast<double>(weights_.ln_f.beta[k]) * d[k];
  }
  for (double& value : direction.linear) value = (value - mean) / static_cast<double>(scale);
  return direction;
}

}  // namespace lens
