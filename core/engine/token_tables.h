// Tables that several readings of weights and memories have in common.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/table.h"
#include "lens/directions.h"
#include "lens/memories.h"

namespace lens {

// "logit", or "dot product" as published.
const char* unit_of(Reader reader);

Table table_of(std::string name, std::vector<Dimension> dims, std::string unit, std::vector<float> values);
Table table_of(std::string name, std::vector<Dimension> dims, std::string unit, std::vector<std::int32_t> values);

// PREFIXpromoted_id, PREFIXpromoted_logit, PREFIXsuppressed_id, PREFIXsuppressed_logit over [outer…, top].
void add_ends(std::vector<Table>& tables, const std::string& prefix, const std::vector<Dimension>& outer,
              std::span<const TokenEnds> ends, Reader reader);

// key_promoted_id, …, value_promoted_id, … [top]; key_norm, value_norm, key_bias [].
void add_neuron(std::vector<Table>& tables, const NeuronWeights& weights, Reader reader);

}  // namespace lens
