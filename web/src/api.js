// window.logitLens: the page's first <logit-lens> for programs. This file is its documentation.
//
//   await logitLens.ready
//       resolves when the page has drawn its first grid; rejects with an error {code, message} if it cannot
//       (and is a new promise once somebody tries again).
//
//   logitLens.experiment
//       a copy of the Experiment on show (core/engine/experiment.h says what it may hold), null before there is one.
//
//   const tables = await logitLens.run(experiment)
//       computes an Experiment beside the page's own, which stays as it is. Tables are plain objects
//         {run, read, name, dims: [{name, size, labels}], unit, dtype: "f32" | "i32", data: typed array}
//       with data in row-major order over dims. A lens read gives token, top_id, top_logit, top_prob, log_z,
//       mean_logit, entropy, kl, surprisal, answer_id, answer_logit, answer_prob, answer_rank, input_prob, input_rank
//       (of the position's own token) and what was asked for: change, track_…, set_prob. A read that names positions
//       has only those, and the dimension's labels are their numbers.
//       A components read gives who wrote a cell (head, mlp, attn_bias, mlp_bias, outside, source, pattern, neuron, …), a
//       writes read promoted_… and suppressed_…, a head_scores read induction, previous and duplicate; core/engine/job.h
//       has every table's shape.
//       Logits are raw. A cell without a value holds NaN or -1. Rejects with an error {code, message}.
//
//       const e = logitLens.experiment;
//       e.runs.main.prompt = "Two and two make";
//       const kl = (await logitLens.run(e)).find((t) => t.name === "kl");
//       const [rows, positions] = kl.dims;
//       kl.data[row * positions.size + position];   // rows.labels[row] is "blocks.0.hook_resid_pre", …

/** @param {import("./state/conductor.js").Conductor} conductor */
export function lensApi(conductor) {
  return Object.freeze({
    get ready() {
      return conductor.ready;
    },
    get experiment() {
      return structuredClone(conductor.state.experiment);
    },
    /** @param {import("./state/experiment.js").Experiment} experiment */
    run: (experiment) => conductor.run(experiment),
  });
}
