// One entry of an Experiment's reads being answered, in slices. Each kind of read (read.h) has a file of its own,
// KIND_reading.cpp, that says what its tables are.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/table.h"
#include "engine/read.h"
#include "engine/sliced_run.h"

namespace lens {

class Reading {
 public:
  explicit Reading(SlicedRun& run) : run_(run) {}
  virtual ~Reading() = default;

  virtual std::size_t steps_left() const = 0;
  virtual void step() = 0;                           // only once the run is finished
  virtual std::size_t columns() const { return 0; }  // of lens grids finished so far
  virtual std::vector<Table> tables() = 0;           // unfinished numbers are missing, unfinished tables left out

  SlicedRun& run() { return run_; }

 protected:
  SlicedRun& run_;
};

// Check what needs the model. Errors: lens_missing, lens_means, lens_norm, token_id, token_text, no_tokenizer, position,
// row, hook_layer, head_scores.
Result<std::unique_ptr<Reading>> start_reading(const LensRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const ActivationsRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const ComponentsRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const WritesRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const HeadScoresRead& asked, SlicedRun& run);
// Errors also: layer, neuron, head, no_names. For a reading of weights the run is one without tokens.
Result<std::unique_ptr<Reading>> start_reading(const HeadWritesRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const MemoriesRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const NeuronRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const PromotersRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const ParametersRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const CircuitsRead& asked, SlicedRun& run);
Result<std::unique_ptr<Reading>> start_reading(const CopyingRead& asked, SlicedRun& run);

// Error: hook_layer, for a block that the run's model does not have.
Status check_hook(HookPoint hook, const SlicedRun& run);

// A dimension of these positions of a run, labelled by their numbers where they are not simply all.
Dimension position_dimension(std::span<const std::size_t> positions, bool named);
// token [position]: the run's own.
Table token_table(const SlicedRun& run, std::span<const std::size_t> positions, bool named);
Table token_table(const SlicedRun& run);

}  // namespace lens
