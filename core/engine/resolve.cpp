#include "engine/resolve.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "base/message.h"

namespace lens {

std::string title(const LoadedModel& model) { return "the model " + in_quotes(model.ref); }

namespace {

Status check_id(const LoadedModel& model, TokenId id) {
  const std::size_t d_vocab = model.model.config().d_vocab;
  if (id >= 0 && static_cast<std::size_t>(id) < d_vocab) return ok();
  return Error{"token_id", "Token id " + std::to_string(id) + " does not exist: " + title(model) + " has ids 0 to " +
                               std::to_string(d_vocab - 1) + "."};
}

Error no_tokenizer(const LoadedModel& model) {
  return {"no_tokenizer", "Without a tokenizer " + title(model) +
                              " reads token ids only; give ids, or add vocab.json "
                              "and merges.txt to its files."};
}

Result<TokenId> resolve(const LoadedModel& model, const TokenRef& ref) {
  if (const TokenId* id = std::get_if<TokenId>(&ref)) {
    if (auto status = check_id(model, *id); !status) return status.error();
    return *id;
  }
  const std::string& text = std::get<std::string>(ref);
  if (!model.tokenizer) return no_tokenizer(model);
  if (const auto id = model.tokenizer->id_of(text)) return *id;
  std::string pieces;
  for (const TokenId id : model.tokenizer->encode(text))
    pieces += (pieces.empty() ? "" : ", ") + in_quotes(model.tokenizer->bytes_of(id));
  return Error{"token_text", in_quotes(text) + " is not one token of " + title(model) +
                                 (pieces.empty() ? "." : "; it is read as " + pieces + ".") +
                                 " Most words are one token only with the space before them."};
}

// Neither BOS nor EOS is among them: text begins and ends there. mt19937 gives the same numbers everywhere.
std::vector<TokenId> repeated(const Config& config, const Repeat& repeat) {
  constexpr std::size_t kLength = 100;
  std::mt19937 draw(repeat.seed);
  std::vector<TokenId> ids(std::min(repeat.length.value_or(std::min(kLength, config.n_ctx / 2)), config.n_ctx + 1));
  const auto ends = [&](TokenId id) { return config.d_vocab > 2 && (id == config.bos || id == config.eos); };
  for (TokenId& id : ids) {
    do id = static_cast<TokenId>(draw() % config.d_vocab);
    while (ends(id));
  }
  const std::size_t length = ids.size();
  ids.resize(2 * length);
  std::copy_n(ids.begin(), length, ids.begin() + static_cast<std::ptrdiff_t>(length));
  return ids;
}

}  // namespace

Result<std::vector<TokenId>> resolve_tokens(const LoadedModel& model, std::span<const TokenRef> refs) {
  std::vector<TokenId> ids;
  for (const TokenRef& ref : refs) {
    const auto id = resolve(model, ref);
    if (!id) return id.error();
    if (std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);  // a token counts once
  }
  return ids;
}

Result<std::shared_ptr<const LoadedLens>> resolve_lens(const Lenses& lenses, const std::string& name,
                                                       const LoadedModel& model) {
  const auto found = lenses.find(name);
  if (found != lenses.end()) return found->second;
  std::string names;
  for (const auto& [other, lens] : lenses) names += (names.empty() ? "" : ", ") + in_quotes(other);
  return Error{"lens_missing", "There is no lens " + in_quotes(name) + " for " + title(model) + "; there is " + names +
                                   ". Others are files that are loaded beside the model."};
}

Status check_norm(const LoadedLens& lens, Norm norm) {
  if (!lens.lens.means || norm == Norm::recomputed) return ok();
  return Error{"lens_norm",
               "A calibrated lens is calibrated with the norm recomputed; choose this norm, or another lens."};
}

Result<std::vector<TokenId>> resolve_input(const LoadedModel& model, const RunSpec& spec) {
  const Config& config = model.model.config();
  std::vector<TokenId> ids;
  if (const auto* repeat = std::get_if<Repeat>(&spec.input)) {
    ids = repeated(config, *repeat);
  } else if (const auto* given = std::get_if<std::vector<TokenId>>(&spec.input)) {
    ids = *given;
    for (const TokenId id : ids)
      if (auto status = check_id(model, id); !status) return status.error();
  } else {
    if (!model.tokenizer) return no_tokenizer(model);
    ids = model.tokenizer->encode(std::get<std::string>(spec.input));
    // Some tokenizers know tokens that this model's vocabulary was cut before.
    for (const TokenId id : ids)
      if (auto status = check_id(model, id); !status) return status.error();
    if (spec.bos.value_or(config.bos.has_value())) {
      if (!config.bos)
        return Error{"token_id", "The config.json of " + title(model) + " names no BOS token; leave bos out."};
      if (auto status = check_id(model, *config.bos); !status) return status.error();
      ids.insert(ids.begin(), *config.bos);
    }
  }
  if (ids.empty()) return Error{"prompt_empty", "The prompt is empty; type at least one character."};
  if (ids.size() > config.n_ctx)
    return Error{"prompt_length", "The prompt is " + std::to_string(ids.size()) + " tokens long; " + title(model) +
                                      " reads at most " + std::to_string(config.n_ctx) + ". Shorten it by " +
                                      std::to_string(ids.size() - config.n_ctx) + "."};
  return ids;
}

Status check_layer(const LoadedModel& model, std::size_t layer) {
  const std::size_t n_layer = model.model.config().n_layer;
  if (layer < n_layer) return ok();
  return Error{"layer", "Block " + std::to_string(layer) + " does not exist: " + title(model) + " has blocks 0 to " +
                            std::to_string(n_layer - 1) + "."};
}

Status check_neuron(const LoadedModel& model, std::size_t layer, std::size_t neuron) {
  if (auto status = check_layer(model, layer); !status) return status;
  const std::size_t d_mlp = model.model.config().d_mlp;
  if (neuron < d_mlp) return ok();
  return Error{"neuron", "Neuron " + std::to_string(neuron) + " does not exist: a block of " + title(model) +
                             " has neurons 0 to " + std::to_string(d_mlp - 1) + "."};
}

Status check_head(const LoadedModel& model, std::size_t layer, std::size_t head) {
  if (auto status = check_layer(model, layer); !status) return status;
  const std::size_t n_head = model.model.config().n_head;
  if (head < n_head) return ok();
  return Error{"head", "Head " + std::to_string(head) + " does not exist: a block of " + title(model) +
                           " has heads 0 to " + std::to_string(n_head - 1) + "."};
}

Result<std::vector<std::size_t>> resolve_positions(std::span<const int> named, std::size_t n, const std::string& run) {
  std::vector<std::size_t> positions(named.empty() ? n : 0);
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  const auto count = static_cast<std::int64_t>(n);
  for (const int position : named) {
    const std::int64_t p = position < 0 ? count + position : position;
    if (p < 0 || p >= count)
      return Error{"position", "Position " + std::to_string(position) + " does not exist: the run " + in_quotes(run) +
                                   " has positions 0 to " + std::to_string(n - 1) + ", and -1 is the last of them."};
    if (std::ranges::find(positions, static_cast<std::size_t>(p)) == positions.end())
      positions.push_back(static_cast<std::size_t>(p));
  }
  return positions;
}

}  // namespace lens
