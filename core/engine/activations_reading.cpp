// {"what": "activations"}: hook points as they are.
#include <utility>

#include "engine/reading.h"
#include "model/forward.h"

namespace lens {
namespace {

class ActivationsReading : public Reading {
 public:
  ActivationsReading(SlicedRun& run, std::vector<HookPoint> hooks) : Reading(run), hooks_(std::move(hooks)) {}

  std::size_t steps_left() const override { return hooks_.size() - read_.size(); }
  void step() override {
    read_.push_back(read_hook(run_.model(), run_.activations(), hooks_[read_.size()], run_.tokens.size()));
  }
  std::vector<Table> tables() override {
    std::vector<Table> tables{token_table(run_)};
    for (std::size_t i = 0; i < read_.size(); ++i) {
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

  std::vector<HookPoint> hooks_;
  std::vector<Tensor> read_;  // the first hooks
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const ActivationsRead& asked, SlicedRun& run) {
  for (const HookPoint hook : asked.hooks)
    if (auto status = check_hook(hook, run); !status) return status.error();
  return std::unique_ptr<Reading>(new ActivationsReading(run, asked.hooks));
}

}  // namespace lens
