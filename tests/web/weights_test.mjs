import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byName, endsOf, feedersOf, memoriesOf, pairsOf, promotersOf } from '../../web/src/engine/weights.js';
import { neuronNamed } from '../../web/src/views/neuron.js';

/** @param {string} name @param {number[]} sizes @param {number[]} data @param {number} [read] @returns {import('../../web/src/engine/readout.js').Table} */
const table = (name, sizes, data, read = 0) => ({
  ...{ run: '', read, name, unit: '', dtype: 'f32' },
  dims: sizes.map((size) => ({ name: '', size, labels: null })),
  data: new Float32Array(data),
});

test('tables of one read by name', () => {
  const tables = [table('a', [1], [1]), table('a', [1], [2], 1)];
  assert.equal(byName(tables).a.data[0], 1);
  assert.equal(byName(tables, 1).a.data[0], 2);
});

test('memories in their order, each with both of its ends', () => {
  const list = memoriesOf(
    byName([
      table('neuron', [2], [7, 3]),
      table('activation', [2], [-1, 2]),
      table('weight', [2], [5, 4]),
      table('effect', [2], [0.5, -0.25]),
      table('explained', [2], [0.5, 0.75]),
      table('promoted_id', [2, 2], [1, 2, 3, 4]),
      table('promoted_logit', [2, 2], [9, 8, 7, 6]),
      table('suppressed_id', [2, 1], [5, 6]),
      table('suppressed_logit', [2, 1], [-9, -8]),
    ]),
  );
  assert.deepEqual(list[1], {
    ...{ neuron: 3, activation: 2, weight: 4, effect: -0.25, explained: 0.75 },
    promoted: [
      { id: 3, logit: 7 },
      { id: 4, logit: 6 },
    ],
    suppressed: [{ id: 6, logit: -8 }],
  });
});

test('ends without an outer dimension, pairs, promoters', () => {
  const tables = byName([
    table('key_promoted_id', [2], [1, 2]),
    table('key_promoted_logit', [2], [3, 2]),
    table('key_suppressed_id', [0], []),
    table('key_suppressed_logit', [0], []),
    table('ov_best_from', [1], [4]),
    table('ov_best_to', [1], [5]),
    table('ov_best_score', [1], [6]),
    table('layer', [1], [7]),
    table('neuron', [1], [8]),
    table('logit', [1], [9]),
  ]);
  assert.deepEqual(endsOf(tables, 'key_'), {
    promoted: [
      { id: 1, logit: 3 },
      { id: 2, logit: 2 },
    ],
    suppressed: [],
  });
  assert.deepEqual(pairsOf(tables, 'ov', 'best'), [{ from: 4, to: 5, score: 6 }]);
  assert.deepEqual(promotersOf(tables), [{ layer: 7, neuron: 8, logit: 9 }]);
});

test('the heads that feed one are those in lower blocks, best first', () => {
  const nan = Number.NaN;
  const tables = byName([table('q_composition', [3, 3], [nan, nan, nan, 0.5, nan, nan, 0.125, 0.25, nan])]);
  assert.deepEqual(feedersOf(tables, 'q', 0, 2), []);
  assert.deepEqual(feedersOf(tables, 'q', 2, 1), [{ first: 1, score: 0.25 }]);
});

test('a neuron’s name is taken from a link only where there is such a neuron', () => {
  const info = /** @type {any} */ ({ n_layer: 8, d_mlp: 1024 });
  assert.deepEqual(neuronNamed('L7N1023', info), { name: 'L7N1023', layer: 7, neuron: 1023 });
  for (const name of ['L8N0', 'L0N1024', 'L0N', 'N1', '', 'l0n0', 'L0N1 ', null, 7, {}, ['L1N1']])
    assert.equal(neuronNamed(name, info), null);
});
