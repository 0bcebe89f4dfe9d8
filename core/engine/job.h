// An Experiment being worked on, in slices: cancelling, "a newer prompt wins", progressive grids and long sweeps are
// one mechanism, and it works without threads.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/table.h"
#include "engine/experiment.h"
#include "engine/reading.h"
#include "engine/sliced_run.h"

namespace lens {

using Residents = std::map<std::string, std::shared_ptr<Resident>>;  // by ref

struct Progress {
  bool done = false;
  double fraction = 0;      // of the job's steps, 0 to 1
  std::size_t columns = 0;  // columns of lens grids finished so far
};

// The tables of one entry of the Experiment's reads.
struct ReadTables {
  std::string run;       // "" for a reading of weights
  std::size_t read = 0;  // index in reads
  std::vector<Table> tables;
};

class Job {
 public:
  // Checks everything that needs the models: prompts fit, ids exist, tracked texts are one token. `models` must
  // hold every ref of the experiment. Errors: model_missing, lens_missing, lens_means, lens_norm, prompt_empty,
  // prompt_length, token_id, token_text, hook_layer, position, row, layer, neuron, head, no_names, head_scores,
  // no_tokenizer.
  static Result<std::unique_ptr<Job>> start(const Experiment& experiment, const Residents& models);
  // Hands its runs back to the cache, as far as they are finished.
  ~Job();

  // Works for about `budget_ms` and at least one step. Error: out_of_memory.
  Result<Progress> advance(double budget_ms);

  // A lens read gives, over the positions of its run or those it names, whose numbers are then the dimension's labels:
  //   token [position]; top_id, top_logit, top_prob [row, position, top]; log_z, mean_logit, entropy, kl, surprisal
  //   [row, position]; answer_id [position]; answer_logit, answer_prob, answer_rank, input_prob, input_rank
  //   [row, position]; track_id [track]; track_logit, track_prob, track_rank [row, position, track];
  //   set_prob [row, position, set]; where asked, change and beside_kl [row, position], and top_lift, track_lift.
  // Logits are raw. kl is KL(output ‖ row), change KL(row ‖ row below), NaN in the bottom row, beside_kl KL(the same
  // row through the lens beside ‖ row), and surprisal that of the token that came next, in nats; the run's last
  // position has none (NaN). The answer is the output's own top token, the input the position's own token. Row labels
  // are hook names, bottom first. A lift is ln p − ln p̄_out in nats, p̄_out being what the output says on average, and NaN
  // of a token with less than a tenth of the row's largest probability. Columns not finished hold NaN
  // and -1; other unfinished tables are left out.
  //
  // These give token [position], and
  //   activations  a table a hook, named as the hook, with its shape
  //   components   in logits: of [of], the one or two tokens; total, the cell as it is shown, the sum of all parts,
  //                what rounding left between them, and Σ |part|; outside [part], of W_E, W_pos, ln_f's bias and the
  //                lens' own (a translator's b, or what is added to the logit); for
  //                the blocks that wrote to the row head [layer, head] without b_V, attn_bias [layer] (b_O + Σ_h b_V
  //                W_O), mlp, mlp_bias [layer] (NaN where the row stands before it); source [layer, head, key
  //                position], whose sum is the head, with its pattern; neuron, neuron_id, neuron_activation [layer,
  //                neuron], those that write most
  //   writes       promoted_id, promoted_logit, suppressed_id, suppressed_logit [write, position, top], centred logits;
  //                write labels are hook names
  //   head_scores  previous, duplicate, induction [layer, head], mean attention
  //   head_writes  pattern and written [position, key position] of one head: how much it attends, and by how much what
  //                it writes raises the centred logit of the token there (NaN where that comes later); correlation, r
  //                over all pairs but those with the first position, NaN for fewer than 20 or where one side does not
  //                vary, and their number
  //
  // The feed-forward readings: `logit` is a centred one, z − mean_v z, through ln_f's γ (unit "logit") or, where the
  // Experiment says "gamma": false, without a norm (unit "dot product"); promoted and suppressed tokens come furthest
  // first.
  //   memories   neuron, pre, activation, weight (|m_i| ‖W_out[i]‖), effect, explained [neuron], best first;
  //              promoted_id, promoted_logit, suppressed_id, suppressed_logit [neuron, top]; effect_token, effect_sum
  //              (over all neurons of the block), active_share, layer_top [], says_layer_top [neuron that agrees]
  //   neuron     pre, activation [position]; trigger (positions, strongest first, activation above 0),
  //              trigger_next_rank [trigger] (of the token that followed, in the value's ranking; -1 at the end);
  //              said_next [], the share of triggers with rank 1 among those that are followed; and of its weights
  //              key_promoted_id, … as in parameters
  //   parameters of a neuron: key_promoted_id, key_promoted_logit, key_suppressed_… [top], the tokens whose embedding
  //              excites it most and least; value_… alike, those that it raises and lowers; key_norm, value_norm,
  //              key_bias []. Of a head: ov_best_from, ov_best_to, ov_best_score, ov_worst_…, qk_… [pair], the pairs
  //              with the highest and lowest scores; with a token, of [] and writes_…, attends_to_…, attended_by_… as
  //              key_… above
  //   circuits   copying [layer, head]; q_, k_, v_composition [second, first], NaN where the first head is not in a
  //              lower block; random_composition [], which is taken off them; tied [], whether W_E is W_U
  //   copying    names [name], their positions; copied, turned_round [layer, head], the share of them among the 5 that a
  //              head says of them, and that it says with its sign turned (Wang's negative copying)
  //   promoters  of [], the token; layer, neuron, logit, norm [neuron], those whose value raises the token most;
  //              against_layer, … those whose value lowers it most
  std::vector<ReadTables> tables();

 private:
  Job() = default;
  std::size_t steps_left() const;
  bool step();

  std::map<std::string, std::unique_ptr<SlicedRun>> runs_;     // by name
  std::map<std::string, std::unique_ptr<SlicedRun>> weights_;  // by the model's ref: no tokens, so nothing to run
  std::vector<std::unique_ptr<Reading>> readings_;             // one for each of the Experiment's reads
  std::size_t n_step_ = 0;
};

}  // namespace lens
