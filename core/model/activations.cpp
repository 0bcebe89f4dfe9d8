#include "model/activations.h"

namespace lens {

Activations::Activations(const Config& c)
    : blocks_(c.n_layer, Block{.resid_pre = Matrix(0, c.d_model),
                               .ln1_scale = Matrix(0, 1),
                               .k = Matrix(0, c.d_model),
                               .v = Matrix(0, c.d_model),
                               .resid_mid = Matrix(0, c.d_model),
                               .ln2_scale = Matrix(0, 1)}),
      final_resid_(0, c.d_model) {}

void Activations::append(std::span<const TokenId> tokens) {
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  resize(tokens_.size());
}

void Activations::truncate(std::size_t size) {
  if (size >= tokens_.size()) return;
  tokens_.resize(size);
  resize(size);
}

void Activations::resize(std::size_t size) {
  for (Block& block : blocks_)
    for (Matrix* kept : {&block.resid_pre, &block.ln1_scale, &block.k, &block.v, &block.resid_mid, &block.ln2_scale})
      kept->resize_rows(size);
  final_resid_.resize_rows(size);
}

std::size_t Activations::byte_size() const {
  std::size_t bytes = final_resid_.byte_size();
  for (const Block& block : blocks_)
    for (const Matrix* kept :
         {&block.resid_pre, &block.ln1_scale, &block.k, &block.v, &block.resid_mid, &block.ln2_scale})
      bytes += kept->byte_size();
  return bytes;
}

}  // namespace lens
