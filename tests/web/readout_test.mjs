import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readout } from '../../web/src/engine/readout.js';
import {
  lensesNamed,
  newExperiment,
  promptOf,
  sameQuestion,
  selectionOf,
  shownModel,
  shownRead,
  withPrompt,
  withSelection,
} from '../../web/src/state/experiment.js';
import { tablesOf } from './readout.mjs';

const columns = [
  {
    token: 9,
    answer: 2,
    rows: /** @type {[number, number][]} */ ([
      [5, 0.1],
      [2, 0.5],
    ]),
  },
  {
    token: 8,
    answer: 3,
    rows: /** @type {[number, number][]} */ ([
      [3, 0.2],
      [3, 0.8],
    ]),
  },
];

test('cells are found by row and position, logits are centred', () => {
  const r = new Readout(tablesOf(columns), 0);
  assert.deepEqual([r.rows.length, r.positions, r.top], [2, 2, 2]);
  assert.deepEqual([r.token(1), r.answer(1), r.topId(0, 0), r.topId(1, 0)], [8, 3, 5, 2]);
  assert.ok(Math.abs(r.answerProb(1, 1) - 0.8) < 1e-6);
  const [first] = r.guesses(1, 1);
  assert.ok(Math.abs(first.logit - (Math.log(0.8) + 12)) < 1e-5);
  assert.ok(Math.abs(r.answerGuess(1, 1).logit - first.logit) < 1e-5);
  assert.equal(r.answerGuess(0, 0).rank, 40);
});

test('what was asked for besides is read by token and by set, and absent where nobody asked', () => {
  const plain = new Readout(tablesOf(columns), 0);
  assert.deepEqual([plain.track, plain.sets, plain.inputRank(0, 0)], [[], [], -1]);
  assert.ok(Number.isNaN(plain.surprisal(0, 1)) && Number.isNaN(plain.inputProb(0, 0)));

  const [row, position] = plain.tables[1].dims;
  const track = { name: 'track', size: 2, labels: ['x', 'y'] };
  const set = { name: 'set', size: 1, labels: ['both'] };
  /** @type {(name: string, dims: any[], dtype: 'f32' | 'i32', data: number[]) => import('../../web/src/engine/readout.js').Table} */
  const table = (name, dims, dtype, data) => ({
    ...{ run: 'main', read: 0, name, dims, unit: '', dtype },
    data: dtype === 'f32' ? Float32Array.from(data) : Int32Array.from(data),
  });
  const tracked = [
    table('track_id', [track], 'i32', [7, 4]),
    table('track_logit', [row, position, track], 'f32', [0, 1, 2, 3, 4, 5, 6, 7]),
    table('track_prob', [row, position, track], 'f32', [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]),
    table('track_rank', [row, position, track], 'i32', [1, 2, 3, 4, 5, 6, 7, 8]),
    table('set_prob', [row, position, set], 'f32', [0.25, 0.5, 0.75, 1]),
    table('answer_logit', [row, position], 'f32', [3, 4, 5, 6]),
    table('input_rank', [row, position], 'i32', [9, 8, 7, 6]),
  ];
  const r = new Readout([...tablesOf(columns), ...tracked], 0);
  assert.deepEqual(r.track, [7, 4]);
  assert.deepEqual(r.trackGuess(1, 0, 1), { id: 4, prob: 0.625, logit: 7, rank: 6 });
  assert.equal(r.setProb(1, 0, 0), 0.75);
  assert.equal(r.answerGuess(1, 1).logit, 8); // the engine's own, centred: not from the probability
  assert.equal(r.inputRank(1, 0), 7);
  assert.throws(() => new Readout([...tablesOf(columns), { ...tracked[0], dims: [row] }], 0), /“track_id” is \[row\]/);
});

test('tables of the wrong shape, or missing, are refused by name', () => {
  const tables = tablesOf(columns);
  assert.throws(() => new Readout(tables, 1), /“token” for read 1/);
  assert.throws(
    () =>
      new Readout(
        tables.filter((t) => t.name !== 'kl'),
        0,
      ),
    /“kl”/,
  );
  const short = tables.map((t) => (t.name === 'kl' ? { ...t, data: t.data.slice(1) } : t));
  assert.throws(() => new Readout(short, 0), /“kl” is \[row, position\] with 3 values/);
});

test('an Experiment keeps what the page does not know', () => {
  /** @type {import('../../web/src/state/experiment.js').Experiment} */
  const e = { ...newExperiment('primer', 'a', true), lesson: 'x' };
  e.runs.main.note = 1;
  const b = withPrompt(e, 'b');
  assert.equal(promptOf(b), 'b');
  assert.equal(promptOf(e), 'a');
  assert.equal(b.lesson, 'x');
  assert.equal(b.runs.main.note, 1);
  assert.equal(sameQuestion(e, b), false);
  const selected = withSelection(b, { position: 3, row: 'blocks.1.hook_resid_post' });
  assert.deepEqual(selectionOf(selected), { position: 3, row: 'blocks.1.hook_resid_post' });
  assert.deepEqual(selectionOf(withSelection(selected, { position: -1, row: null })), { position: -1, row: null });
  assert.ok(sameQuestion(b, selected));
  assert.equal(shownModel(e), 'primer');
});

test('typing replaces ids, and a document without a lens has no read to show', () => {
  const ids = {
    v: 1,
    models: { m: 'x' },
    runs: { r: { ids: [1, 2] } },
    reads: [{ what: 'activations' }, { what: 'lens' }],
  };
  assert.equal(promptOf(ids), null);
  assert.equal(shownRead(ids), 1);
  assert.equal(shownModel(ids), 'x');
  assert.deepEqual(withPrompt(ids, 'a').runs.r, { prompt: 'a' });
  assert.equal(shownRead({ v: 1, reads: [] }), -1);
  assert.deepEqual(selectionOf({ view: { position: 'x', row: 4 } }), { position: -1, row: null });
});

test('every lens that a read names is found, with the model that it is for', () => {
  const e = {
    ...{ v: 1, models: { a: 'primer', b: 'other' } },
    runs: { main: { model: 'a', prompt: 'x' }, second: { model: 'b', prompt: 'x' } },
    reads: [
      { what: 'lens', run: 'main', lens: 'raw', beside: 'tuned' },
      { what: 'lens', run: 'second', lens: 'jacobian' },
      { what: 'lens', run: 'main', lens: 3 },
    ],
  };
  assert.deepEqual(lensesNamed(e), [
    { ref: 'primer', name: 'tuned' },
    { ref: 'other', name: 'jacobian' },
  ]);
  assert.deepEqual(lensesNamed({ models: { m: 'p' }, runs: { r: {} }, reads: [{ lens: 'tuned' }] }), [
    { ref: 'p', name: 'tuned' },
  ]);
  assert.deepEqual(lensesNamed({}), []);
});
