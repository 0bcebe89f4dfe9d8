// {"what": "writes"}: what each block's attention and MLP promote and suppress.
#include <algorithm>
#include <utility>

#include "engine/reading.h"
#include "engine/resolve.h"
#include "lens/writes.h"

namespace lens {
namespace {

// Positions that meet W_U together, four rows each.
constexpr std::size_t kPositions = 8;

class WritesReading : public Reading {
 public:
  WritesReading(SlicedRun& run, const WritesRead& asked, std::vector<std::size_t> positions)
      : Reading(run),
        norm_(asked.norm),
        top_(std::min(asked.top, run.model().config().d_vocab)),
        positions_(std::move(positions)),
        named_(!asked.positions.empty()) {}

  std::size_t steps_left() const override { return run_.model().config().n_layer * batches() - done_.size(); }
  void step() override {
    const std::size_t layer = done_.size() / batches(), begin = done_.size() % batches() * kPositions;
    const auto batch = std::span(positions_).subspan(begin, std::min(kPositions, positions_.size() - begin));
    done_.push_back(read_writes(run_.model(), run_.activations(), layer, batch, norm_, top_));
  }

  std::vector<Table> tables() override {
    Dimension write{"write", 2 * run_.model().config().n_layer, {}};
    for (std::size_t layer = 0; layer < run_.model().config().n_layer; ++layer)
      for (const Site site : {Site::attn_out, Site::mlp_out})
        write.labels.push_back(name_of({site, static_cast<int>(layer)}));
    const std::vector<Dimension> dims{write, position_dimension(positions_, named_), {"top", top_, {}}};
    std::vector<Table> tables{token_table(run_, positions_, named_)};
    const auto add = [&](const std::string& name, std::vector<ScoredToken> Write::*list) {
      Table ids = id_table(name + "_id", dims), logits = float_table(name + "_logit", dims, "logit");
      for (std::size_t step = 0; step < done_.size(); ++step)
        for (std::size_t i = 0; i < done_[step].size(); ++i)
          for (const std::size_t site : {0u, 1u}) {
            const BlockWrites& block = done_[step][i];
            const std::size_t position = step % batches() * kPositions + i;
            std::size_t at = ((2 * (step / batches()) + site) * positions_.size() + position) * top_;
            for (const ScoredToken& token : (site == 0 ? block.attn_out : block.mlp_out).*list) {
              std::get<std::vector<std::int32_t>>(ids.data)[at] = token.id;
              std::get<std::vector<float>>(logits.data)[at++] = token.logit;
            }
          }
      tables.push_back(std::move(ids));
      tables.push_back(std::move(logits));
    };
    add("promoted", &Write::promoted);
    add("suppressed", &Write::suppressed);
    return tables;
  }

 private:
  std::size_t batches() const { return (positions_.size() + kPositions - 1) / kPositions; }

  const Norm norm_;
  const std::size_t top_;
  const std::vector<std::size_t> positions_;
  const bool named_;
  std::vector<std::vector<BlockWrites>> done_;  // by step: layer by layer, a batch of positions each
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const WritesRead& asked, SlicedRun& run) {
  auto positions = resolve_positions(asked.positions, run.tokens.size(), run.name);
  if (!positions) return positions.error();
  return std::unique_ptr<Reading>(new WritesReading(run, asked, *std::move(positions)));
}

}  // namespace lens
