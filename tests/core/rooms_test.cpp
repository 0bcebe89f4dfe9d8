// The rooms have one direction: base ◄ kernels ◄ formats, text ◄ model ◄ lens ◄ edits ◄ engine ◄ {wasm, cli}.
#include <catch_amalgamated.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>

namespace fs = std::filesystem;

TEST_CASE("no include points back, and only wasm/ knows the browser") {
  const std::map<std::string, int> storey{{"base", 0}, {"kernels", 1}, {"formats", 2}, {"text", 2}, {"model", 3},
                                          {"lens", 4}, {"edits", 5},   {"engine", 6},  {"cli", 7}};
  const std::regex include("^#include [\"<]([^\">]+)[\">]");
  int n_include = 0;
  for (const auto& entry : fs::recursive_directory_iterator(LENS_SOURCE_DIR "/core")) {
    if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
    const std::string room = entry.path().parent_path().filename().string();
    INFO(entry.path().string());
    REQUIRE(storey.contains(room));
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      const std::string path = match[1];
      INFO(line);
      REQUIRE(!path.starts_with("emscripten"));
      const std::string other = path.substr(0, path.find('/'));
      if (!storey.contains(other) || other == path) continue;
      ++n_include;
      // Rooms on one storey do not know each other.
      REQUIRE((other == room || storey.at(other) < storey.at(room)));
    }
  }
  REQUIRE(n_include > 40);
}

TEST_CASE("work is shared among threads by kernels alone: the rest is compiled for one") {
  int n_call = 0;
  for (const auto& entry : fs::recursive_directory_iterator(LENS_SOURCE_DIR "/core")) {
    if (!entry.is_regular_file()) continue;
    const std::string room = entry.path().parent_path().filename().string();
    if (room == "base") continue;
    INFO(entry.path().string());
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      const bool shares = line.find("parallel_for") != std::string::npos ||
                          line.find("parallel_ranges") != std::string::npos ||
                          line.find("run_parts") != std::string::npos;
      n_call += shares;
      REQUIRE((!shares || room == "kernels"));
    }
  }
  REQUIRE(n_call > 1);
}

TEST_CASE("what the builds with threads share with the others catches nothing by its type") {
  const std::regex by_type("catch \\((?!\\.\\.\\.\\))");
  int n_catch = 0;
  for (const std::string room : {"core/base", "core/kernels", "core/formats", "core/text", "core/model", "core/lens",
                                 "core/edits", "core/engine", "wasm"})
    for (const auto& entry : fs::directory_iterator(LENS_SOURCE_DIR "/" + room)) {
      if (!entry.is_regular_file()) continue;
      INFO(entry.path().string());
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) {
        n_catch += line.find("catch (") != std::string::npos;
        REQUIRE(!std::regex_search(line, by_type));
      }
    }
  REQUIRE(n_catch > 4);
}
