#include "engine/engine.h"

#include <exception>

#include "base/message.h"

namespace lens {

Result<std::shared_ptr<const LoadedModel>> Engine::load(std::string ref, std::vector<File> files) {
  release(ref);
  try {
    auto loaded = load_model(ref, std::move(files));
    if (!loaded) return loaded.error();
    models_[ref] = std::make_shared<Resident>(Resident{*std::move(loaded)});
    return model(ref);
  } catch (const std::exception&) {  // bad_alloc, or length_error from a vector beyond what a pointer can span
    return Error{"out_of_memory", ref +
                                      ": the model does not fit in the memory there is; close other tabs or "
                                      "programs, or take a smaller model."};
  }
}

void Engine::release(const std::string& ref) { models_.erase(ref); }

Result<std::shared_ptr<const LoadedModel>> Engine::model(const std::string& ref) const {
  const auto it = models_.find(ref);
  if (it == models_.end()) return Error{"model_missing", "The model " + in_quotes(ref) + " is not loaded."};
  return std::shared_ptr<const LoadedModel>(it->second, &it->second->loaded);
}

Status Engine::load_lens(const std::string& ref, const std::string& name, const std::vector<File>& files) {
  const auto resident = models_.find(ref);
  if (resident == models_.end()) return Error{"model_missing", "The model " + in_quotes(ref) + " is not loaded."};
  if (name.empty() || name == "raw")
    return Error{"lens_name", "A lens cannot be called " + in_quotes(name) + "; give it another name."};
  try {
    auto lens = lens::load_lens(files, resident->second->loaded);
    if (!lens) return lens.error();
    LoadedLens loaded{name + " " + std::to_string(++n_lens_), *std::move(lens)};
    resident->second->lenses[name] = std::make_shared<LoadedLens>(std::move(loaded));
    return ok();
  } catch (const std::exception&) {
    return Error{"out_of_memory", "The lens " + in_quotes(name) + " does not fit in the memory there is."};
  }
}

Result<std::unique_ptr<Job>> Engine::start(const Experiment& experiment) { return Job::start(experiment, models_); }

Result<std::vector<ReadTables>> Engine::run(std::string_view text) {
  const auto experiment = parse_experiment(text);
  if (!experiment) return experiment.error();
  auto job = start(*experiment);
  if (!job) return job.error();
  for (;;) {
    const auto progress = (*job)->advance(1000);
    if (!progress) return progress.error();
    if (progress->done) return (*job)->tables();
  }
}

}  // namespace lens
