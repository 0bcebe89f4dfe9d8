// {"what": "head_writes"}: whether a head writes what it looks at.
#include <optional>
#include <utility>

#include "engine/reading.h"
#include "engine/resolve.h"
#include "lens/head_writes.h"

namespace lens {
namespace {

class HeadWritesReading : public Reading {
 public:
  HeadWritesReading(SlicedRun& run, const HeadWritesRead& asked) : Reading(run), asked_(asked) {}

  std::size_t steps_left() const override {
    return found_ ? found_->steps_left() : 1 + HeadWrites::steps(run_.tokens.size());
  }
  void step() override {
    if (found_)
      found_->step(run_.activations());
    else
      found_.emplace(run_.model(), run_.activations(), asked_.layer, asked_.head, run_.tokens.size(), run_.mean_W_U());
  }

  std::vector<Table> tables() override {
    std::vector<Table> tables{token_table(run_)};
    if (steps_left() > 0) return tables;
    const std::size_t n = run_.tokens.size();
    const std::vector<Dimension> pairs{{"position", n, {}}, {"key position", n, {}}};
    tables.push_back({"pattern", pairs, "probability", found_->pattern()});
    tables.push_back({"written", pairs, "logit", found_->written()});
    tables.push_back({"correlation",
                      {{"correlation", 2, {"r", "pairs"}}},
                      "",
                      std::vector<float>{static_cast<float>(found_->r()), static_cast<float>(found_->n_pair())}});
    return tables;
  }

 private:
  const HeadWritesRead asked_;
  std::optional<HeadWrites> found_;
};

}  // namespace

Result<std::unique_ptr<Reading>> start_reading(const HeadWritesRead& asked, SlicedRun& run) {
  if (auto status = check_head(run.loaded(), asked.layer, asked.head); !status) return status.error();
  return std::unique_ptr<Reading>(new HeadWritesReading(run, asked));
}

}  // namespace lens
