// {"what": "neuron"}: where in a run a neuron's key is triggered, and whether its value says what came next.
#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "base/order.h"
#include "engine/reading.h"
#include "engine/resolve.h"
#include "engine/token_tables.h"
#include "model/forward.h"

namespace lens {
namespace {

class NeuronReading : public Reading {
 public:
  NeuronReading(SlicedRun& run, const NeuronRead& asked) : Reading(run), asked_(asked) {}

  // The run some positions at a time, what follows the triggers, and the weights.
  std::size_t steps_left() const override {
    return weights_ ? 0 : triggers_read_ ? 1 : 2 + forward_chunks(run_.tokens.size() - in_run_.pre.size());
  }
  void step() override {
    if (in_run_.pre.size() < run_.tokens.size())
      read_positions();
    else if (!triggers_read_)
      read_triggers();
    else
      weights_ = read_neuron_weights(run_.model(), asked_.layer, asked_.neuron, asked_.reader, asked_.top);
  }

  std::vector<Table> tables() override {
    std::vector<Table> tables{token_table(run_)};
    if (steps_left() > 0) return tables;
    const Dimension position{"position", run_.tokens.size(), {}}, trigger{"trigger", triggers_.size(), {}};
    tables.push_back(table_of("pre", {position}, "activation", in_run_.pre));
    tables.push_back(table_of("activation", {position}, "activation", in_run_.activation));
    tables.push_back(table_of("trigger", {trigger}, "position", triggers_));
    tables.push_back(table_of("trigger_next_rank", {trigger}, "rank", next_ranks_));
    const auto followed = std::ranges::count_if(next_ranks_, [](auto rank) { return rank > 0; });
    const auto said = std::ranges::count(next_ranks_, 1);
    Table said_next = float_table("said_next", {}, "share");
    if (followed > 0) said_next.data = std::vector<float>{static_cast<float>(said) / static_cast<float>(followed)};
    tables.push_back(std::move(said_next));
    add_neuron(tables, *weights_, asked_.reader);
    return tables;
  }

 private:
  void read_positions() {
    const std::size_t begin = in_run_.pre.size(), end = std::min(begin + kForwardChunk, run_.tokens.size());
    const NeuronRun part = read_neuron(run_.model(), run_.activations(), asked_.layer, asked_.neuron, begin, end);
    in_run_.pre.insert(in_run_.pre.end(), part.pre.begin(), part.pre.end());
    in_run_.activation.insert(in_run_.activation.end(), part.activation.begin(), part.activation.end());
  }

  void read_triggers() {
    const std::size_t n = run_.tokens.size();
    std::vector<std::int32_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    const auto activation = [&](std::int32_t p) { return in_run_.activation[static_cast<std::size_t>(p)]; };
    std::ranges::sort(order, {}, [&](std::int32_t p) { return std::pair(largest_first(activation(p)), p); });
    std::vector<TokenId> next;
    for (const std::int32_t p : order)
      if (triggers_.size() < asked_.triggers && activation(p) > 0) {
        triggers_.push_back(p);
        if (static_cast<std::size_t>(p) + 1 < n) next.push_back(run_.tokens[static_cast<std::size_t>(p) + 1]);
      }
    const auto ranks = value_ranks(run_.model(), asked_.layer, asked_.neuron, asked_.reader, next);
    auto rank = ranks.begin();
    for (const std::int32_t p : triggers_) next_ranks_.push_back(static_cast<std::size_t>(p) + 1 < n ? *rank++ : -1);
    triggers_read_ = true;
  }

  const NeuronRead asked_;
  NeuronRun in_run_;  // of the first positions
  bool triggers_read_ = false;
  std::optional<NeuronWeights> weights_;
  std::vector<std::int32_t> triggers_;    // positions
  std::vector<std::int32_t> next_ranks_;  // [trigger]
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const NeuronRead& asked, SlicedRun& run) {
  if (auto status = check_neuron(run.loaded(), asked.layer, asked.neuron); !status) return status.error();
  return std::unique_ptr<Reading>(new NeuronReading(run, asked));
}

}  // namespace lens
