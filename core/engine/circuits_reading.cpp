// {"what": "circuits"}: all heads' copying and composition scores, of the weights alone; and {"what": "copying"}, the
// names of a run that heads copy.
#include <algorithm>
#include <utility>

#include "base/message.h"
#include "engine/reading.h"
#include "engine/resolve.h"
#include "engine/token_tables.h"
#include "lens/circuits.h"

namespace lens {
namespace {

std::vector<float> as_floats(std::span<const double> values) { return {values.begin(), values.end()}; }

class CircuitsReading : public Reading {
 public:
  CircuitsReading(SlicedRun& run, Reader reader) : Reading(run), scores_(run.model(), reader) {}

  std::size_t steps_left() const override { return scores_.steps_left(); }
  void step() override { scores_.step(); }
  std::vector<Table> tables() override {
    std::vector<Table> tables;
    if (steps_left() > 0) return tables;
    const Config& c = run_.model().config();
    std::vector<std::string> names;
    for (std::size_t h = 0; h < c.n_layer * c.n_head; ++h)
      names.push_back(std::to_string(h / c.n_head) + "." + std::to_string(h % c.n_head));
    const Dimension second{"second", names.size(), names}, first{"first", names.size(), names};
    tables.push_back(
        table_of("copying", {{"layer", c.n_layer, {}}, {"head", c.n_head, {}}}, "share", as_floats(scores_.copying())));
    tables.push_back(table_of("q_composition", {second, first}, "share", as_floats(scores_.q_composition())));
    tables.push_back(table_of("k_composition", {second, first}, "share", as_floats(scores_.k_composition())));
    tables.push_back(table_of("v_composition", {second, first}, "share", as_floats(scores_.v_composition())));
    tables.push_back(
        table_of("random_composition", {}, "share", std::vector<float>{static_cast<float>(scores_.baseline())}));
    tables.push_back(table_of("tied", {}, "0 or 1", std::vector<std::int32_t>{c.tied_head}));
    return tables;
  }

 private:
  CircuitScores scores_;
};

class CopyingReading : public Reading {
 public:
  CopyingReading(SlicedRun& run, std::vector<std::size_t> positions) : Reading(run), positions_(std::move(positions)) {}

  std::size_t steps_left() const override { return run_.model().config().n_layer - layer_; }
  void step() override {
    const auto [copied, turned] = name_copying(run_.model(), run_.activations(), layer_++, positions_);
    copied_.insert(copied_.end(), copied.begin(), copied.end());
    turned_.insert(turned_.end(), turned.begin(), turned.end());
  }
  std::vector<Table> tables() override {
    std::vector<Table> tables{token_table(run_)};
    if (steps_left() > 0) return tables;
    const Config& c = run_.model().config();
    const std::vector<Dimension> dims{{"layer", c.n_layer, {}}, {"head", c.n_head, {}}};
    tables.push_back(table_of("copied", dims, "share", copied_));
    tables.push_back(table_of("turned_round", dims, "share", turned_));
    tables.push_back(table_of("names", {{"name", positions_.size(), {}}}, "position",
                              std::vector<std::int32_t>(positions_.begin(), positions_.end())));
    return tables;
  }

 private:
  const std::vector<std::size_t> positions_;
  std::size_t layer_ = 0;
  std::vector<float> copied_, turned_;  // [layer, head]
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const CircuitsRead& asked, SlicedRun& run) {
  return std::unique_ptr<Reading>(new CircuitsReading(run, asked.reader));
}

Result<std::unique_ptr<Reading>> start_reading(const CopyingRead& asked, SlicedRun& run) {
  const auto names = resolve_tokens(run.loaded(), asked.names);
  if (!names) return names.error();
  std::vector<std::size_t> positions;
  for (std::size_t p = 0; p < run.tokens.size(); ++p)
    if (std::ranges::find(*names, run.tokens[p]) != names->end()) positions.push_back(p);
  if (positions.empty())
    return Error{"no_names", "None of the names is in the run " + in_quotes(run.name) + "; put them into its prompt."};
  return std::unique_ptr<Reading>(new CopyingReading(run, std::move(positions)));
}

}  // namespace lens
