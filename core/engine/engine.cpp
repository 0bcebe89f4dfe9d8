#include "engine/engine.h"

#include "base/message.h"

namespace lens {
namespace {

Error no_room(const std::string& ref) {
  return {"out_of_memory", ref +
                               ": the model does not fit in the memory there is; close other tabs or programs, keep it "
                               "as Q8_0, or take a smaller model."};
}

Error no_load(const std::string& ref) { return {"no_load", ref + " is not being loaded."}; }

}  // namespace

Result<std::shared_ptr<const LoadedModel>> Engine::load(std::string ref, std::vector<File> files, Precision precision) {
  release(ref);
  try {
    auto loaded = load_model(ref, std::move(files), precision);
    if (!loaded) return loaded.error();
    models_[ref] = std::make_shared<Resident>(Resident{*std::move(loaded)});
    return model(ref);
  } catch (...) {  // bad_alloc, or length_error from a vector beyond what a pointer can span
    return no_room(ref);
  }
}

Result<ArrivingModel> Engine::inspect(const std::string& ref, const std::vector<File>& files) const {
  return ArrivingModel::begin(ref, files, Precision::as_stored);
}

Status Engine::begin_load(const std::string& ref, const std::vector<File>& files, Precision precision) {
  arriving_.erase(ref);
  try {
    auto model = ArrivingModel::begin(ref, files, precision);
    if (!model) return model.error();
    model->make_room();
    arriving_.emplace(ref, *std::move(model));
    return ok();
  } catch (...) {  // as above
    return no_room(ref);
  }
}

Status Engine::put(const std::string& ref, std::size_t file, std::uint64_t offset, std::span<const std::byte> bytes) {
  const auto it = arriving_.find(ref);
  if (it == arriving_.end()) return no_load(ref);
  try {
    auto status = it->second.put(file, offset, bytes);
    if (!status) arriving_.erase(it);
    return status;
  } catch (...) {  // as above
    arriving_.erase(it);
    return no_room(ref);
  }
}

Result<std::shared_ptr<const LoadedModel>> Engine::finish_load(const std::string& ref, const std::string& name) {
  const auto it = arriving_.find(ref);
  if (it == arriving_.end()) return no_load(ref);
  try {
    auto loaded = it->second.finish();
    arriving_.erase(it);
    if (!loaded) return loaded.error();
    loaded->ref = name;
    models_[name] = std::make_shared<Resident>(Resident{*std::move(loaded)});
    return model(name);
  } catch (...) {  // as above
    arriving_.erase(ref);
    return no_room(ref);
  }
}

void Engine::cancel_load(const std::string& ref) { arriving_.erase(ref); }

Status Engine::give_tokenizer(const std::string& ref, const std::vector<File>& files) {
  const auto it = models_.find(ref);
  if (it == models_.end()) return model(ref).error();
  const auto read = read_tokenizer(files);
  if (!read) return read.error();
  if (!*read)
    return Error{"file_missing", "These files hold no tokenizer; give tokenizer.json, or vocab.json and merges.txt."};
  auto tokenizer = tokenizer_of(*read, it->second->loaded.model.config().d_vocab);
  if (!tokenizer) return tokenizer.error();
  it->second->loaded.tokenizer = *std::move(tokenizer);
  return ok();
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
  } catch (...) {  // as above
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
