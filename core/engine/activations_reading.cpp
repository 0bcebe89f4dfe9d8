// {"what": "activations"}: hook points as they are.
#include <algorithm>
#include <limits>
#include <utility>

#include "engine/reading.h"
#include "model/forward.h"

namespace lens {
namespace {

class ActivationsReading : public Reading {
 public:
  ActivationsReading(SlicedRun& run, std::vector<HookPoint> hooks) : Reading(run), hooks_(std::move(hooks)) {}

  std::size_t steps_left() const override { return hooks_.size() * chunks() - steps_; }
  void step() override {
    const HookPoint hook = hooks_[steps_ / chunks()];
    const std::size_t begin = steps_ % chunks() * kForwardChunk, end = std::min(begin + kForwardChunk, n());
    const Tensor part = read_hook(run_.model(), run_.activations(), hook, begin, end);
    if (begin == 0) read_.push_back(whole(hook, part));
    place(hook, part, begin, read_.back());
    ++steps_;
  }
  std::vector<Table> tables() override {
    std::vector<Table> tables{token_table(run_)};
    for (std::size_t i = 0; i < steps_ / chunks(); ++i) {
      std::vector<Dimension> dims;
      const auto names = dimension_names(hooks_[i].site);
      for (std::size_t d = 0; d < read_[i].shape.size(); ++d) dims.push_back({names[d], read_[i].shape[d], {}});
      tables.push_back({name_of(hooks_[i]), std::move(dims), "activation", read_[i].values});
    }
    return tables;
  }

 private:
  static std::vector<std::string> dimension_names(Site site) {
    switch (site) {
      case Site::q:
      case Site::k:
      case Site::v:
      case Site::z:
        return {"position", "head", "d_head"};
      case Site::attn_scores:
      case Site::pattern:
        return {"head", "position", "key position"};
      case Site::result:
        return {"position", "head", "d_model"};
      case Site::mlp_pre:
      case Site::mlp_post:
        return {"position", "neuron"};
      default:
        return {"position", "d_model"};
    }
  }

  std::size_t n() const { return run_.tokens.size(); }
  std::size_t chunks() const { return forward_chunks(n()); }
  // Of two positions: [head, position, key position].
  static bool is_of_pairs(HookPoint hook) { return hook.site == Site::attn_scores || hook.site == Site::pattern; }

  // Room for all positions of what the first of them look like; where a key comes later, what it has there.
  Tensor whole(HookPoint hook, const Tensor& part) const {
    if (!is_of_pairs(hook)) {
      Tensor all{part.shape, {}};
      all.shape[0] = n();
      all.values.reserve(part.values.size() / part.shape[0] * n());
      return all;
    }
    const float later = hook.site == Site::attn_scores ? -std::numeric_limits<float>::infinity() : 0;
    return {{part.shape[0], n(), n()}, std::vector<float>(part.shape[0] * n() * n(), later)};
  }
  void place(HookPoint hook, const Tensor& part, std::size_t begin, Tensor& all) const {
    if (!is_of_pairs(hook)) {
      all.values.insert(all.values.end(), part.values.begin(), part.values.end());
      return;
    }
    const std::size_t n_row = part.shape[1], n_key = part.shape[2];
    for (std::size_t head = 0; head < part.shape[0]; ++head)
      for (std::size_t i = 0; i < n_row; ++i)
        std::copy_n(&part.values[(head * n_row + i) * n_key], n_key, &all.values[(head * n() + begin + i) * n()]);
  }

  std::vector<HookPoint> hooks_;
  std::size_t steps_ = 0;     // each hook's chunks of positions, one hook after the other
  std::vector<Tensor> read_;  // of the first hooks; the last one perhaps not to its end
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const ActivationsRead& asked, SlicedRun& run) {
  for (const HookPoint hook : asked.hooks)
    if (auto status = check_hook(hook, run); !status) return status.error();
  return std::unique_ptr<Reading>(new ActivationsReading(run, asked.hooks));
}

}  // namespace lens
