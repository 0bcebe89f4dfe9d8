// What others published of a model, asked of the one on show: figures in a file of models/, each an ordinary reading of an
// Experiment, held against what it should be.

/**
 * @typedef {{tolerance: number, source: number}} Told  source: its place among the file's
 * @typedef {Told & {what: 'next', ids: number[], top: number[], log_prob: number[]}} Next  ln p of the best tokens after a text
 * @typedef {Told & {what: 'loss', rows: number[][], loss: number}} Loss  nats, the mean over all positions with a token after them
 * @typedef {Told & {what: 'greedy', ids: number[], continuation: number[]}} Greedy  each token of `continuation` leads where it is next
 * @typedef {Told & {what: 'difference', ids: number[], right: number, wrong: number, difference: number}} Difference  of two logits
 * @typedef {Next | Loss | Greedy | Difference} Check
 * @typedef {{title: string, sources: string[], checks: Check[]}} Published
 *
 * @typedef {object} Outcome
 * @property {Check} check
 * @property {number | number[]} expected  of next and greedy: by token
 * @property {number | number[] | null} got     the same; null where it could not be asked
 * @property {boolean} passed
 * @property {string | null} problem      why it could not be asked
 *
 * @typedef {import('../engine/readout.js').Table} Table
 * @typedef {import('#lens').ModelInfo} ModelInfo
 */

/**
 * @param {Published} published
 * @param {ModelInfo} info of the model that is asked
 * @param {(experiment: import('./experiment.js').Experiment) => Promise<Table[] | null>} run
 * @returns {AsyncGenerator<Outcome>} one for each check, in order
 */
export async function* verify({ checks }, info, run) {
  const ask = async (/** @type {number[]} */ ids, /** @type {object} */ read) => {
    const tables = await run({
      v: 1,
      models: { m: info.ref },
      runs: { main: { model: 'm', ids, bos: false } },
      reads: [{ what: 'lens', rows: [`blocks.${info.n_layer - 1}.hook_resid_post`], ...read }],
    });
    return Object.fromEntries((tables ?? []).map((table) => [table.name, [...table.data]]));
  };
  for (const check of checks) {
    const expected = expectedOf(check);
    try {
      const got = await asked(check, ask);
      const all = (/** @type {number | number[]} */ x) => (Array.isArray(x) ? x : [x]);
      const passed = all(got).every((value, i) => Math.abs(value - all(expected)[i]) <= check.tolerance);
      yield { check, expected, got, passed, problem: null };
    } catch (e) {
      yield { check, expected, got: null, passed: false, problem: /** @type {Error} */ (e).message };
    }
  }
}

/** @param {Check} check */
function expectedOf(check) {
  switch (check.what) {
    case 'next':
      return check.log_prob;
    case 'loss':
      return check.loss;
    case 'greedy':
      return check.continuation;
    case 'difference':
      return check.difference;
  }
}

/** @param {Check} check @param {(ids: number[], read: object) => Promise<Record<string, number[]>>} ask */
async function asked(check, ask) {
  switch (check.what) {
    case 'next': {
      const { track_logit, log_z } = await ask(check.ids, { positions: [-1], top: 1, track: check.top });
      return track_logit.map((logit) => logit - log_z[0]);
    }
    case 'loss': {
      let sum = 0;
      let n = 0;
      for (const ids of check.rows) {
        const { surprisal } = await ask(ids, { top: 1 });
        for (const nats of surprisal.slice(0, ids.length - 1)) sum += nats;
        n += ids.length - 1;
      }
      return sum / n;
    }
    case 'greedy': {
      const { top_id } = await ask([...check.ids, ...check.continuation], { top: 1 });
      return top_id.slice(check.ids.length - 1, -1);
    }
    case 'difference': {
      const { ids, right, wrong } = check;
      const { track_logit } = await ask(ids, { positions: [-1], top: 1, track: [right, wrong] });
      return track_logit[0] - track_logit[1];
    }
  }
}
