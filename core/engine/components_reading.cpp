// {"what": "components"}: who wrote a cell.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "base/order.h"
#include "engine/reading.h"
#include "engine/resolve.h"
#include "lens/components.h"

namespace lens {
namespace {

class ComponentsReading : public Reading {
 public:
  ComponentsReading(SlicedRun& run, std::shared_ptr<const LoadedLens> lens, CellQuestion asked, std::size_t neurons)
      : Reading(run), lens_(std::move(lens)), asked_(asked), n_neuron_(std::min(neurons, run.model().config().d_mlp)) {}

  // One to begin with, then one a block.
  std::size_t steps_left() const override { return parts_ ? parts_->n_block() - parts_->blocks().size() : 1; }
  void step() override {
    if (parts_)
      parts_->read_block(run_.activations());
    else
      parts_.emplace(run_.model(), lens_->lens, run_.activations(), asked_, run_.mean_W_U());
  }

  std::vector<Table> tables() override {
    std::vector<Table> tables{token_table(run_)};
    if (!parts_ || steps_left() > 0) return tables;
    const Config& c = run_.model().config();
    const Dimension layer{"layer", parts_->n_block(), {}}, head{"head", c.n_head, {}};
    const Dimension key{"key position", asked_.position + 1, {}}, neuron{"neuron", n_neuron_, {}};
    const auto floats = [&](const char* name, const char* unit, std::vector<Dimension> dims, auto values) {
      Table table = float_table(name, std::move(dims), unit);
      auto& data = std::get<std::vector<float>>(table.data);
      data.clear();
      values([&](double value) { data.push_back(static_cast<float>(value)); });
      tables.push_back(std::move(table));
    };
    // Of each block, one number or all of a list.
    const auto of_blocks = [&](const char* name, const char* unit, std::vector<Dimension> dims, auto part) {
      floats(name, unit, std::move(dims), [&](auto put) {
        for (const BlockParts& block : parts_->blocks()) {
          if constexpr (std::is_convertible_v<decltype(part(block)), double>)
            put(part(block));
          else
            std::ranges::for_each(part(block), put);
        }
      });
    };
    using B = const BlockParts&;

    std::vector<std::int32_t> of{asked_.token};
    if (asked_.against) of.push_back(*asked_.against);
    tables.push_back({"of", {{"of", of.size(), {}}}, "token id", std::move(of)});
    floats("total", "logit", {{"total", 4, {"shown", "sum", "remainder", "size"}}}, [&](auto put) {
      put(parts_->shown()), put(parts_->sum()), put(parts_->shown() - parts_->sum()), put(parts_->size());
    });
    floats("outside", "logit", {{"part", 4, {"W_E", "W_pos", "ln_f bias", "lens bias"}}}, [&](auto put) {
      put(parts_->embed()), put(parts_->pos_embed()), put(parts_->norm_bias()), put(parts_->lens_bias());
    });
    of_blocks("head", "logit", {layer, head}, [](B b) { return std::span(b.head); });
    of_blocks("attn_bias", "logit", {layer}, [](B b) { return b.attn_bias; });
    of_blocks("mlp", "logit", {layer}, [](B b) { return b.neuron.empty() ? kNone : b.mlp; });
    of_blocks("mlp_bias", "logit", {layer}, [](B b) { return b.neuron.empty() ? kNone : b.mlp_bias; });
    of_blocks("source", "logit", {layer, head, key}, [](B b) { return std::span(b.source); });
    of_blocks("pattern", "probability", {layer, head, key}, [](B b) { return std::span(b.pattern); });
    if (n_neuron_ > 0) add_neurons(tables, {layer, neuron});
    return tables;
  }

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  // Each layer's neurons that write most, either way.
  void add_neurons(std::vector<Table>& tables, const std::vector<Dimension>& dims) const {
    Table ids = id_table("neuron_id", dims, "neuron");
    Table logits = float_table("neuron", dims, "logit");
    Table activations = float_table("neuron_activation", dims, "activation");
    for (std::size_t layer = 0; layer < parts_->n_block(); ++layer) {
      const BlockParts& block = parts_->blocks()[layer];
      if (block.neuron.empty()) continue;
      std::vector<std::size_t> order(block.neuron.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(n_neuron_), {},
                                [&](std::size_t n) { return std::pair(largest_first(std::abs(block.neuron[n])), n); });
      for (std::size_t i = 0; i < n_neuron_; ++i) {
        const std::size_t at = layer * n_neuron_ + i;
        std::get<std::vector<std::int32_t>>(ids.data)[at] = static_cast<std::int32_t>(order[i]);
        std::get<std::vector<float>>(logits.data)[at] = static_cast<float>(block.neuron[order[i]]);
        std::get<std::vector<float>>(activations.data)[at] = block.activation[order[i]];
      }
    }
    for (Table* table : {&ids, &logits, &activations}) tables.push_back(std::move(*table));
  }

  const std::shared_ptr<const LoadedLens> lens_;
  const CellQuestion asked_;
  const std::size_t n_neuron_;
  std::optional<Components> parts_;
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const ComponentsRead& asked, SlicedRun& run) {
  const int n_layer = static_cast<int>(run.model().config().n_layer);
  const HookPoint row = asked.row.value_or(HookPoint{Site::resid_post, n_layer - 1});
  if (auto status = check_hook(row, run); !status) return status.error();
  auto lens = resolve_lens(run.lenses(), asked.lens, run.loaded());
  if (!lens) return lens.error();
  if (auto status = check_norm(**lens, asked.norm); !status) return status.error();
  const auto positions = resolve_positions(std::span(&asked.position, 1), run.tokens.size(), run.name);
  if (!positions) return positions.error();
  const auto tokens = resolve_tokens(run.loaded(), asked.tokens);
  if (!tokens) return tokens.error();
  if (tokens->size() < asked.tokens.size())
    return Error{"token_text", "A difference of logits is that of two tokens, and these are one and the same."};
  CellQuestion question{row, positions->front(), tokens->front(), {}, asked.norm};
  if (tokens->size() > 1) question.against = tokens->back();
  return std::unique_ptr<Reading>(new ComponentsReading(run, *std::move(lens), question, asked.neurons));
}

}  // namespace lens
