// The lens as one interface: what a translator does to a row. Its numbers are checked in golden_test.
#include "lens/logit_lens.h"

#include <numeric>

#include "model/forward.h"
#include "support.h"
#include "tiny_model.h"

using namespace lens;
using namespace lens::test;

namespace {

std::vector<std::size_t> positions(const Activations& run) {
  std::vector<std::size_t> all(run.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

LoadedModel tiny() {
  auto model = load_model("tiny", tiny_files());
  REQUIRE(model);
  return *std::move(model);
}

Lens affine(const Config& c, float diagonal, float bias) {
  Lens lens;
  for (std::size_t block = 0; block < c.n_layer; ++block) {
    Translator translator{PackedMatrix(c.d_model, c.d_model), std::vector<float>(c.d_model, bias)};
    std::vector<float> row(c.d_model, 0.0f);
    for (std::size_t i = 0; i < c.d_model; ++i) {
      row[i] = diagonal;
      translator.W.set_row(i, row);
      row[i] = 0;
    }
    lens.translators.push_back(std::move(translator));
  }
  return lens;
}

}  // namespace

TEST_CASE("a zero translator is the raw lens, bit for bit; another is not, and leaves the output alone") {
  const LoadedModel loaded = tiny();
  const Config& c = loaded.model.config();
  Activations run(c);
  run.append(std::vector<TokenId>{5, 9, 17, 80, 33});
  forward(loaded.model, 0, run);
  const auto raw = read_lens(loaded.model, Lens{}, {}, run, positions(run));
  const auto zero = read_lens(loaded.model, affine(c, 0, 0), {}, run, positions(run));
  const auto other = read_lens(loaded.model, affine(c, 0.5f, 0.1f), {.norm = Norm::none}, run, positions(run));
  const auto raw_unnormed = read_lens(loaded.model, Lens{}, {.norm = Norm::none}, run, positions(run));
  for (std::size_t p = 0; p < run.size(); ++p)
    for (std::size_t r = 0; r < raw[p].size(); ++r) {
      INFO("position " << p << ", row " << r);
      REQUIRE(zero[p][r].reading.log_z == raw[p][r].reading.log_z);
      REQUIRE(zero[p][r].kl == raw[p][r].kl);
      REQUIRE(zero[p][r].answer.logit == raw[p][r].answer.logit);
      const bool same = other[p][r].reading.log_z == raw_unnormed[p][r].reading.log_z;
      REQUIRE(same == (r + 1 == raw[p].size()));
    }
}

TEST_CASE("a column reads the same alone and among others, and read_token agrees with it") {
  const LoadedModel loaded = tiny();
  Activations run(loaded.model.config());
  run.append(std::vector<TokenId>{5, 9, 17, 80, 33, 61, 2});
  forward(loaded.model, 0, run);
  const LensOptions options{.mid = true, .change = true, .top = 4, .track = {12}, .sets = {{"both", {12, 30}}}};
  const auto together = read_lens(loaded.model, Lens{}, options, run, positions(run));
  for (std::size_t p = 0; p < run.size(); ++p) {
    const auto alone = read_lens(loaded.model, Lens{}, options, run, {&p, 1})[0];
    const auto token = read_token(loaded.model, Lens{}, options, run, p, 12);
    for (std::size_t r = 0; r < alone.size(); ++r) {
      const LensCell &a = alone[r], &b = together[p][r];
      REQUIRE(a.reading.log_z == b.reading.log_z);
      REQUIRE(a.reading.entropy == b.reading.entropy);
      REQUIRE(a.kl == b.kl);
      REQUIRE((r == 0 ? std::isnan(a.change) && std::isnan(b.change) : a.change == b.change));
      REQUIRE(a.input.id == run.tokens()[p]);
      REQUIRE(a.input.rank == b.input.rank);
      REQUIRE(a.answer.id == b.answer.id);
      REQUIRE(a.answer.rank == b.answer.rank);
      REQUIRE(a.set_prob == b.set_prob);
      REQUIRE(a.set_prob[0] > std::exp(a.track[0].logit - a.reading.log_z));
      REQUIRE(token[r] == a.track[0].logit);
    }
  }
}

TEST_CASE("each row has the translator of the block that reads it next; the output has none") {
  Config c;
  c.n_layer = 2;
  Lens lens;
  lens.translators.resize(c.n_layer);
  std::vector<std::ptrdiff_t> found;
  for (const HookPoint row : lens_rows(c, true)) {
    const Translator* translator = lens.at(row);
    found.push_back(translator ? translator - lens.translators.data() : -1);
  }
  REQUIRE(found == std::vector<std::ptrdiff_t>{0, 0, 1, 1, -1});
  for (const HookPoint row : lens_rows(c, true)) REQUIRE(Lens{}.at(row) == nullptr);
}

TEST_CASE("a lens beside changes no number and is 0 from itself; the output is read alike by all") {
  const LoadedModel loaded = tiny();
  const Config& c = loaded.model.config();
  Activations run(c);
  run.append(std::vector<TokenId>{5, 9, 17, 80, 33});
  forward(loaded.model, 0, run);
  const Lens raw, other = affine(c, 0.5f, 0.1f);
  const auto alone = read_lens(loaded.model, raw, {.norm = Norm::none, .mid = true}, run, positions(run));
  const auto beside =
      read_lens(loaded.model, raw, {.norm = Norm::none, .mid = true, .beside = &other}, run, positions(run));
  const auto itself =
      read_lens(loaded.model, other, {.norm = Norm::none, .mid = true, .beside = &other}, run, positions(run));
  for (std::size_t p = 0; p < run.size(); ++p)
    for (std::size_t r = 0; r < alone[p].size(); ++r) {
      REQUIRE(beside[p][r].kl == alone[p][r].kl);
      REQUIRE(beside[p][r].answer.logit == alone[p][r].answer.logit);
      REQUIRE(std::isnan(alone[p][r].beside_kl));
      REQUIRE(itself[p][r].beside_kl == 0);
      REQUIRE((beside[p][r].beside_kl > 0) == (r + 1 < alone[p].size()));
    }
}
