// What a forward pass leaves behind. Kept: resid_pre, resid_mid, K, V and the norms' scales of every block; from these
// any other site is computed again, block by block, when somebody reads it (forward.h). It doubles as KV cache: a run
// grows by positions and is cut back by positions, and a causal model's earlier positions never change.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/matrix.h"
#include "model/config.h"

namespace lens {

class Activations {
 public:
  explicit Activations(const Config& config);

  struct Block {
    Matrix resid_pre;  // [n, d_model]
    Matrix ln1_scale;  // [n, 1]
    Matrix k;          // [n, n_head · d_head]
    Matrix v;          // [n, n_head · d_head]
    Matrix resid_mid;  // [n, d_model]
    Matrix ln2_scale;  // [n, 1]
  };

  std::size_t size() const { return tokens_.size(); }  // n, the number of positions
  std::span<const TokenId> tokens() const { return tokens_; }
  std::size_t byte_size() const;

  // Room for more positions, to be filled by the forward pass.
  void append(std::span<const TokenId> tokens);
  // Forgets every position from `size` on.
  void truncate(std::size_t size);

  Block& block(std::size_t layer) { return blocks_[layer]; }
  const Block& block(std::size_t layer) const { return blocks_[layer]; }
  // blocks.L.hook_resid_pre is row L; the last block's resid_post is row n_layer: [n, d_model].
  Matrix& resid(std::size_t row) { return row < blocks_.size() ? blocks_[row].resid_pre : final_resid_; }
  const Matrix& resid(std::size_t row) const { return row < blocks_.size() ? blocks_[row].resid_pre : final_resid_; }

 private:
  void resize(std::size_t size);

  std::vector<TokenId> tokens_;  // [n]
  std::vector<Block> blocks_;    // [n_layer]
  Matrix final_resid_;           // [n, d_model]
};

}  // namespace lens
