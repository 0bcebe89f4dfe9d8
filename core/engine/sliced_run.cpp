#include "engine/sliced_run.h"

#include <algorithm>
#include <utility>

#include "model/forward.h"

namespace lens {

SlicedRun::SlicedRun(std::string run_name, std::shared_ptr<Resident> resident, std::vector<TokenId> ids,
                     std::size_t repeats_after)
    : name(std::move(run_name)),
      tokens(std::move(ids)),
      period(repeats_after),
      resident_(std::move(resident)),
      cached_(resident_->runs.take(model().config(), tokens)),
      begin_(cached_.activations.size()) {}

SlicedRun::~SlicedRun() {
  if (begin_ < cached_.activations.size()) cached_.truncate(begin_);
  resident_->runs.put(std::move(cached_));
}

std::span<const double> SlicedRun::mean_W_U() {
  if (resident_->mean_W_U.empty()) resident_->mean_W_U = model().W_U().mean_column();
  return resident_->mean_W_U;
}

std::size_t SlicedRun::steps_left() const {
  if (begin_ >= tokens.size()) return 0;
  return forward_chunks(tokens.size() - begin_) * model().config().n_layer - layer_;
}

void SlicedRun::step() {
  const std::size_t end = std::min(begin_ + kForwardChunk, tokens.size());
  if (layer_ == 0) {
    activations().append(std::span(tokens).subspan(begin_, end - begin_));
    forward_embed(model(), begin_, end, activations());
  }
  forward_block(model(), layer_, begin_, end, activations());
  if (++layer_ == model().config().n_layer) begin_ = end, layer_ = 0;
}

}  // namespace lens
