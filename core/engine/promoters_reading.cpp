// {"what": "promoters"}: the neurons of all blocks whose value raises a token most, or lowers it most.
#include <algorithm>
#include <tuple>
#include <utility>

#include "base/order.h"
#include "engine/reading.h"
#include "engine/resolve.h"
#include "engine/token_tables.h"

namespace lens {
namespace {

class PromotersReading : public Reading {
 public:
  PromotersReading(SlicedRun& run, TokenId token, Reader reader, std::size_t neurons)
      : Reading(run), token_(token), reader_(reader), neurons_(neurons) {}

  std::size_t steps_left() const override { return run_.model().config().n_layer - layer_; }
  void step() override {
    if (direction_.empty()) direction_ = token_direction(run_.model(), token_, reader_);
    const auto block = block_promoters(run_.model(), layer_++, direction_);
    keep(best_, block, -1);
    keep(worst_, block, 1);
  }

  std::vector<Table> tables() override {
    std::vector<Table> tables;
    if (steps_left() > 0) return tables;
    tables.push_back(table_of("of", {}, "token id", std::vector<std::int32_t>{token_}));
    add(tables, "", best_);
    add(tables, "against_", worst_);
    return tables;
  }

 private:
  void keep(std::vector<Promoter>& kept, const std::vector<Promoter>& block, float sign) const {
    kept.insert(kept.end(), block.begin(), block.end());
    std::ranges::sort(kept, {},
                      [&](const Promoter& p) { return std::tuple(largest_first(-sign * p.logit), p.layer, p.neuron); });
    kept.resize(std::min(kept.size(), neurons_));
  }

  void add(std::vector<Table>& tables, const std::string& prefix, const std::vector<Promoter>& list) const {
    const Dimension neuron{"neuron", list.size(), {}};
    std::vector<std::int32_t> layers, neurons;
    std::vector<float> logits, norms;
    for (const auto& [layer, i, logit, norm] : list) {
      layers.push_back(static_cast<std::int32_t>(layer)), neurons.push_back(static_cast<std::int32_t>(i));
      logits.push_back(logit), norms.push_back(norm);
    }
    tables.push_back(table_of(prefix + "layer", {neuron}, "layer", std::move(layers)));
    tables.push_back(table_of(prefix + "neuron", {neuron}, "neuron", std::move(neurons)));
    tables.push_back(table_of(prefix + "logit", {neuron}, unit_of(reader_), std::move(logits)));
    tables.push_back(table_of(prefix + "norm", {neuron}, "norm", std::move(norms)));
  }

  const TokenId token_;
  const Reader reader_;
  const std::size_t neurons_;
  std::vector<float> direction_;  // [d_model], once begun
  std::size_t layer_ = 0;
  std::vector<Promoter> best_, worst_;
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const PromotersRead& asked, SlicedRun& run) {
  const auto token = resolve_tokens(run.loaded(), {&asked.token, 1});
  if (!token) return token.error();
  return std::unique_ptr<Reading>(new PromotersReading(run, token->front(), asked.reader, asked.neurons));
}

}  // namespace lens
