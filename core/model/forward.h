// GPT-2's forward pass (Radford 2019), block by block, with a hook at every named site.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/activations.h"
#include "model/hook_point.h"
#include "model/model.h"

namespace lens {

// Positions that go through a block together: a slice of the largest GPT-2 then takes some hundred milliseconds.
constexpr std::size_t kForwardChunk = 32;
constexpr std::size_t forward_chunks(std::size_t n) { return (n + kForwardChunk - 1) / kForwardChunk; }

// Sees every site's values as the pass meets them, and may change them in place. Shapes are HookPoint's, with n the
// number of positions in this call and, for the attention scores and pattern, [n_head, n, positions up to its end].
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void at(HookPoint hook, std::span<const std::size_t> shape, std::span<float> values) = 0;
  // hook_result is n_head times the size of attn_out and is only computed for an observer that asks.
  virtual bool wants_result() const { return false; }
};

// Positions [begin, end) of `run`, whose tokens stand in it already: W_E[token] + W_pos[position].
void forward_embed(const Model& model, std::size_t begin, std::size_t end, Activations& run,
                   Observer* observer = nullptr);

// Block `layer` for positions [begin, end), after all earlier blocks have seen them and this block has seen the
// positions before. Called again on finished positions it leaves the same bits: reading a site means repeating
// its block with an observer.
void forward_block(const Model& model, std::size_t layer, std::size_t begin, std::size_t end, Activations& run,
                   Observer* observer = nullptr);

// All of it, for a run whose last positions are new.
void forward(const Model& model, std::size_t begin, Activations& run);

struct Tensor {
  std::vector<std::size_t> shape;
  std::vector<float> values;
};

// The values at `hook` over positions [begin, end) of a finished run, shaped as an Observer sees them.
Tensor read_hook(const Model& model, Activations& run, HookPoint hook, std::size_t begin, std::size_t end);

}  // namespace lens
