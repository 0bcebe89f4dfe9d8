// Who wrote a cell: the parts add up to what the lens shows, for every row, norm and position. The numbers themselves
// are held against numpy in tests/cli/components_test.py.
#include "lens/components.h"

#include <numeric>

#include "lens/head_scores.h"
#include "lens/writes.h"
#include "model/forward.h"
#include "support.h"
#include "tiny_model.h"

using namespace lens;
using namespace lens::test;

namespace {

struct Finished {
  LoadedModel loaded = *load_model("tiny", tiny_files());
  Activations run{loaded.model.config()};
  std::vector<double> mean_W_U = loaded.model.W_U().mean_column();

  explicit Finished(std::vector<TokenId> ids) {
    run.append(ids);
    forward(loaded.model, 0, run);
  }
  Components components(const CellQuestion& asked) {
    Components parts(loaded.model, Lens{}, run, asked, mean_W_U);
    while (parts.blocks().size() < parts.n_block()) parts.read_block(run);
    return parts;
  }
};

}  // namespace

TEST_CASE("the parts of a cell add up to what the lens shows, a head's sources to the head, neurons to the MLP") {
  Finished tiny({5, 9, 17, 80, 33, 61});
  const Config& c = tiny.loaded.model.config();
  const auto rows = lens_rows(c, true);
  double worst = 0;
  for (const Norm norm : {Norm::recomputed, Norm::frozen, Norm::none})
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (const std::size_t position : {0u, 5u}) {
        const auto lens = read_lens(tiny.loaded.model, Lens{}, {.norm = norm, .mid = true, .track = {12, 44}}, tiny.run,
                                    {&position, 1})[0];
        const HookPoint row = rows[r];
        const LensCell& cell = lens[r];
        for (const std::optional<TokenId> against : {std::optional<TokenId>(), std::optional<TokenId>(44)}) {
          const auto parts = tiny.components({row, position, 12, against, norm});
          INFO(name_of(row) << " at " << position);
          const double shown = cell.track[0].logit - (against ? cell.track[1].logit : cell.reading.mean_logit);
          require_close(parts.shown(), shown, parts.size());
          REQUIRE(std::abs(parts.shown() - parts.sum()) <= 1e-5 * parts.size());
          worst = std::max(worst, std::abs(parts.shown() - parts.sum()) / parts.size());
          for (const BlockParts& block : parts.blocks()) {
            for (std::size_t h = 0; h < c.n_head; ++h) {
              const auto sources = std::span(block.source).subspan(h * (position + 1), position + 1);
              REQUIRE(std::accumulate(sources.begin(), sources.end(), 0.0) == block.head[h]);
            }
            REQUIRE(std::accumulate(block.neuron.begin(), block.neuron.end(), 0.0) == block.mlp);
            REQUIRE(block.neuron.empty() == (row.site == Site::resid_mid && &block == &parts.blocks().back()));
          }
          REQUIRE(parts.blocks().size() == static_cast<std::size_t>(row.layer + (row.site != Site::resid_pre)));
        }
      }
  std::printf("measured: components, remainder / Σ|part| %.1e\n", worst);
}

TEST_CASE("what a block promotes most is what its parts raise most") {
  Finished tiny({5, 9, 17, 80, 33, 61});
  const std::size_t position = 4;
  const auto writes = read_writes(tiny.loaded.model, tiny.run, 1, {&position, 1}, Norm::recomputed, 5)[0];
  for (std::size_t i = 0; i < 5; ++i)
    for (const auto list : {&Write::promoted, &Write::suppressed}) {
      const ScoredToken attn = (writes.attn_out.*list)[i], mlp = (writes.mlp_out.*list)[i];
      // At the row it was added into, for that row's σ is its own.
      const auto mid = tiny.components({{Site::resid_mid, 1}, position, attn.id, {}, Norm::recomputed});
      const BlockParts& a = mid.blocks()[1];
      require_close(attn.logit, std::accumulate(a.head.begin(), a.head.end(), a.attn_bias), mid.size(), 16);
      const auto post = tiny.components({{Site::resid_post, 1}, position, mlp.id, {}, Norm::recomputed});
      const BlockParts& m = post.blocks()[1];
      require_close(mlp.logit, m.mlp + m.mlp_bias, post.size(), 16);
    }
  REQUIRE(writes.mlp_out.promoted[0].logit >= writes.mlp_out.promoted[1].logit);
  REQUIRE(writes.mlp_out.suppressed[0].logit <= writes.mlp_out.suppressed[1].logit);
}

TEST_CASE("the scores of a head are means of its pattern's diagonals") {
  Finished tiny({5, 9, 17, 80, 33, 5, 9, 17, 80, 33});
  const std::size_t n = 10, T = 5;
  for (std::size_t layer = 0; layer < 3; ++layer) {
    const auto scores = read_head_scores(tiny.loaded.model, tiny.run, layer, n, T);
    const auto A = read_hook(tiny.loaded.model, tiny.run, {Site::pattern, static_cast<int>(layer)}, 0, n);
    for (std::size_t h = 0; h < scores.size(); ++h) {
      const auto at = [&](std::size_t i, std::size_t j) { return static_cast<double>(A.values[(h * n + i) * n + j]); };
      double previous = 0, duplicate = 0, induction = 0;
      for (std::size_t i = 1; i < n; ++i) previous += at(i, i - 1) / 9;
      for (std::size_t i = 5; i < n; ++i) duplicate += at(i, i - 5) / 5, induction += at(i, i - 4) / 5;
      require_close(scores[h].previous, previous, 1);
      require_close(scores[h].duplicate, duplicate, 1);
      require_close(scores[h].induction, induction, 1);
    }
  }
}
