#include "engine/job.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/message.h"
#include "engine/resolve.h"

namespace lens {
namespace {

Error no_model(const std::string& ref) { return {"model_missing", "The model " + in_quotes(ref) + " is not loaded."}; }

// After how many of a run's n tokens they repeat, where they were made to; else 0.
std::size_t period_of(const RunSpec& spec, std::size_t n) {
  return std::holds_alternative<Repeat>(spec.input) ? n / 2 : 0;
}

}  // namespace

Result<std::unique_ptr<Job>> Job::start(const Experiment& experiment, const Residents& models) {
  std::unique_ptr<Job> job(new Job);
  for (const auto& [name, spec] : experiment.runs) {
    const auto resident = models.find(spec.model);
    if (resident == models.end()) return no_model(spec.model);
    auto ids = resolve_input(resident->second->loaded, spec);
    if (!ids) return ids.error();
    // Checked like the others, but what nobody reads is not computed.
    if (std::ranges::any_of(experiment.reads, [&](const Read& read) { return !read.model && read.run == name; }))
      job->runs_[name] = std::make_unique<SlicedRun>(name, resident->second, *ids, period_of(spec, ids->size()));
  }
  for (const Read& read : experiment.reads) {
    if (read.model && !job->weights_.contains(*read.model)) {
      const auto resident = models.find(*read.model);
      if (resident == models.end()) return no_model(*read.model);
      job->weights_[*read.model] = std::make_unique<SlicedRun>("", resident->second, std::vector<TokenId>());
    }
    SlicedRun& run = read.model ? *job->weights_.at(*read.model) : *job->runs_.at(read.run);
    auto reading = std::visit([&](const auto& asked) { return start_reading(asked, run); }, read.what);
    if (!reading) return reading.error();
    job->readings_.push_back(*std::move(reading));
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
  } catch (...) {  // bad_alloc, or length_error from a vector beyond what a pointer can span
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
    all.push_back({readings_[i]->run().name, i, readings_[i]->tables()});
  return all;
}

}  // namespace lens
