// {"what": "lens"}: the grid.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "base/message.h"
#include "engine/reading.h"
#include "engine/resolve.h"

namespace lens {
namespace {

// Rows of the grid that meet W_U together, a compromise between reusing a tile of W_U and short slices.
constexpr std::size_t kLensRows = 32;
// With a screen a slice also reads all of W_U once more, to score again: one of twice as many rows saves a twentieth of the lens,
// and a quarter of a second of GPT-2 small goes by between two looks at what else is asked.
constexpr std::size_t kScreenedLensRows = 256;

std::size_t chunks(std::size_t count, std::size_t size) { return (count + size - 1) / size; }

// The lens that is read with, and those that it is held against, if any.
struct NamedLenses {
  std::shared_ptr<const LoadedLens> shown, beside, lift;
};

// ln 0.1: less than a tenth of the row's largest probability has no lift worth telling.
constexpr float kWorthALift = -2.3025851f;

class LensReading : public Reading {
 public:
  // Reads `positions`, which are all of the run's unless they were `named`.
  LensReading(SlicedRun& run, NamedLenses lenses, LensOptions options, std::vector<std::size_t> positions, bool named)
      : Reading(run),
        lenses_(std::move(lenses)),
        options_(std::move(options)),
        positions_(std::move(positions)),
        named_(named),
        rows_(lens_rows(run.model().config(), options_)),
        done_(run.columns(key())),
        per_step_(std::max<std::size_t>(1, (run.model().screen() ? kScreenedLensRows : kLensRows) /
                                               (rows_.size() * (options_.beside ? 2 : 1) + 1))) {}

  std::size_t columns() const override {
    return static_cast<std::size_t>(std::ranges::count_if(positions_, [&](auto p) { return done_.contains(p); }));
  }
  std::size_t steps_left() const override { return chunks(positions_.size() - columns(), per_step_); }

  void step() override {
    std::vector<std::size_t> batch;
    for (const std::size_t p : positions_)
      if (batch.size() < per_step_ && !done_.contains(p)) batch.push_back(p);
    auto read = read_lens(run_.model(), lenses_.shown->lens, options_, run_.activations(), batch);
    for (std::size_t i = 0; i < batch.size(); ++i) done_.emplace(batch[i], std::move(read[i]));
  }

  std::vector<Table> tables() override {
    read_next_tokens();
    const Dimension row{"row", rows_.size(), row_labels()};
    const Dimension position = position_dimension(positions_, named_);
    const Dimension top{"top", std::min(options_.top, run_.model().config().d_vocab), {}};
    const Dimension track{"track", options_.track.size(), token_labels(options_.track)};
    const Dimension set{"set", options_.sets.size(), set_labels()};

    std::vector<Table> tables{token_table(run_, positions_, named_)};
    const auto floats = [&](const char* name, const char* unit, std::vector<Dimension> dims, auto value) {
      Table table = float_table(name, std::move(dims), unit);
      fill(table, std::get<std::vector<float>>(table.data), value);
      tables.push_back(std::move(table));
    };
    const auto ids = [&](const char* name, const char* unit, std::vector<Dimension> dims, auto value) {
      Table table = id_table(name, std::move(dims), unit);
      fill(table, std::get<std::vector<std::int32_t>>(table.data), value);
      tables.push_back(std::move(table));
    };
    using C = const LensCell&;
    using I = std::size_t;
    const auto prob = [](float logit, C c) { return std::exp(logit - c.reading.log_z); };

    const std::vector<Dimension> top_dims{row, position, top}, cell{row, position}, track_dims{row, position, track};
    ids("top_id", "token id", top_dims, [](C c, I i) { return c.reading.top[i].id; });
    floats("top_logit", "logit", top_dims, [](C c, I i) { return c.reading.top[i].logit; });
    floats("top_prob", "probability", top_dims, [&](C c, I i) { return prob(c.reading.top[i].logit, c); });
    const auto lift = [&](TokenId id, float logit, C c) {
      return logit - c.reading.top[0].logit >= kWorthALift
                 ? logit - c.reading.log_z - lenses_.lift->lens.means->output()[static_cast<std::size_t>(id)]
                 : std::numeric_limits<double>::quiet_NaN();
    };
    if (lenses_.lift)
      floats("top_lift", "nats", top_dims,
             [&](C c, I i) { return lift(c.reading.top[i].id, c.reading.top[i].logit, c); });
    floats("log_z", "nats", cell, [](C c, I) { return c.reading.log_z; });
    floats("mean_logit", "logit", cell, [](C c, I) { return c.reading.mean_logit; });
    floats("entropy", "nats", cell, [](C c, I) { return c.reading.entropy; });
    floats("kl", "nats", cell, [](C c, I) { return c.kl; });
    if (options_.change) floats("change", "nats", cell, [](C c, I) { return c.change; });
    if (options_.beside) floats("beside_kl", "nats", cell, [](C c, I) { return c.beside_kl; });
    Table surprisal = float_table("surprisal", cell, "nats");
    Table answers = id_table("answer_id", {position});
    for (std::size_t i = 0; i < positions_.size(); ++i) {
      const auto column = done_.find(positions_[i]);
      if (column == done_.end()) continue;
      std::get<std::vector<std::int32_t>>(answers.data)[i] = column->second[0].answer.id;
      const auto next = next_logits_.find(positions_[i]);
      if (next == next_logits_.end()) continue;
      for (std::size_t r = 0; r < rows_.size(); ++r)
        std::get<std::vector<float>>(surprisal.data)[r * position.size + i] =
            static_cast<float>(column->second[r].reading.log_z - next->second[r]);
    }
    tables.push_back(std::move(surprisal));
    tables.push_back(std::move(answers));
    floats("answer_logit", "logit", cell, [](C c, I) { return c.answer.logit; });
    floats("answer_prob", "probability", cell, [&](C c, I) { return prob(c.answer.logit, c); });
    ids("answer_rank", "rank", cell, [](C c, I) { return c.answer.rank; });
    floats("input_prob", "probability", cell, [&](C c, I) { return prob(c.input.logit, c); });
    ids("input_rank", "rank", cell, [](C c, I) { return c.input.rank; });
    if (!options_.track.empty()) {
      Table track_id = id_table("track_id", {track});
      track_id.data = std::vector<std::int32_t>(options_.track.begin(), options_.track.end());
      tables.push_back(std::move(track_id));
      floats("track_logit", "logit", track_dims, [](C c, I i) { return c.track[i].logit; });
      floats("track_prob", "probability", track_dims, [&](C c, I i) { return prob(c.track[i].logit, c); });
      if (lenses_.lift)
        floats("track_lift", "nats", track_dims, [&](C c, I i) { return lift(c.track[i].id, c.track[i].logit, c); });
      ids("track_rank", "rank", track_dims, [](C c, I i) { return c.track[i].rank; });
    }
    if (!options_.sets.empty())
      floats("set_prob", "probability", {row, position, set}, [](C c, I i) { return c.set_prob[i]; });
    return tables;
  }

 private:
  // For surprisal. Not part of a cached column, for what comes next changes while the column stays.
  void read_next_tokens() {
    for (const std::size_t p : positions_)
      if (p + 1 < run_.tokens.size() && done_.contains(p) && !next_logits_.contains(p))
        next_logits_[p] =
            read_token(run_.model(), lenses_.shown->lens, options_, run_.activations(), p, run_.tokens[p + 1]);
  }

  // data[row, position, j] = value(cell, j) over the finished columns.
  template <class T, class F>
  void fill(const Table& table, std::vector<T>& data, F value) const {
    const std::size_t depth = table.dims.size() == 3 ? table.dims[2].size : 1;
    for (std::size_t i = 0; i < positions_.size(); ++i) {
      const auto column = done_.find(positions_[i]);
      if (column == done_.end()) continue;
      for (std::size_t r = 0; r < rows_.size(); ++r)
        for (std::size_t j = 0; j < depth; ++j)
          data[(r * positions_.size() + i) * depth + j] = static_cast<T>(value(column->second[r], j));
    }
  }

  // Everything that a column's numbers depend on, apart from the tokens.
  std::string key() const {
    Json sets = Json::array();
    for (const TokenSet& set : options_.sets) sets.push_back({set.name, set.ids});
    return print_json({lenses_.shown->key, lenses_.beside ? lenses_.beside->key : "", static_cast<int>(options_.norm),
                       row_labels(), options_.change, options_.top, options_.track, sets});
  }
  std::vector<std::string> row_labels() const {
    std::vector<std::string> labels;
    for (const HookPoint row : rows_) labels.push_back(name_of(row));
    return labels;
  }
  std::vector<std::string> token_labels(std::span<const TokenId> ids) const {
    std::vector<std::string> labels;
    for (const TokenId id : ids) labels.push_back(to_well_formed(run_.loaded().token_bytes(id)));
    return labels;
  }
  std::vector<std::string> set_labels() const {
    std::vector<std::string> labels;
    for (const TokenSet& set : options_.sets) labels.push_back(set.name);
    return labels;
  }

  const NamedLenses lenses_;
  const LensOptions options_;  // its `beside` is that of lenses_
  const std::vector<std::size_t> positions_;
  const bool named_;
  const std::vector<HookPoint> rows_;
  LensColumns& done_;                                      // the run's own, so that what an overtaken job read is kept
  std::map<std::size_t, std::vector<float>> next_logits_;  // by position, [row], of the token that came next
  const std::size_t per_step_;
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const LensRead& asked, SlicedRun& run) {
  NamedLenses lenses;
  const auto choose = [&](const std::string& name, std::shared_ptr<const LoadedLens>& lens) -> Status {
    auto found = resolve_lens(run.lenses(), name, run.loaded());
    if (!found) return found.error();
    lens = *std::move(found);
    return ok();
  };
  if (auto status = choose(asked.lens, lenses.shown); !status) return status.error();
  LensOptions options{.norm = asked.norm, .mid = asked.mid, .change = asked.change, .top = asked.top};
  if (asked.beside) {
    if (auto status = choose(*asked.beside, lenses.beside); !status) return status.error();
    options.beside = &lenses.beside->lens;
  }
  if (asked.lift) {
    if (auto status = choose(*asked.lift, lenses.lift); !status) return status.error();
    if (!lenses.lift->lens.means)
      return Error{"lens_means", "The lens " + in_quotes(*asked.lift) +
                                     " holds no mean readings, from which a lift is counted; name a calibrated one."};
  }
  for (const auto& lens : {lenses.shown, lenses.beside})
    if (lens)
      if (auto status = check_norm(*lens, asked.norm); !status) return status.error();
  const auto grid = lens_rows(run.model().config(), asked.mid);
  for (const HookPoint row : asked.rows)
    if (std::ranges::find(grid, row) == grid.end())
      return Error{"row", name_of(row) + " is not a row here: " + title(run.loaded()) + " has " + name_of(grid[0]) +
                              ", then the hook_resid_post" + (asked.mid ? " and hook_resid_mid" : "") +
                              " of its blocks 0 to " + std::to_string(run.model().config().n_layer - 1) +
                              (asked.mid ? "." : "; with \"mid\" also their hook_resid_mid.")};
  options.rows = asked.rows;
  auto track = resolve_tokens(run.loaded(), asked.track);
  if (!track) return track.error();
  options.track = *std::move(track);
  for (const auto& [name, refs] : asked.sets) {
    auto ids = resolve_tokens(run.loaded(), refs);
    if (!ids) return ids.error();
    options.sets.push_back({name, *std::move(ids)});
  }
  auto positions = resolve_positions(asked.positions, run.tokens.size(), run.name);
  if (!positions) return positions.error();
  return std::unique_ptr<Reading>(
      new LensReading(run, std::move(lenses), std::move(options), *std::move(positions), !asked.positions.empty()));
}

}  // namespace lens
