import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readout } from '../../web/src/engine/readout.js';
import {
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
