// The entries of an Experiment's reads (experiment.h shows them as JSON), one struct a kind. A new kind is a struct
// here, its parser in read.cpp, and its answer in a KIND_reading.cpp.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/parse.h"
#include "lens/directions.h"
#include "lens/logit_lens.h"
#include "lens/memories.h"
#include "model/hook_point.h"

namespace lens {

struct LensRead {
  std::string lens = "raw";
  std::optional<std::string> beside;
  std::optional<std::string> lift;  // a lens of mean readings: how far tokens are above what the output says on average
  Norm norm = Norm::recomputed;
  bool mid = false;
  bool change = false;
  std::vector<HookPoint> rows;  // none means all
  std::vector<int> positions;   // none means all
  std::size_t top = 10;
  std::vector<TokenRef> track;
  std::vector<std::pair<std::string, std::vector<TokenRef>>> sets;
};

struct ActivationsRead {
  std::vector<HookPoint> hooks;
};

// Who wrote a cell.
struct ComponentsRead {
  std::string lens = "raw";
  std::optional<HookPoint> row;  // none means the output's
  int position = -1;
  std::vector<TokenRef> tokens;  // one, or one and the one whose logit is taken off
  Norm norm = Norm::recomputed;
  std::size_t neurons = 10;  // listed a layer
};

// What each block's attention and MLP promote and suppress.
struct WritesRead {
  Norm norm = Norm::recomputed;
  std::vector<int> positions;  // none means all
  std::size_t top = 10;
};

// What the heads attend to in a run that repeats itself.
struct HeadScoresRead {
  std::optional<std::size_t> period;  // of the run; none means that it was made to repeat and knows
};

// Whether a head writes what it looks at.
struct HeadWritesRead {
  std::size_t layer = 0;
  std::size_t head = 0;
};

struct MemoriesRead {
  std::size_t layer = 0;
  int position = -1;
  Reader reader = Reader::gamma;
  MemoryOrder order = MemoryOrder::weight;
  std::optional<TokenRef> token;
  std::size_t neurons = 10;
  std::size_t top = 10;
};

struct NeuronRead {
  std::size_t layer = 0;
  std::size_t neuron = 0;
  Reader reader = Reader::gamma;
  std::size_t top = 10;
  std::size_t triggers = 10;
};

struct PromotersRead {
  TokenRef token;
  Reader reader = Reader::gamma;
  std::size_t neurons = 20;
};

// Of a neuron or of a head.
struct ParametersRead {
  std::size_t layer = 0;
  std::optional<std::size_t> neuron, head;
  Reader reader = Reader::gamma;
  std::size_t top = 10;
  std::optional<TokenRef> token;  // of a head
};

struct CircuitsRead {
  Reader reader = Reader::gamma;
};

struct CopyingRead {
  std::vector<TokenRef> names;
};

using ReadKind = std::variant<LensRead, ActivationsRead, ComponentsRead, WritesRead, HeadScoresRead, HeadWritesRead,
                              MemoriesRead, NeuronRead, PromotersRead, ParametersRead, CircuitsRead, CopyingRead>;

struct Read {
  std::string run;                   // "" for a reading of weights, which names a model instead
  std::optional<std::string> model;  // its ref
  ReadKind what;
};

// `runs`: the names there are; `models`: names and refs. Errors: experiment_key, by `path`; not_built, by name.
Result<Read> parse_read(const Json& read, const std::set<std::string>& runs,
                        const std::map<std::string, std::string>& models, const std::string& path);

}  // namespace lens
