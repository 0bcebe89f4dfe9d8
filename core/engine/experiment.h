// The unit of everything a user does: one versioned JSON document that the page's link holds, the command line reads
// and a lesson lists.
//
//   {
//     "v": 1,
//     "models": {"m": "primer"},            name -> ref, under which the engine was given the model
//     "runs": {"main": {
//       "model": "m",
//       "prompt": "The capital of France is",   or "ids": [464, 3139], taken as they are,
//                                           or "repeat": {"length": 100, "seed": 1}, random tokens twice over
//       "bos": true,                        put the model's BOS token first; by default true where the model has one.
//                                           Only with a prompt
//       "edits": []                         none is built yet: any entry is refused by name
//     }},
//     "reads": [
//       {"what": "lens", "run": "main",
//        "lens": "raw",                     or the name of one that the engine was given for the model: "tuned"
//        "beside": "tuned",                 also, in each cell, how far this lens' reading is from that; by default none
//        "lift": "calibrated",              also by how much tokens are above what the output says of them on average;
//                                           the name of a calibrated lens, by default none
//        "norm": "recomputed",              or "frozen", "none"
//        "mid": false,                      also the mid-block rows
//        "change": false,                   also how much each row differs from the one below
//        "rows": ["blocks.11.hook_resid_post"],  only these; by default all
//        "positions": [3, -1],              only these, -1 being the last; by default all
//        "top": 10,                         1 to 50
//        "track": [6342, " Paris"],         token ids, or texts that are exactly one token; at most 100
//        "sets": {"cities": [" Paris", " London"]}},
//       {"what": "activations", "run": "main", "hooks": ["blocks.0.attn.hook_pattern"]},
//       {"what": "components", "run": "main",   who wrote a cell: the exact parts of its centred logit
//        "tokens": [" Paris", " London"],   of one token, or of one minus another
//        "row": "blocks.3.hook_resid_post", a row of the lens, mid-block rows too; by default the output's
//        "position": -1, "lens": "raw", "norm": "recomputed",
//        "neurons": 10},                    how many of each layer are listed, at most 100
//       {"what": "writes", "run": "main",     which tokens each attention and MLP promotes and suppresses
//        "norm": "recomputed", "positions": [-1], "top": 10},
//       {"what": "head_scores", "run": "main",   previous-token, duplicate-token and induction score of every head
//        "period": 100},                    after which the run's tokens repeat; a run of "repeat" knows its own
//       {"what": "head_writes", "run": "main",   whether a head raises the tokens that it attends to
//        "layer": 7, "head": 2},
//       {"what": "memories", "run": "main",   the neurons of one block's MLP at one position
//        "layer": 5, "position": -1,
//        "by": "weight",                    |m_i| ‖W_out[i]‖; or "effect", on the logit of
//        "token": " Paris",                 this token, by default the output's own top token
//        "gamma": true,                     values read through ln_f's γ; false: without a norm, as published
//        "neurons": 10, "top": 10},         how many, at most 1000; and of tokens each, at most 50
//       {"what": "neuron", "run": "main",     one neuron (L11N611) over a text
//        "layer": 11, "neuron": 611, "gamma": true, "top": 10, "triggers": 10},
//       {"what": "promoters", "model": "m",   the neurons of all blocks whose value promotes a token
//        "token": " Paris", "gamma": true, "neurons": 20},
//       {"what": "parameters", "model": "m",  a head's circuits, or with "neuron" in its place a neuron's key and value
//        "layer": 9, "head": 6, "gamma": true, "top": 10,
//        "token": " Paris"},                of a head: also what it does with this token
//       {"what": "circuits", "model": "m",    all heads' copying and composition scores
//        "gamma": true},
//       {"what": "copying", "run": "main",    which heads say the name that they attend to
//        "names": [" Mary", " John"]}       those of these that are in the run
//     ],
//     "view": {…}                           the page's own, carried and not looked at
//   }
//
// A reading of a model's weights, for which nothing is run, names a model in place of a run; an Experiment of such
// readings alone needs no "runs". "run" and "model" may be left out where there is only one to mean. Unknown keys
// survive a round trip; "prompts" and "sweep" are refused by name until they are built.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "edits/edit.h"
#include "engine/read.h"
#include "text/token_id.h"

namespace lens {

inline constexpr int kExperimentVersion = 1;

// Seeded random tokens, twice over.
struct Repeat {
  std::optional<std::size_t> length;  // of one copy; none means 100, or half of n_ctx where that is less
  std::uint32_t seed = 1;
};

struct RunSpec {
  std::string model;                                              // the ref
  std::variant<std::string, std::vector<TokenId>, Repeat> input;  // a prompt (well-formed UTF-8), ids, or neither
  std::optional<bool> bos;
  std::vector<Edit> edits;
};

struct Experiment {
  Json document;  // as it came, unknown keys included
  std::map<std::string, RunSpec> runs;
  std::vector<Read> reads;
};

// Errors: json_syntax, json_depth; experiment_version (absent, or newer than this build); experiment_key (a key that is
// missing or has the wrong type or value, by its path: "reads[0].top"); not_built (by name).
Result<Experiment> parse_experiment(std::string_view text);

}  // namespace lens
