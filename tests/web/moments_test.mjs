import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moments, nextToken } from '../../web/src/engine/moments.js';
import { readoutOf } from './readout.mjs';

const [is, the, Paris, a] = [0, 1, 2, 3];
const rows = /** @type {[number, number][]} */ ([
  [a, 0.01],
  [Paris, 0.3],
  [the, 0.1],
  [Paris, 0.41],
]);

test('who took the lead from whom, when it was settled and when it first showed', () => {
  const { depth, first, flips, peak } = moments(readoutOf([{ token: is, answer: Paris, rows }]), 0, -1);
  assert.equal(depth, 3);
  assert.equal(first, 1);
  assert.deepEqual(
    flips.map(({ row, from, to, by }) => [row, from, to, by]),
    [
      [1, a, Paris, 'block'],
      [2, Paris, the, 'block'],
      [3, the, Paris, 'block'],
    ],
  );
  for (const { margin } of flips) assert.ok(Math.abs(margin - Math.log(4)) < 1e-5); // the second has a quarter
  assert.deepEqual(peak, { row: 0, nats: 1 });
});

test('between mid rows a turn is attention’s or the MLP’s', () => {
  const labels = ['resid_pre', 'resid_mid', 'resid_post', 'resid_mid'].map(
    (site, i) => `blocks.${i >> 1}.hook_${site}`,
  );
  const { flips } = moments(readoutOf([{ token: is, answer: Paris, rows }], labels), 0, -1);
  assert.deepEqual(
    flips.map((f) => f.by),
    ['attention', 'mlp', 'attention'],
  );
});

test('what came next is right throughout, corrected, lost or never led', () => {
  const outcome = (/** @type {number} */ target, answer = Paris) =>
    moments(readoutOf([{ token: is, answer, rows }]), 0, target).target;
  assert.deepEqual(outcome(Paris), { id: Paris, outcome: 'corrected', row: 3 });
  assert.deepEqual(outcome(the), { id: the, outcome: 'lost', row: 2 });
  assert.deepEqual(outcome(is), { id: is, outcome: 'never', row: -1 });
  assert.equal(outcome(-1), null);
  const steady = readoutOf([
    {
      token: is,
      answer: Paris,
      rows: [
        [Paris, 0.4],
        [Paris, 0.5],
      ],
    },
  ]); // prettier-ignore
  assert.deepEqual(moments(steady, 0, Paris).target, { id: Paris, outcome: 'throughout', row: -1 });
  assert.deepEqual(moments(steady, 0, -1).flips, []);
});

test('after the last position nothing comes', () => {
  const readout = readoutOf([
    { token: is, answer: Paris, rows },
    { token: the, answer: Paris, rows },
  ]);
  assert.deepEqual([nextToken(readout, 0), nextToken(readout, 1)], [the, -1]);
});
