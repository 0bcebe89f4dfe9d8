// {"what": "parameters"}: a neuron's or a head's weights in the space of tokens, nothing run.
#include <memory>
#include <optional>
#include <utility>

#include "engine/reading.h"
#include "engine/resolve.h"
#include "engine/token_tables.h"
#include "lens/circuits.h"

namespace lens {
namespace {

class NeuronWeightsReading : public Reading {
 public:
  NeuronWeightsReading(SlicedRun& run, const ParametersRead& asked) : Reading(run), asked_(asked) {}

  std::size_t steps_left() const override { return weights_ ? 0 : 1; }
  void step() override {
    weights_ = read_neuron_weights(run_.model(), asked_.layer, *asked_.neuron, asked_.reader, asked_.top);
  }
  std::vector<Table> tables() override {
    std::vector<Table> tables;
    if (weights_) add_neuron(tables, *weights_, asked_.reader);
    return tables;
  }

 private:
  const ParametersRead asked_;
  std::optional<NeuronWeights> weights_;
};

class HeadWeightsReading : public Reading {
 public:
  HeadWeightsReading(SlicedRun& run, const ParametersRead& asked, std::optional<TokenId> token)
      : Reading(run), asked_(asked), head_{asked.layer, *asked.head}, token_(token) {}

  std::size_t steps_left() const override {
    std::size_t left = token_ && !of_token_ ? 1 : 0;
    for (const auto& search : searches_) left += search ? search->steps_left() : 1;
    return left;
  }
  void step() override {
    for (std::size_t i = 0; i < 2; ++i) {
      if (!searches_[i])
        return void(
            searches_[i].emplace(run_.model(), head_, i ? Circuit::QK : Circuit::OV, asked_.reader, asked_.top));
      if (searches_[i]->steps_left() > 0) return searches_[i]->step();
    }
    of_token_ = read_head(run_.model(), head_, *token_, asked_.reader, asked_.top);
  }
  std::vector<Table> tables() override {
    std::vector<Table> tables;
    if (steps_left() > 0) return tables;
    add_pairs(tables, "ov_best", searches_[0]->best());
    add_pairs(tables, "ov_worst", searches_[0]->worst());
    add_pairs(tables, "qk_best", searches_[1]->best());
    add_pairs(tables, "qk_worst", searches_[1]->worst());
    if (!token_) return tables;
    tables.push_back(table_of("of", {}, "token id", std::vector<std::int32_t>{*token_}));
    add_ends(tables, "writes_", {}, {&of_token_->writes, 1}, asked_.reader);
    add_ends(tables, "attends_to_", {}, {&of_token_->attends_to, 1}, asked_.reader);
    add_ends(tables, "attended_by_", {}, {&of_token_->attended_by, 1}, asked_.reader);
    return tables;
  }

 private:
  void add_pairs(std::vector<Table>& tables, const std::string& prefix, std::span<const TokenPair> pairs) const {
    const Dimension pair{"pair", pairs.size(), {}};
    std::vector<std::int32_t> from, to;
    std::vector<float> scores;
    for (const TokenPair& p : pairs) from.push_back(p.from), to.push_back(p.to), scores.push_back(p.score);
    tables.push_back(table_of(prefix + "_from", {pair}, "token id", std::move(from)));
    tables.push_back(table_of(prefix + "_to", {pair}, "token id", std::move(to)));
    tables.push_back(table_of(prefix + "_score", {pair}, unit_of(asked_.reader), std::move(scores)));
  }

  const ParametersRead asked_;
  const Head head_;
  const std::optional<TokenId> token_;
  std::optional<PairSearch> searches_[2];  // OV, QK
  std::optional<HeadOfToken> of_token_;
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const ParametersRead& asked, SlicedRun& run) {
  if (asked.neuron) {
    if (auto status = check_neuron(run.loaded(), asked.layer, *asked.neuron); !status) return status.error();
    return std::unique_ptr<Reading>(new NeuronWeightsReading(run, asked));
  }
  if (auto status = check_head(run.loaded(), asked.layer, *asked.head); !status) return status.error();
  std::optional<TokenId> token;
  if (asked.token) {
    const auto ids = resolve_tokens(run.loaded(), {&*asked.token, 1});
    if (!ids) return ids.error();
    token = ids->front();
  }
  return std::unique_ptr<Reading>(new HeadWeightsReading(run, asked, token));
}

}  // namespace lens
