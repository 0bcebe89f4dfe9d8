// {"what": "head_scores"}: what the heads attend to in a run that repeats itself.
#include <utility>

#include "base/message.h"
#include "engine/reading.h"
#include "lens/head_scores.h"

namespace lens {
namespace {

class HeadScoresReading : public Reading {
 public:
  HeadScoresReading(SlicedRun& run, std::size_t period) : Reading(run), period_(period) {}

  std::size_t steps_left() const override { return run_.model().config().n_layer - layers_.size(); }
  void step() override {
    layers_.push_back(read_head_scores(run_.model(), run_.activations(), layers_.size(), run_.tokens.size(), period_));
  }

  std::vector<Table> tables() override {
    const Config& c = run_.model().config();
    std::vector<Table> tables{token_table(run_)};
    const auto add = [&](const char* name, double HeadScores::*score) {
      Table table = float_table(name, {{"layer", c.n_layer, {}}, {"head", c.n_head, {}}}, "probability");
      auto& data = std::get<std::vector<float>>(table.data);
      for (std::size_t layer = 0; layer < layers_.size(); ++layer)
        for (std::size_t h = 0; h < c.n_head; ++h)
          data[layer * c.n_head + h] = static_cast<float>(layers_[layer][h].*score);
      tables.push_back(std::move(table));
    };
    add("previous", &HeadScores::previous);
    add("duplicate", &HeadScores::duplicate);
    add("induction", &HeadScores::induction);
    return tables;
  }

 private:
  const std::size_t period_;
  std::vector<std::vector<HeadScores>> layers_;
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const HeadScoresRead& asked, SlicedRun& run) {
  const std::size_t n = run.tokens.size(), period = asked.period.value_or(run.period);
  if (period < 2 || period >= n)
    return Error{"head_scores",
                 "The scores of heads need a run whose tokens repeat: one given as \"repeat\", or a period "
                 "from 2 to less than its number of tokens, but the run " +
                     in_quotes(run.name) + " has " + std::to_string(n) + " tokens and the period is " +
                     std::to_string(period) + "."};
  return std::unique_ptr<Reading>(new HeadScoresReading(run, period));
}

}  // namespace lens
