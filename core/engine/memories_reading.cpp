// {"what": "memories"}: which neurons wrote what the MLP of a block wrote at a position.
#include <optional>
#include <utility>

#include "engine/reading.h"
#include "engine/resolve.h"
#include "engine/token_tables.h"

namespace lens {
namespace {

class MemoriesReading : public Reading {
 public:
  MemoriesReading(SlicedRun& run, MemoriesOptions options) : Reading(run), options_(std::move(options)) {}

  std::size_t steps_left() const override { return agreeing_ ? 0 : found_ ? 1 : 2; }
  void step() override {
    if (!found_)
      found_ = read_memories(run_.model(), run_.activations(), options_);
    else
      agreeing_ = memories_that_say(run_.model(), run_.activations(), options_, found_->layer_top);
  }

  std::vector<Table> tables() override {
    std::vector<Table> tables{token_table(run_)};
    if (steps_left() > 0) return tables;
    const Dimension neuron{"neuron", found_->best.size(), {}};
    const auto add = [&](const char* name, std::vector<Dimension> dims, const char* unit, auto values) {
      tables.push_back(table_of(name, std::move(dims), unit, std::move(values)));
    };
    const auto of_each = [&](auto value) {
      std::vector<decltype(value(found_->best[0]))> values;
      for (const Memory& memory : found_->best) values.push_back(value(memory));
      return values;
    };
    using M = const Memory&;
    add("neuron", {neuron}, "neuron", of_each([](M m) { return static_cast<std::int32_t>(m.neuron); }));
    add("pre", {neuron}, "activation", of_each([](M m) { return m.pre; }));
    add("activation", {neuron}, "activation", of_each([](M m) { return m.activation; }));
    add("weight", {neuron}, "norm", of_each([](M m) { return m.weight; }));
    add("effect", {neuron}, unit_of(options_.reader), of_each([](M m) { return m.effect; }));
    add("explained", {neuron}, "share", of_each([](M m) { return static_cast<float>(m.explained); }));
    std::vector<TokenEnds> says;
    for (const Memory& memory : found_->best) says.push_back(memory.says);
    add_ends(tables, "", {neuron}, says, options_.reader);
    add("effect_token", {}, "token id", std::vector<std::int32_t>{found_->token});
    add("effect_sum", {}, unit_of(options_.reader), std::vector<float>{static_cast<float>(found_->all_effect)});
    add("active_share", {}, "share", std::vector<float>{static_cast<float>(found_->active_share)});
    add("layer_top", {}, "token id", std::vector<std::int32_t>{found_->layer_top});
    add("says_layer_top", {{"agreeing", agreeing_->size(), {}}}, "neuron",
        std::vector<std::int32_t>(agreeing_->begin(), agreeing_->end()));
    return tables;
  }

 private:
  const MemoriesOptions options_;
  std::optional<LayerMemories> found_;
  std::optional<std::vector<std::size_t>> agreeing_;
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const MemoriesRead& asked, SlicedRun& run) {
  if (auto status = check_layer(run.loaded(), asked.layer); !status) return status.error();
  const auto positions = resolve_positions({&asked.position, 1}, run.tokens.size(), run.name);
  if (!positions) return positions.error();
  MemoriesOptions options{asked.layer, positions->front(), asked.reader, asked.order, {}, asked.neurons, asked.top};
  if (asked.token) {
    const auto token = resolve_tokens(run.loaded(), {&*asked.token, 1});
    if (!token) return token.error();
    options.token = token->front();
  }
  return std::unique_ptr<Reading>(new MemoriesReading(run, std::move(options)));
}

}  // namespace lens
