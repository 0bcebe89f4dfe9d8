#include "engine/token_tables.h"

#include <utility>

namespace lens {

const char* unit_of(Reader reader) { return reader == Reader::gamma ? "logit" : "dot product"; }

Table table_of(std::string name, std::vector<Dimension> dims, std::string unit, std::vector<float> values) {
  return {std::move(name), std::move(dims), std::move(unit), std::move(values)};
}

Table table_of(std::string name, std::vector<Dimension> dims, std::string unit, std::vector<std::int32_t> values) {
  return {std::move(name), std::move(dims), std::move(unit), std::move(values)};
}

void add_ends(std::vector<Table>& tables, const std::string& prefix, const std::vector<Dimension>& outer,
              std::span<const TokenEnds> ends, Reader reader) {
  for (const auto& [name, list] :
       {std::pair{"promoted", &TokenEnds::promoted}, {"suppressed", &TokenEnds::suppressed}}) {
    std::vector<std::int32_t> ids;
    std::vector<float> logits;
    for (const TokenEnds& end : ends)
      for (const ScoredToken& token : end.*list) ids.push_back(token.id), logits.push_back(token.logit);
    auto dims = outer;
    dims.push_back({"top", ends.empty() ? 0 : (ends[0].*list).size(), {}});
    tables.push_back(table_of(prefix + name + "_id", dims, "token id", std::move(ids)));
    tables.push_back(table_of(prefix + name + "_logit", dims, unit_of(reader), std::move(logits)));
  }
}

void add_neuron(std::vector<Table>& tables, const NeuronWeights& weights, Reader reader) {
  add_ends(tables, "key_", {}, {&weights.key, 1}, reader);
  add_ends(tables, "value_", {}, {&weights.value, 1}, reader);
  tables.push_back(table_of("key_norm", {}, "norm", std::vector<float>{static_cast<float>(weights.key_norm)}));
  tables.push_back(table_of("value_norm", {}, "norm", std::vector<float>{static_cast<float>(weights.value_norm)}));
  tables.push_back(table_of("key_bias", {}, "activation", std::vector<float>{weights.bias}));
}

}  // namespace lens
