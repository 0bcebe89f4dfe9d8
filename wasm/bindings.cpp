// The engine for JavaScript: one class, few verbs. Every verb answers {ok} or {error: {code, message}}.
#include <emscripten/bind.h>
#include <emscripten/heap.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "engine/engine.h"
#include "typed_arrays.h"

namespace lens {
namespace {

using emscripten::val;

class EngineBinding {
 public:
  // files: [{name, bytes: Uint8Array, size?}]
  val load(const std::string& ref, const val& files) { return loaded(ref, engine_.load(ref, files_of(files))); }

  // {…as load, dtypes: ["F32"], kept: {as_stored, f16, q8_0}, wanted: [{tensor, stored, dtype, file, begin, end}]}: bytes
  // [begin, end) of files[file] are a tensor, `kept` how many the weights will take here.
  val inspect(const std::string& ref, const val& files) {
    const auto model = engine_.inspect(ref, files_of(files));
    if (!model) return answer(model.error());
    const ModelLoader& weights = model->weights();
    val info = info_of(ref, weights.config(), weights.n_param(), model->has_tokenizer());
    std::set<std::string> dtypes;
    val wanted = val::array();
    for (const WantedBytes& bytes : weights.wanted()) {
      dtypes.emplace(name_of(bytes.dtype));
      val object = val::object();
      object.set("tensor", bytes.tensor);
      object.set("stored", bytes.stored);
      object.set("dtype", std::string(name_of(bytes.dtype)));
      object.set("file", bytes.file);
      object.set("begin", static_cast<double>(bytes.begin));
      object.set("end", static_cast<double>(bytes.end));
      wanted.call<void>("push", object);
    }
    info.set("dtypes", val::array(std::vector<std::string>(dtypes.begin(), dtypes.end())));
    val kept = val::object();
    for (const auto& [name, precision] : kPrecisions)
      kept.set(std::string(name), static_cast<double>(weights.n_kept(precision)));
    info.set("kept", kept);
    info.set("wanted", wanted);
    return answer(info);
  }

  val begin_load(const std::string& ref, const val& files, const std::string& precision) {
    return done(engine_.begin_load(ref, files_of(files), precision_named(precision).value_or(Precision::as_stored)));
  }

  // Bytes of files[file] from `offset` on; within a tensor in order.
  val put(const std::string& ref, std::size_t file, double offset, const val& bytes) {
    return done(engine_.put(ref, file, static_cast<std::uint64_t>(offset), bytes_of(bytes)));
  }

  val finish_load(const std::string& ref, const std::string& name) {
    return loaded(name, engine_.finish_load(ref, name));
  }

  val cancel_load(const std::string& ref) {
    engine_.cancel_load(ref);
    return answer(val::undefined());
  }

  val give_tokenizer(const std::string& ref, const val& files) {
    if (const auto given = engine_.give_tokenizer(ref, files_of(files)); !given) return answer(given.error());
    return loaded(ref, engine_.model(ref));
  }

  // How large the module's memory is now; it never shrinks.
  val memory() { return answer(val(static_cast<double>(emscripten_get_heap_size()))); }

  // A lens of a loaded model, under a name. files: [{name, bytes: Uint8Array}]
  val load_lens(const std::string& ref, const std::string& name, const val& files) {
    const auto status = engine_.load_lens(ref, name, files_of(files));
    return status ? answer(val::undefined()) : answer(status.error());
  }

  val release(const std::string& ref) {
    engine_.release(ref);
    return answer(val::undefined());
  }

  // {bytes: Uint8Array, offsets: Uint32Array[d_vocab + 1], special: Uint8Array[d_vocab]}: token t is bytes[offsets[t],
  // offsets[t + 1]). Bytes, not strings: a token may be half a character.
  val vocabulary(const std::string& ref) {
    const auto loaded = engine_.model(ref);
    if (!loaded) return answer(loaded.error());
    std::string bytes;
    std::vector<std::uint32_t> offsets{0};
    std::vector<std::uint8_t> special;
    const auto d_vocab = static_cast<TokenId>((*loaded)->model.config().d_vocab);
    for (TokenId id = 0; id < d_vocab; ++id) {
      bytes += (*loaded)->token_bytes(id);
      offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
      special.push_back((*loaded)->tokenizer && (*loaded)->tokenizer->is_special(id));
    }
    val object = val::object();
    object.set("bytes", typed_array<std::uint8_t>("Uint8Array",
                                                  {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
    object.set("offsets", typed_array<std::uint32_t>("Uint32Array", offsets));
    object.set("special", typed_array<std::uint8_t>("Uint8Array", special));
    return answer(object);
  }

  val tokenize(const std::string& ref, const std::string& text) {
    const auto loaded = engine_.model(ref);
    if (!loaded) return answer(loaded.error());
    if (!(*loaded)->tokenizer) return answer(Error{"no_tokenizer", "The model \"" + ref + "\" has no tokenizer."});
    return answer(typed_array<TokenId>("Int32Array", (*loaded)->tokenizer->encode(text)));
  }

  // The Experiment's JSON as the engine understands it, unknown keys included.
  val parse(const std::string& text) {
    const auto experiment = parse_experiment(text);
    return experiment ? answer(val(print_json(experiment->document))) : answer(experiment.error());
  }

  // A job's number.
  val start(const std::string& text) {
    const auto experiment = parse_experiment(text);
    if (!experiment) return answer(experiment.error());
    auto job = engine_.start(*experiment);
    if (!job) return answer(job.error());
    jobs_[++last_job_] = *std::move(job);
    return answer(val(last_job_));
  }

  // {done, progress, columns}
  val advance(int job, double budget_ms) {
    if (!jobs_.contains(job)) return answer(no_job(job));
    const auto progress = jobs_[job]->advance(budget_ms);
    if (!progress) return answer(progress.error());
    val object = val::object();
    object.set("done", progress->done);
    object.set("progress", progress->fraction);
    object.set("columns", progress->columns);
    return answer(object);
  }

  val tables(int job) {
    const auto it = jobs_.find(job);
    if (it == jobs_.end()) return answer(no_job(job));
    val list = val::array();
    for (const ReadTables& reading : it->second->tables())
      for (const Table& table : reading.tables) list.call<void>("push", table_object(reading, table));
    return answer(list);
  }

  // Ends a job, finished or not; what it has done stays for the next.
  val cancel(int job) {
    jobs_.erase(job);
    return answer(val::undefined());
  }

 private:
  static std::vector<File> files_of(const val& files) {
    std::vector<File> taken;
    for (int i = 0, n = files["length"].as<int>(); i < n; ++i) {
      File file{files[i]["name"].as<std::string>(), bytes_of(files[i]["bytes"])};
      if (const val size = files[i]["size"]; !size.isUndefined())
        file.whole = static_cast<std::uint64_t>(size.as<double>());
      taken.push_back(std::move(file));
    }
    return taken;
  }
  static val info_of(const std::string& ref, const Config& c, std::size_t n_param, bool has_tokenizer) {
    val info = val::object();
    info.set("ref", ref);
    info.set("n_layer", c.n_layer);
    info.set("n_head", c.n_head);
    info.set("n_ctx", c.n_ctx);
    info.set("d_model", c.d_model);
    info.set("d_head", c.d_head);
    info.set("d_mlp", c.d_mlp);
    info.set("d_vocab", c.d_vocab);
    info.set("n_param", n_param);
    info.set("bos", c.bos ? val(*c.bos) : val::null());
    info.set("has_tokenizer", has_tokenizer);
    return info;
  }
  static val loaded(const std::string& ref, const Result<std::shared_ptr<const LoadedModel>>& loaded) {
    if (!loaded) return answer(loaded.error());
    const Model& model = (*loaded)->model;
    return answer(info_of(ref, model.config(), model.n_param(), (*loaded)->tokenizer.has_value()));
  }
  static val done(const Status& status) { return status ? answer(val::undefined()) : answer(status.error()); }

  static Error no_job(int job) { return {"no_job", "There is no job " + std::to_string(job) + "."}; }

  Engine engine_;
  std::map<int, std::unique_ptr<Job>> jobs_;
  int last_job_ = 0;
};

// A verb that runs out of memory answers so, and what may help; an exception would end the worker.
constexpr char kShorten[] = "shorten the prompt, or take a smaller model.";
constexpr char kRound[] = "close other tabs or programs, keep the model as Q8_0, or take a smaller one.";
template <auto verb, const char* advice = kShorten>
struct Guarded;
template <class Self, class... Args, val (Self::*verb)(Args...), const char* advice>
struct Guarded<verb, advice> {
  static val call(Self& self, Args... args) {
    try {
      return (self.*verb)(std::forward<Args>(args)...);
    } catch (...) {
      return answer(
          Error{"out_of_memory", std::string("This does not fit in the memory that the page has; ") + advice});
    }
  }
};

}  // namespace

EMSCRIPTEN_BINDINGS(lens) {
  // How many threads there are from now on: n, if createLens has started that many.
  emscripten::function(
      "useThreads", +[](std::size_t n) {
        use_threads(n);
        return threads();
      });
  emscripten::class_<EngineBinding>("Engine")
      .constructor<>()
      .function("load", &Guarded<&EngineBinding::load, kRound>::call)
      .function("loadLens", &Guarded<&EngineBinding::load_lens, kRound>::call)
      .function("inspect", &Guarded<&EngineBinding::inspect, kRound>::call)
      .function("beginLoad", &Guarded<&EngineBinding::begin_load, kRound>::call)
      .function("put", &Guarded<&EngineBinding::put, kRound>::call)
      .function("finishLoad", &Guarded<&EngineBinding::finish_load, kRound>::call)
      .function("cancelLoad", &Guarded<&EngineBinding::cancel_load>::call)
      .function("giveTokenizer", &Guarded<&EngineBinding::give_tokenizer, kRound>::call)
      .function("memory", &Guarded<&EngineBinding::memory>::call)
      .function("release", &Guarded<&EngineBinding::release>::call)
      .function("vocabulary", &Guarded<&EngineBinding::vocabulary>::call)
      .function("tokenize", &Guarded<&EngineBinding::tokenize>::call)
      .function("parse", &Guarded<&EngineBinding::parse>::call)
      .function("start", &Guarded<&EngineBinding::start>::call)
      .function("advance", &Guarded<&EngineBinding::advance>::call)
      .function("tables", &Guarded<&EngineBinding::tables>::call)
      .function("cancel", &Guarded<&EngineBinding::cancel>::call);
}

}  // namespace lens
