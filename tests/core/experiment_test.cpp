#include "engine/experiment.h"

#include <catch_amalgamated.hpp>

using namespace lens;

namespace {

// A whole experiment with one part replaced.
Json experiment() {
  return {{"v", 1},
          {"models", {{"m", "primer"}}},
          {"runs", {{"main", {{"model", "m"}, {"prompt", "Hello"}}}}},
          {"reads", {{{"what", "lens"}, {"run", "main"}}}}};
}

std::string code_of(const Json& document) {
  const auto parsed = parse_experiment(print_json(document));
  return parsed ? "" : parsed.error().code + ": " + parsed.error().message;
}

// `path` as a JSON pointer; walked by hand, for the library's own operator warns of itself under libc++.
Json with(std::string_view path, Json value) {
  Json document = experiment();
  Json* at = &document;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string key(path.substr(0, path.find('/')));
    path.remove_prefix(key.size());
    at = at->is_array() ? &at->at(std::stoul(key)) : &(*at)[key];
  }
  *at = std::move(value);
  return document;
}

}  // namespace

TEST_CASE("an experiment's parts arrive, and what may be left out has its default") {
  Json document = experiment();
  document["runs"]["main"].erase("model");
  document["reads"][0].erase("run");
  const auto parsed = parse_experiment(print_json(document));
  REQUIRE(parsed);
  const RunSpec& run = parsed->runs.at("main");
  REQUIRE(run.model == "primer");
  REQUIRE(std::get<std::string>(run.input) == "Hello");
  REQUIRE(!run.bos);
  REQUIRE(parsed->reads.at(0).run == "main");
  const auto& lens = std::get<LensRead>(parsed->reads[0].what);
  REQUIRE(lens.lens == "raw");
  REQUIRE(!lens.beside);
  REQUIRE(lens.norm == Norm::recomputed);
  REQUIRE(lens.top == 10);
  REQUIRE(!lens.mid);
}

TEST_CASE("unknown keys survive a round trip, in their order") {
  Json document = experiment();
  document["view"] = {{"selected", {3, -1}}, {"future", {{"z", 1}, {"a", nullptr}}}};
  document["runs"]["main"]["note"] = "kept";
  const auto parsed = parse_experiment(print_json(document));
  REQUIRE(parsed);
  REQUIRE(print_json(parsed->document) == print_json(document));
}

TEST_CASE("tokens are ids or texts") {
  const auto parsed = parse_experiment(print_json(with("/reads/0/track", {6342, " Paris"})));
  REQUIRE(parsed);
  const auto& track = std::get<LensRead>(parsed->reads[0].what).track;
  REQUIRE(std::get<TokenId>(track.at(0)) == 6342);
  REQUIRE(std::get<std::string>(track.at(1)) == " Paris");
}

TEST_CASE("each wrong key is named by its path") {
  const std::pair<const char*, Json> wrong[] = {
      {"/models", nullptr},
      {"/models", Json::object()},
      {"/models/m", 3},
      {"/runs", Json::array()},
      {"/runs/main", 1},
      {"/runs/main/model", "other"},
      {"/runs/main/prompt", 5},
      {"/runs/main/ids", {1, 2}},
      {"/runs/main/bos", 1},
      {"/runs/main/edits", 1},
      {"/reads", "lens"},
      {"/reads/0", 1},
      {"/reads/0/what", nullptr},
      {"/reads/0/run", "second"},
      {"/reads/0/lens", 1},
      {"/reads/0/beside", true},
      {"/reads/0/norm", "layer"},
      {"/reads/0/mid", "yes"},
      {"/reads/0/change", 1},
      {"/reads/0/rows", "blocks.0.hook_resid_post"},
      {"/reads/0/rows", Json::array()},
      {"/reads/0/rows", {"block 3"}},
      {"/reads/0/positions", 3},
      {"/reads/0/positions", Json::array()},
      {"/reads/0/positions", {0.5}},
      {"/reads/0/positions", {1e300}},
      {"/reads/0/positions", {2147483648}},
      {"/reads/0/top", 0},
      {"/reads/0/top", 51},
      {"/reads/0/top", 1.5},
      {"/reads/0/top", 1e300},
      {"/reads/0/track", {1.5}},
      {"/reads/0/track", {-1}},
      {"/reads/0/track", {4294967296}},
      {"/reads/0/track", Json(std::vector<int>(101, 1))},
      {"/reads/0/sets", Json::array()},
      {"/reads/0/sets", {{"cities", " Paris"}}},
  };
  for (const auto& [pointer, value] : wrong) {
    const std::string code = code_of(with(pointer, value));
    INFO(pointer << " = " << print_json(value) << " -> " << code);
    REQUIRE(code.starts_with("experiment_key"));
    const std::string key = std::string(pointer).substr(std::string(pointer).rfind('/') + 1);
    REQUIRE((key == "0" || key == "ids" || key == "prompt" || code.find(key) != std::string::npos));
  }
}

TEST_CASE("ids are taken as they are: a bos beside them is refused") {
  Json document = experiment();
  document["runs"]["main"] = {{"model", "m"}, {"ids", {1, 2}}, {"bos", true}};
  REQUIRE(code_of(document).starts_with("experiment_key: runs.main.bos"));
}

TEST_CASE("a version that is absent or newer is refused by name") {
  for (const Json& version : {Json(nullptr), Json(0), Json("1"), Json(2), Json(1e9)})
    REQUIRE(code_of(with("/v", version)).starts_with("experiment_version"));
}

TEST_CASE("what is not built yet is refused by name") {
  REQUIRE(code_of(with("/sweep", Json::object())).find("sweep") != std::string::npos);
  REQUIRE(code_of(with("/runs/main/prompts", {"a"})).starts_with("not_built: runs.main.prompts"));
  REQUIRE(code_of(with("/runs/main/edits", {{{"op", "zero"}}}))
              .starts_with("not_built: runs.main.edits[0]: the edit \"zero\""));
  REQUIRE(code_of(with("/reads/0/what", "gradients")).starts_with("not_built: reads[0].what"));
  REQUIRE(code_of(with("/reads/0", {{"what", "activations"}, {"hooks", {"blocks.0.hook_nothing"}}}))
              .starts_with("experiment_key: reads[0].hooks[0]"));
}
