#include "engine/job.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>

#include "base/message.h"
#include "engine/resolve.h"
#include "model/forward.h"

namespace lens {
namespace {

// Positions that go through a block together: a slice of the largest GPT-2 then takes some hundred milliseconds.
constexpr std::size_t kForwardChunk = 32;
// Rows of the grid that meet W_U together, a compromise between reusing a tile of W_U and short slices.
constexpr std::size_t kLensRows = 32;

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

std::size_t chunks(std::size_t count, std::size_t size) { return (count + size - 1) / size; }

Table float_table(std::string name, std::vector<Dimension> dims, std::string unit) {
  std::size_t count = 1;
  for (const Dimension& dim : dims) count *= dim.size;
  return {std::move(name), std::move(dims), std::move(unit), std::vector<float>(count, kNone)};
}

Table id_table(std::string name, std::vector<Dimension> dims, std::string unit = "token id") {
  Table table = float_table(std::move(name), std::move(dims), std::move(unit));
  table.data = std::vector<std::int32_t>(std::get<0>(table.data).size(), -1);
  return table;
}

}  // namespace

// ---- Runs: the forward pass in slices ----

class Job::Run {
 public:
  Run(std::shared_ptr<Resident> resident, std::vector<TokenId> tokens)
      : tokens(std::move(tokens)),
        resident_(std::move(resident)),
        cached_(resident_->runs.take(model().config(), this->tokens)),
        begin_(cached_.activations.size()) {}

  // A chunk that did not get through all blocks is not part of the run.
  ~Run() {
    if (begin_ < cached_.activations.size()) cached_.truncate(begin_);
    resident_->runs.put(std::move(cached_));
  }

  const LoadedModel& loaded() const { return resident_->loaded; }
  const Model& model() const { return resident_->loaded.model; }
  Activations& activations() { return cached_.activations; }
  LensColumns& columns(const std::string& key) { return cached_.columns[key]; }

  std::size_t steps_left() const {
    if (begin_ >= tokens.size()) return 0;
    return chunks(tokens.size() - begin_, kForwardChunk) * model().config().n_layer - layer_;
  }

  // One block for one chunk of positions.
  void step() {
    const std::size_t end = std::min(begin_ + kForwardChunk, tokens.size());
    if (layer_ == 0) {
      activations().append(std::span(tokens).subspan(begin_, end - begin_));
      forward_embed(model(), begin_, end, activations());
    }
    forward_block(model(), layer_, begin_, end, activations());
    if (++layer_ == model().config().n_layer) begin_ = end, layer_ = 0;
  }

  const std::vector<TokenId> tokens;  // [n]; the cached run may go on beyond them

 private:
  std::shared_ptr<Resident> resident_;
  CachedRun cached_;
  std::size_t begin_;      // positions before it are finished
  std::size_t layer_ = 0;  // blocks that the chunk from begin_ on has been through
};

// ---- Readings ----

class Job::Reading {
 public:
  Reading(Run& run, std::string run_name) : run_(run), run_name_(std::move(run_name)) {}
  virtual ~Reading() = default;

  virtual std::size_t steps_left() const = 0;
  virtual void step() = 0;
  virtual std::size_t columns() const { return 0; }
  virtual std::vector<Table> tables() = 0;

  Run& run() { return run_; }
  const std::string& run_name() const { return run_name_; }

 protected:
  Dimension positions() const { return {"position", run_.tokens.size(), {}}; }
  Table token_table() const {
    Table table = id_table("token", {positions()});
    table.data = std::vector<std::int32_t>(run_.tokens.begin(), run_.tokens.end());
    return table;
  }

  Run& run_;

 private:
  std::string run_name_;
};

class Job::LensReading : public Reading {
 public:
  // Reads `positions`, which are all of the run's unless they were `named`.
  LensReading(Run& run, std::string run_name, LensOptions options, std::vector<std::size_t> positions, bool named)
      : Reading(run, std::move(run_name)),
        options_(std::move(options)),
        positions_(std::move(positions)),
        named_(named),
        rows_(lens_rows(run.model().config(), options_.mid)),
        done_(run.columns(key())),
        per_step_(std::max<std::size_t>(1, kLensRows / (rows_.size() + 1))) {}

  std::size_t columns() const override {
    return static_cast<std::size_t>(std::ranges::count_if(positions_, [&](auto p) { return done_.contains(p); }));
  }
  std::size_t steps_left() const override { return chunks(positions_.size() - columns(), per_step_); }

  void step() override {
    std::vector<std::size_t> batch;
    for (const std::size_t p : positions_)
      if (batch.size() < per_step_ && !done_.contains(p)) batch.push_back(p);
    auto read = read_lens(run_.model(), lens_, options_, run_.activations(), batch);
    for (std::size_t i = 0; i < batch.size(); ++i) done_.emplace(batch[i], std::move(read[i]));
  }

  std::vector<Table> tables() override {
    read_next_tokens();
    const Dimension row{"row", rows_.size(), row_labels()};
    const Dimension position = lens_positions();
    const Dimension top{"top", std::min(options_.top, run_.model().config().d_vocab), {}};
    const Dimension track{"track", options_.track.size(), token_labels(options_.track)};
    const Dimension set{"set", options_.sets.size(), set_labels()};

    Table tokens = id_table("token", {position});
    auto& token_ids = std::get<std::vector<std::int32_t>>(tokens.data);
    for (std::size_t i = 0; i < positions_.size(); ++i) token_ids[i] = run_.tokens[positions_[i]];
    std::vector<Table> tables{std::move(tokens)};
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
    floats("log_z", "nats", cell, [](C c, I) { return c.reading.log_z; });
    floats("mean_logit", "logit", cell, [](C c, I) { return c.reading.mean_logit; });
    floats("entropy", "nats", cell, [](C c, I) { return c.reading.entropy; });
    floats("kl", "nats", cell, [](C c, I) { return c.kl; });
    if (options_.change) floats("change", "nats", cell, [](C c, I) { return c.change; });
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
      ids("track_rank", "rank", track_dims, [](C c, I i) { return c.track[i].rank; });
    }
    if (!options_.sets.empty())
      floats("set_prob", "probability", {row, position, set}, [](C c, I i) { return c.set_prob[i]; });
    return tables;
  }

 private:
  // All of the run's, or the named ones under their numbers.
  Dimension lens_positions() const {
    Dimension dim{"position", positions_.size(), {}};
    if (named_)
      for (const std::size_t p : positions_) dim.labels.push_back(std::to_string(p));
    return dim;
  }

  // For surprisal. Not part of a cached column, for what comes next changes while the column stays.
  void read_next_tokens() {
    for (const std::size_t p : positions_)
      if (p + 1 < run_.tokens.size() && done_.contains(p) && !next_logits_.contains(p))
        next_logits_[p] = read_token(run_.model(), lens_, options_, run_.activations(), p, run_.tokens[p + 1]);
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
    return print_json(
        {static_cast<int>(options_.norm), options_.mid, options_.change, options_.top, options_.track, sets});
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

  const Lens lens_;  // raw
  const LensOptions options_;
  const std::vector<std::size_t> positions_;
  const bool named_;
  const std::vector<HookPoint> rows_;
  LensColumns& done_;                                      // the run's own, so that what an overtaken job read is kept
  std::map<std::size_t, std::vector<float>> next_logits_;  // by position, [row], of the token that came next
  const std::size_t per_step_;
};

class Job::ActivationsReading : public Reading {
 public:
  ActivationsReading(Run& run, std::string run_name, std::vector<HookPoint> hooks)
      : Reading(run, std::move(run_name)), hooks_(std::move(hooks)) {}

  std::size_t steps_left() const override { return hooks_.size() - read_.size(); }
  void step() override {
    read_.push_back(read_hook(run_.model(), run_.activations(), hooks_[read_.size()], run_.tokens.size()));
  }
  std::vector<Table> tables() override {
    std::vector<Table> tables{token_table()};
    for (std::size_t i = 0; i < read_.size(); ++i) {
      std::vector<Dimension> dims;
      const auto names = dimension_names(hooks_[i].site);
      for (std::size_t d = 0; d < read_[i].shape.size(); ++d) dims.push_back({names[d], read_[i].shape[d], {}});
      tables.push_back({name_of(hooks_[i]), std::move(dims), "activation", read_[i].values});
    }
    return tables;
  }

 private:
  static std::vector<std::string> dimension_names(Site site) {
    switch (site) {
      case Site::q:
      case Site::k:
      case Site::v:
      case Site::z:
        return {"position", "head", "d_head"};
      case Site::attn_scores:
      case Site::pattern:
        return {"head", "position", "key position"};
      case Site::result:
        return {"position", "head", "d_model"};
      case Site::mlp_pre:
      case Site::mlp_post:
        return {"position", "neuron"};
      default:
        return {"position", "d_model"};
    }
  }

  std::vector<HookPoint> hooks_;
  std::vector<Tensor> read_;  // the first hooks
};

// ---- The job ----

Result<std::unique_ptr<Job>> Job::start(const Experiment& experiment, const Residents& models) {
  std::unique_ptr<Job> job(new Job);
  for (const auto& [name, spec] : experiment.runs) {
    const auto resident = models.find(spec.model);
    if (resident == models.end())
      return Error{"model_missing", "The model " + in_quotes(spec.model) + " is not loaded."};
    auto ids = resolve_input(resident->second->loaded, spec);
    if (!ids) return ids.error();
    // Checked like the others, but what nobody reads is not computed.
    if (std::ranges::find(experiment.reads, name, &Read::run) != experiment.reads.end())
      job->runs_[name] = std::make_unique<Run>(resident->second, *std::move(ids));
  }
  for (const Read& read : experiment.reads) {
    Run& run = *job->runs_.at(read.run);
    if (const auto* activations = std::get_if<ActivationsRead>(&read.what)) {
      for (const HookPoint hook : activations->hooks)
        if (is_in_block(hook.site) && static_cast<std::size_t>(hook.layer) >= run.model().config().n_layer)
          return Error{"hook_layer", name_of(hook) + " does not exist: " + title(run.loaded()) + " has blocks 0 to " +
                                         std::to_string(run.model().config().n_layer - 1) + "."};
      job->readings_.push_back(std::make_unique<ActivationsReading>(run, read.run, activations->hooks));
      continue;
    }
    const auto& asked = std::get<LensRead>(read.what);
    LensOptions options{.norm = asked.norm, .mid = asked.mid, .change = asked.change, .top = asked.top};
    auto track = resolve_tokens(run.loaded(), asked.track);
    if (!track) return track.error();
    options.track = *std::move(track);
    for (const auto& [name, refs] : asked.sets) {
      auto ids = resolve_tokens(run.loaded(), refs);
      if (!ids) return ids.error();
      options.sets.push_back({name, *std::move(ids)});
    }
    auto positions = resolve_positions(asked.positions, run.tokens.size(), read.run);
    if (!positions) return positions.error();
    job->readings_.push_back(std::make_unique<LensReading>(run, read.run, std::move(options), *std::move(positions),
                                                           !asked.positions.empty()));
  }
  job->n_step_ = job->steps_left();
  return job;
}

Job::~Job() = default;

std::size_t Job::steps_left() const {
  std::size_t left = 0;
  for (const auto& [name, run] : runs_) left += run->steps_left();
  for (const auto& reading : readings_) left += reading->steps_left();
  return left;
}

// The next piece of work: a reading comes after its run, and readings in the order in which they were asked for.
bool Job::step() {
  for (const auto& reading : readings_) {
    if (reading->run().steps_left() > 0) return reading->run().step(), true;
    if (reading->steps_left() > 0) return reading->step(), true;
  }
  return false;
}

Result<Progress> Job::advance(double budget_ms) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration<double, std::milli>(budget_ms);
  try {
    while (step() && Clock::now() < deadline) {
    }
  } catch (const std::exception&) {  // bad_alloc, or length_error from a vector beyond what a pointer can span
    return Error{"out_of_memory", "The run does not fit in the memory there is; shorten the prompt."};
  }
  Progress progress;
  const std::size_t left = steps_left();
  progress.done = left == 0;
  progress.fraction = n_step_ == 0 ? 1 : 1 - static_cast<double>(left) / static_cast<double>(n_step_);
  for (const auto& reading : readings_) progress.columns += reading->columns();
  return progress;
}

std::vector<ReadTables> Job::tables() {
  std::vector<ReadTables> all;
  for (std::size_t i = 0; i < readings_.size(); ++i)
    all.push_back({readings_[i]->run_name(), i, readings_[i]->tables()});
  return all;
}

}  // namespace lens
