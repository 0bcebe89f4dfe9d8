// The one door: models and Experiments in, tables out. wasm/ and cli/ go through it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/experiment.h"
#include "engine/job.h"
#include "engine/loaded_model.h"

namespace lens {

class Engine {
 public:
  // Loads a model and keeps it under `ref`, in place of an earlier one. Errors: load_model's; out_of_memory.
  Result<std::shared_ptr<const LoadedModel>> load(std::string ref, std::vector<File> files,
                                                  Precision precision = Precision::as_stored);

  // The same for a model that comes in pieces, so that its files are never in memory. Of the files with weights only
  // the first bytes are given (File::whole), the others whole. What the files hold and which bytes are wanted; nothing
  // is kept. Errors: ArrivingModel's.
  Result<ArrivingModel> inspect(const std::string& ref, const std::vector<File>& files) const;
  // Makes all the room that the model needs. An earlier one under `ref` stays until finish_load. Errors:
  // ArrivingModel's; out_of_memory.
  Status begin_load(const std::string& ref, const std::vector<File>& files, Precision precision);
  // Bytes of file number `file` from `offset` on. Errors: ModelLoader::put's; no_load.
  Status put(const std::string& ref, std::size_t file, std::uint64_t offset, std::span<const std::byte> bytes);
  // From here on the model is there, under `name`. Errors: ModelLoader::finish's; no_load.
  Result<std::shared_ptr<const LoadedModel>> finish_load(const std::string& ref, const std::string& name);
  void cancel_load(const std::string& ref);

  // Gives a model that came without a tokenizer one. Errors: model_missing, file_missing, tokenizer_format.
  Status give_tokenizer(const std::string& ref, const std::vector<File>& files);

  // Forgets the model; jobs that use it go on.
  void release(const std::string& ref);
  // Errors: model_missing.
  Result<std::shared_ptr<const LoadedModel>> model(const std::string& ref) const;
  // Loads a lens for a loaded model and keeps it under `name`, in place of an earlier one; jobs that read with that go
  // on. Errors: model_missing; lens_name (none, or "raw"); those of loaded_lens.h's load_lens; out_of_memory.
  Status load_lens(const std::string& ref, const std::string& name, const std::vector<File>& files);

  // Errors: parse_experiment's and Job::start's.
  Result<std::unique_ptr<Job>> start(const Experiment& experiment);

  // For callers that have time: parses, runs to the end.
  Result<std::vector<ReadTables>> run(std::string_view experiment);

 private:
  Residents models_;
  std::size_t n_lens_ = 0;  // ever loaded
  std::map<std::string, ArrivingModel> arriving_;
};

}  // namespace lens
