// Published figures, asked of a model that answers as told: what agrees, what differs, what cannot be asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verify } from '../../web/src/state/published.js';

const told = { tolerance: 0.01, source: 0 };
const published = {
  title: 'a model',
  sources: ['somewhere (MIT)'],
  checks: /** @type {import('../../web/src/state/published.js').Check[]} */ ([
    { what: 'next', ids: [1, 2], top: [7, 8], log_prob: [-1, -2], ...told },
    {
      what: 'loss',
      rows: [
        [0, 1, 2],
        [0, 3],
      ],
      loss: 2,
      ...told,
    },
    { what: 'greedy', ids: [1, 2], continuation: [3, 4], ...told, tolerance: 0 },
    { what: 'difference', ids: [1, 2], right: 7, wrong: 8, difference: 3, ...told },
  ]),
};
/** @type {any} */
const info = { ref: 'a/b@main', n_layer: 3 };

/** Outcomes of a model that answers with these tables, whatever is asked. @param {(ids: number[], read: any) => Record<string, number[]>} answer */
async function outcomes(answer) {
  /** @type {any[]} */
  const asked = [];
  const found = [];
  const run = async (/** @type {any} */ experiment) => {
    asked.push(experiment);
    const tables = answer(experiment.runs.main.ids, experiment.reads[0]);
    return Object.entries(tables).map(([name, data]) => /** @type {any} */ ({ name, data }));
  };
  for await (const outcome of verify(published, info, run)) found.push(outcome);
  return { asked, found };
}

/** @returns {Record<string, number[]>} */
const right = (/** @type {number[]} */ ids, /** @type {any} */ read) =>
  read.track
    ? { track_logit: ids.length === 2 ? [9, 8] : [], log_z: [10] }
    : // The loss' rows have 2, 3 and 1 next token; nothing comes after the last.
      { surprisal: ids.length === 3 ? [1, 3, Number.NaN] : [2, Number.NaN], top_id: [5, 3, 4, 9] };

test('each check is an ordinary reading of the output, its own tokens as ids', async () => {
  const { asked, found } = await outcomes(right);
  assert.deepEqual(
    found.map((o) => o.passed),
    [true, true, true, false],
  );
  assert.deepEqual(found[0].got, [-1, -2]);
  assert.equal(found[1].got, 2); // (1 + 3 + 2) / 3
  assert.deepEqual(found[2].got, [3, 4]);
  assert.equal(found[3].got, 1); // 9 − 8 is not 3
  assert.equal(asked.length, 5);
  for (const { models, runs, reads } of asked) {
    assert.deepEqual(models, { m: 'a/b@main' });
    assert.equal(runs.main.bos, false);
    assert.deepEqual(reads[0].rows, ['blocks.2.hook_resid_post']);
  }
});

test('another answer differs, and so does one that is no number', async () => {
  const { found } = await outcomes((ids, read) => {
    const { surprisal, ...tables } = /** @type {any} */ (right(ids, read));
    return { ...tables, top_id: [5, 3, 6, 9], surprisal: [Number.NaN, 1, 1] };
  });
  assert.deepEqual(
    found.map((o) => o.passed),
    [true, false, false, false],
  );
});

test('what cannot be asked has failed, and says why', async () => {
  const { found } = await outcomes((ids) => {
    if (ids.length === 4) throw new Error('too long');
    return right(ids, { track: true });
  });
  assert.equal(found[2].passed, false);
  assert.equal(found[2].got, null);
  assert.equal(found[2].problem, 'too long');
});
