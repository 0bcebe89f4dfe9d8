// What a job computes, and what it finds done already. A step is one block for one chunk of positions, or one batch of
// lens columns; with no time to spend, advance takes exactly one.
#include "engine/job.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"
#include "support.h"
#include "tiny_model.h"

using namespace lens;
using namespace lens::test;

namespace {

constexpr std::size_t kBlocks = 3;  // of the tiny model

Engine engine() {
  Engine engine;
  REQUIRE(engine.load("tiny", tiny_files()));
  return engine;
}

Json run_of(std::vector<int> ids) { return {{"model", "m"}, {"ids", std::move(ids)}}; }

Json experiment(std::vector<int> ids, Json read = Json::object()) {
  read["what"] = read.value("what", "lens");
  read["run"] = "main";
  return {{"v", 1}, {"models", {{"m", "tiny"}}}, {"runs", {{"main", run_of(std::move(ids))}}}, {"reads", {read}}};
}

std::unique_ptr<Job> start(Engine& engine, const Json& document) {
  const auto parsed = parse_experiment(print_json(document));
  REQUIRE(parsed);
  auto job = engine.start(*parsed);
  REQUIRE(job);
  return *std::move(job);
}

// Runs to the end and counts the steps; a job with nothing to do takes none.
std::size_t steps(Engine& engine, const Json& document) {
  const auto job = start(engine, document);
  double fraction = -1;
  for (std::size_t n = 0;; ++n) {
    const auto progress = job->advance(0);
    REQUIRE(progress);
    REQUIRE(progress->fraction >= fraction);
    fraction = progress->fraction;
    if (progress->done) return fraction == 1 && n == 0 && job->tables().empty() ? 0 : n + 1;
    REQUIRE(n < 1000);
  }
}

std::vector<int> ids(int n) {
  std::vector<int> all;
  for (int i = 0; i < n; ++i) all.push_back(3 + 7 * i % 90);
  return all;
}

}  // namespace

TEST_CASE("one more token costs each block once and one batch of columns") {
  Engine made = engine();
  const std::size_t first = steps(made, experiment(ids(12)));
  REQUIRE(first > kBlocks + 1);
  REQUIRE(steps(made, experiment(ids(13))) == kBlocks + 1);
}

TEST_CASE("deleting back, and asking again, computes nothing") {
  Engine made = engine();
  steps(made, experiment(ids(12)));
  REQUIRE(steps(made, experiment(ids(7))) == 1);  // the step that finds nothing to do
  REQUIRE(steps(made, experiment(ids(12))) == 1);
}

TEST_CASE("another reading touches no block") {
  Engine made = engine();
  const std::size_t first = steps(made, experiment(ids(12)));
  REQUIRE(steps(made, experiment(ids(12), {{"norm", "none"}})) == first - kBlocks);
  REQUIRE(steps(made, experiment(ids(12), {{"what", "activations"}, {"hooks", {"blocks.1.attn.hook_z"}}})) == 1);
}

TEST_CASE("one position read for many tokens touches no block and computes one column") {
  Engine made = engine();
  steps(made, experiment(ids(12)));
  std::vector<int> track;
  for (int id = 100; id < 150; ++id) track.push_back(id);
  const Json read{{"positions", {-3}}, {"track", track}, {"top", 1}};
  REQUIRE(steps(made, experiment(ids(12), read)) == 1);
  // The same question about all positions finds that column done, and the other way round.
  const auto all = made.run(print_json(experiment(ids(12), {{"track", track}, {"top", 1}})));
  REQUIRE(all);
  const auto job = start(made, experiment(ids(12), {{"positions", {9, 2, -10, 9}}, {"track", track}, {"top", 1}}));
  REQUIRE(job->advance(0)->done);
  const auto some = job->tables();

  const std::size_t n_row = kBlocks + 1, n_track = track.size();
  for (std::size_t t = 0; t < some[0].tables.size(); ++t) {
    const Table &few = some[0].tables[t], &whole = all->at(0).tables[t];
    INFO(few.name);
    REQUIRE(few.name == whole.name);
    for (std::size_t d = 0; d < few.dims.size(); ++d) {
      if (few.dims[d].name != "position") continue;
      REQUIRE(few.dims[d].labels == std::vector<std::string>{"9", "2"});
      REQUIRE(whole.dims[d].labels.empty());
      const std::size_t inner = few.dims.size() < 3 ? 1 : few.dims[2].size;
      for (std::size_t r = 0; r < (d == 0 ? 1 : n_row); ++r)
        for (std::size_t i = 0; i < 2; ++i)
          for (std::size_t j = 0; j < inner; ++j)
            std::visit(
                [&](const auto& data) {
                  const auto& other = std::get<std::decay_t<decltype(data)>>(whole.data);
                  REQUIRE(data[(r * 2 + i) * inner + j] == other[(r * 12 + (i ? 2 : 9)) * inner + j]);
                },
                few.data);
    }
  }
  const auto& rank = std::ranges::find(some[0].tables, "track_rank", &Table::name)->dims;
  REQUIRE((rank[0].size == n_row && rank[1].size == 2 && rank[2].size == n_track));
}

TEST_CASE("a position that the run does not have is refused by name") {
  Engine made = engine();
  for (const int position : {12, -13, 2147483647, -2147483647}) {
    const auto refused = made.run(print_json(experiment(ids(12), {{"positions", {0, position}}})));
    REQUIRE(!refused);
    REQUIRE(refused.error().code == "position");
    REQUIRE(refused.error().message.starts_with("Position " + std::to_string(position) + " does not exist"));
  }
}

TEST_CASE("rows read alone have the numbers that they have in the grid, in its order") {
  Engine made = engine();
  const Json options{{"mid", true}, {"track", {12}}, {"sets", {{"both", {12, 30}}}}};
  Json few = options;
  few["rows"] = {"blocks.2.hook_resid_post", "blocks.1.hook_resid_mid", "blocks.2.hook_resid_post"};
  const auto all = made.run(print_json(experiment(ids(12), options)));
  const auto some = made.run(print_json(experiment(ids(12), few)));
  REQUIRE((all && some));
  const std::size_t in_grid[] = {3, 6};  // 0 pre, 0 mid, 0 post, 1 mid, 1 post, 2 mid, 2 post
  for (std::size_t t = 0; t < some->at(0).tables.size(); ++t) {
    const Table &read = some->at(0).tables[t], &whole = all->at(0).tables[t];
    INFO(read.name);
    REQUIRE(read.name == whole.name);
    if (read.dims[0].name != "row") continue;
    REQUIRE(read.dims[0].labels == std::vector<std::string>{"blocks.1.hook_resid_mid", "blocks.2.hook_resid_post"});
    std::visit(
        [&](const auto& data) {
          const auto& other = std::get<std::decay_t<decltype(data)>>(whole.data);
          const std::size_t row = data.size() / 2;
          for (std::size_t i = 0; i < data.size(); ++i) {
            const auto expected = other[in_grid[i / row] * row + i % row];
            REQUIRE((data[i] == expected || (data[i] != data[i] && expected != expected)));
          }
        },
        read.data);
  }
}

TEST_CASE("a row below is the one that is read below") {
  Engine made = engine();
  const auto change = [&](Json rows) {
    Json read{{"change", true}};
    if (!rows.empty()) read["rows"] = std::move(rows);
    const auto readings = made.run(print_json(experiment(ids(3), read)));
    REQUIRE(readings);
    const auto& tables = readings->at(0).tables;
    return std::get<std::vector<float>>(std::ranges::find(tables, "change", &Table::name)->data);
  };
  const auto all = change({});
  const auto neighbours = change({"blocks.1.hook_resid_post", "blocks.2.hook_resid_post"});
  const auto apart = change({"blocks.0.hook_resid_pre", "blocks.2.hook_resid_post"});
  for (std::size_t p = 0; p < 3; ++p) {
    REQUIRE(std::isnan(neighbours[p]));
    REQUIRE(neighbours[3 + p] == all[9 + p]);
    REQUIRE(apart[3 + p] != all[9 + p]);
  }
}

TEST_CASE("a row that the grid does not have is refused by name") {
  Engine made = engine();
  for (const char* row :
       {"blocks.3.hook_resid_post", "blocks.1.hook_resid_mid", "blocks.1.hook_resid_pre", "ln_final.hook_normalized"}) {
    const auto refused = made.run(print_json(experiment(ids(3), {{"rows", {row}}})));
    REQUIRE(!refused);
    REQUIRE(refused.error().code == "row");
    REQUIRE(refused.error().message.starts_with(std::string(row) + " is not a row here"));
  }
}

TEST_CASE("the last position has a surprisal as soon as something comes after it") {
  Engine made = engine();
  const auto surprisal = [&](int n) {
    const auto readings = made.run(print_json(experiment(ids(n), {{"positions", {3}}})));
    REQUIRE(readings);
    const auto& tables = readings->at(0).tables;
    return std::get<std::vector<float>>(std::ranges::find(tables, "surprisal", &Table::name)->data);
  };
  REQUIRE(std::ranges::all_of(surprisal(4), [](float s) { return std::isnan(s); }));
  REQUIRE(std::ranges::all_of(surprisal(5), [](float s) { return s > 0; }));
}

TEST_CASE("an edit in the middle keeps what stands before it, and the old run for whoever comes back") {
  Engine made = engine();
  steps(made, experiment(ids(12)));
  auto edited = ids(12);
  edited[2] = 99;
  steps(made, experiment(edited));
  REQUIRE(steps(made, experiment(ids(12))) == 1);
}

TEST_CASE("a run that nobody reads is checked and not computed") {
  Engine made = engine();
  Json document = experiment(ids(4));
  const std::size_t alone = steps(made, document);
  document["runs"]["other"] = run_of(ids(9));
  Engine fresh = engine();
  REQUIRE(steps(fresh, document) == alone);
  document["runs"]["other"] = run_of({100000});
  const auto refused = fresh.run(print_json(document));
  REQUIRE(!refused);
  REQUIRE(refused.error().code == "token_id");
}

TEST_CASE("an experiment without reads is done at once") {
  Engine made = engine();
  Json document = experiment(ids(4));
  document["reads"] = Json::array();
  REQUIRE(steps(made, document) == 0);
}

TEST_CASE("a model that is replaced under its ref is never read from the old one's cache") {
  Engine made = engine();
  const auto before = made.run(print_json(experiment(ids(6))));
  const auto half_done = start(made, experiment(ids(9)));
  (void)half_done->advance(0);
  REQUIRE(made.load("tiny", tiny_files()));
  REQUIRE(steps(made, experiment(ids(6))) > 1);
  REQUIRE(half_done->advance(1e6)->done);  // goes on with the model that it began with
}

TEST_CASE("an activations read of several hooks gives each its own shape") {
  Engine made = engine();
  const auto readings = made.run(print_json(experiment(
      ids(5),
      {{"what", "activations"}, {"hooks", {"hook_embed", "blocks.2.attn.hook_pattern", "blocks.0.ln1.hook_scale"}}})));
  REQUIRE(readings);
  const auto& tables = readings->at(0).tables;
  REQUIRE(tables.size() == 4);
  REQUIRE(tables[1].dims.size() == 2);
  REQUIRE(tables[2].dims.size() == 3);
  REQUIRE(tables[2].dims[1].size == 5);
  REQUIRE(tables[2].dims[2].size == 5);
  REQUIRE(tables[3].dims.size() == 1);
}

TEST_CASE("memories are read from a run that is there, and weights without one") {
  Engine made = engine();
  steps(made, experiment(ids(12)));
  const Json memories{{"what", "memories"}, {"layer", 1}, {"position", 3}};
  REQUIRE(steps(made, experiment(ids(12), memories)) == 2);
  REQUIRE(steps(made, experiment(ids(12), {{"what", "neuron"}, {"layer", 2}, {"neuron", 5}})) == 3);
  REQUIRE(steps(made, experiment(ids(12), {{"what", "head_writes"}, {"layer", 2}, {"head", 1}})) == 3);

  Engine fresh = engine();
  Json document{{"v", 1}, {"models", {{"m", "tiny"}}}, {"reads", {{{"what", "promoters"}, {"token", 7}}}}};
  REQUIRE(steps(fresh, document) == kBlocks);
  REQUIRE(fresh.run(print_json(document))->at(0).run.empty());
  // What was read without a run leaves nothing in the way of the next one.
  REQUIRE(steps(fresh, experiment(ids(12))) > kBlocks);
  REQUIRE(steps(fresh, document) == kBlocks);
  REQUIRE(steps(fresh, experiment(ids(12))) == 1);
}

TEST_CASE("a memory reading leaves the run's bits as they were") {
  Engine made = engine();
  const auto before = made.run(print_json(experiment(ids(9))));
  Json document = experiment(ids(9));
  const Json memories{{"what", "memories"}, {"layer", 0}, {"position", 4}};
  const Json neuron{{"what", "neuron"}, {"layer", 2}, {"neuron", 1}};
  document["reads"] = {memories, neuron, document["reads"][0]};
  const auto after = made.run(print_json(document));
  REQUIRE((before && after));
  const auto &a = before->at(0).tables, &b = after->at(2).tables;
  REQUIRE(a.size() == b.size());
  for (std::size_t t = 0; t < a.size(); ++t)
    if (const auto* floats = std::get_if<std::vector<float>>(&a[t].data))
      for (std::size_t i = 0; i < floats->size(); ++i) {
        const float other = std::get<std::vector<float>>(b[t].data)[i];
        REQUIRE((floats->at(i) == other || (std::isnan(floats->at(i)) && std::isnan(other))));
      }
}
