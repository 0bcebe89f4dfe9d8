// A run's forward pass in slices, on top of what an earlier run left in the cache.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/loaded_lens.h"
#include "engine/loaded_model.h"
#include "engine/run_cache.h"

namespace lens {

// A loaded model, its lenses, and the work done with it, which goes when the model goes.
struct Resident {
  LoadedModel loaded;
  Lenses lenses = {{"raw", std::make_shared<LoadedLens>(LoadedLens{"raw", {}})}};
  RunCache runs = {};
  std::vector<double> mean_W_U = {};  // [d_model], once somebody asked
};

class SlicedRun {
 public:
  SlicedRun(std::string name, std::shared_ptr<Resident> resident, std::vector<TokenId> tokens, std::size_t period = 0);
  // Hands the work back to the cache. A chunk that did not get through all blocks is not part of the run.
  ~SlicedRun();
  SlicedRun(const SlicedRun&) = delete;
  SlicedRun& operator=(const SlicedRun&) = delete;

  const LoadedModel& loaded() const { return resident_->loaded; }
  const Model& model() const { return resident_->loaded.model; }
  const Lenses& lenses() const { return resident_->lenses; }
  Activations& activations() { return cached_.activations; }
  LensColumns& columns(const std::string& key) { return cached_.columns[key]; }

  // mean_v W_U[:, v], [d_model]
  std::span<const double> mean_W_U();

  std::size_t steps_left() const;
  // One block for one chunk of positions.
  void step();

  const std::string name;             // in the Experiment
  const std::vector<TokenId> tokens;  // [n]; the cached run may go on beyond them
  const std::size_t period;           // after which they repeat, where they were made to; else 0

 private:
  std::shared_ptr<Resident> resident_;
  CachedRun cached_;
  std::size_t begin_;      // positions before it are finished
  std::size_t layer_ = 0;  // blocks that the chunk from begin_ on has been through
};

}  // namespace lens
