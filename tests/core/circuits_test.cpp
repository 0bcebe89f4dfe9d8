// Memories and circuits against themselves by another way, on every platform; their numbers against float64 code are
// tests/cli's.
#include "lens/circuits.h"

#include "lens/memories.h"
#include "model/forward.h"
#include "support.h"
#include "tiny_model.h"

using namespace lens;
using namespace lens::test;

namespace {

LoadedModel tiny() {
  auto model = load_model("tiny", tiny_files());
  REQUIRE(model);
  return *std::move(model);
}

}  // namespace

TEST_CASE("the best pair of a circuit is the best of all tokens' rows") {
  const LoadedModel loaded = tiny();
  const Model& model = loaded.model;
  for (const Head head : {Head{0, 1}, Head{2, 0}}) {
    PairSearch search(model, head, Circuit::OV, Reader::gamma, 3);
    while (search.steps_left() > 0) search.step();
    TokenPair best{-1, -1, -1e30f}, worst{-1, -1, 1e30f};
    for (TokenId token = 0; token < static_cast<TokenId>(model.config().d_vocab); ++token) {
      const TokenEnds writes = read_head(model, head, token, Reader::gamma, 1).writes;
      if (writes.promoted[0].logit > best.score) best = {token, writes.promoted[0].id, writes.promoted[0].logit};
      if (writes.suppressed[0].logit < worst.score)
        worst = {token, writes.suppressed[0].id, writes.suppressed[0].logit};
    }
    for (const auto& [found, expected] : {std::pair{search.best()[0], best}, {search.worst()[0], worst}}) {
      REQUIRE(found.from == expected.from);
      REQUIRE(found.to == expected.to);
      require_close(found.score, expected.score, std::abs(expected.score), 64);
    }
    REQUIRE(search.best().size() == 3);
    REQUIRE(search.best()[0].score >= search.best()[1].score);
  }
}

TEST_CASE("random factors give the composition that numpy's generator gives") {
  REQUIRE(std::abs(random_composition(20, 10) - 0.2084323550621352) < 1e-9);
  REQUIRE(std::abs(random_composition(64, 16) - 0.12480024040449396) < 1e-9);
}

TEST_CASE("scores are within their bounds, and only a lower block's head feeds another") {
  const LoadedModel loaded = tiny();
  for (const Reader reader : {Reader::gamma, Reader::published}) {
    CircuitScores scores(loaded.model, reader);
    while (scores.steps_left() > 0) scores.step();
    for (const double copying : scores.copying()) REQUIRE(std::abs(copying) <= 1 + 1e-12);
    const std::size_t n = 6, n_head = 2;
    for (std::size_t second = 0; second < n; ++second)
      for (std::size_t first = 0; first < n; ++first)
        for (const auto scores_of : {scores.q_composition(), scores.k_composition(), scores.v_composition()}) {
          const double score = scores_of[second * n + first];
          REQUIRE(std::isnan(score) == (first / n_head >= second / n_head));
          if (!std::isnan(score)) REQUIRE((score + scores.baseline() >= 0 && score + scores.baseline() <= 1));
        }
  }
}

TEST_CASE("all memories together explain everything, and a memory that says the token is found") {
  const LoadedModel loaded = tiny();
  const Model& model = loaded.model;
  Activations run(model.config());
  run.append(std::vector<TokenId>{5, 9, 17, 80});
  forward(model, 0, run);
  const std::size_t d_mlp = model.config().d_mlp;
  const MemoriesOptions options{.layer = 1, .position = 2, .neurons = d_mlp, .top = 1};
  const LayerMemories found = read_memories(model, run, options);
  REQUIRE(found.best.size() == d_mlp);
  require_close(found.best.back().explained, 1, 1);
  double sum = 0;
  for (const Memory& memory : found.best) sum += memory.effect;
  require_close(sum, found.all_effect, std::abs(found.all_effect) + 1, 64);
  for (const TokenId token : {found.best[0].says.promoted[0].id, found.layer_top}) {
    std::vector<std::size_t> expected;
    for (const Memory& memory : found.best)
      if (memory.says.promoted[0].id == token) expected.push_back(memory.neuron);
    std::ranges::sort(expected);
    REQUIRE(memories_that_say(model, run, options, token) == expected);
  }
}
