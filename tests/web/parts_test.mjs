import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Parts } from '../../web/src/engine/parts.js';
import { divergingClass } from '../../web/src/style/scale.js';
import { formatSigned } from '../../web/src/views/format.js';

const dim = (/** @type {string} */ name, /** @type {number} */ size, /** @type {string[] | null} */ labels = null) => ({
  name,
  size,
  labels,
}); // prettier-ignore
const table = (/** @type {string} */ name, /** @type {any[]} */ dims, /** @type {number[]} */ data, ids = false) => ({
  ...{ run: 'main', read: 0, name, dims, unit: '', dtype: /** @type {'f32' | 'i32'} */ (ids ? 'i32' : 'f32') },
  data: ids ? new Int32Array(data) : new Float32Array(data),
});

// Two blocks of two heads; the second one's MLP comes after the row.
const [layer, head, key, neuron] = [dim('layer', 2), dim('head', 2), dim('key position', 3), dim('neuron', 2)];
const parts = new Parts([
  table('token', [dim('position', 3)], [7, 8, 9], true),
  table('of', [dim('of', 2)], [5, 6], true),
  table('total', [dim('total', 4)], [1.5, 1.25, 0.25, 9]),
  table('outside', [dim('part', 3, ['W_E', 'W_pos', 'ln_f bias'])], [0.5, 0, -0.25]),
  table('head', [layer, head], [1, -3, 0.125, 2]),
  table('attn_bias', [layer], [0.0625, 0]),
  table('mlp', [layer], [-0.75, Number.NaN]),
  table('mlp_bias', [layer], [0.03125, Number.NaN]),
  table(
    'source',
    [layer, head, key],
    Array.from({ length: 12 }, (_, i) => i),
  ),
  table(
    'pattern',
    [layer, head, key],
    Array.from({ length: 12 }, (_, i) => i / 12),
  ),
  table('neuron_id', [layer, neuron], [17, 3, -1, -1], true),
  table('neuron', [layer, neuron], [-0.5, 0.25, Number.NaN, Number.NaN]),
  table('neuron_activation', [layer, neuron], [2, -0.125, Number.NaN, Number.NaN]),
]);

test('the parts stand by weight, and what stands after the row is none', () => {
  assert.deepEqual(
    parts.list.slice(0, 4).map((p) => [p.kind, p.layer, p.head, p.logit]),
    [
      ['head', 0, 1, -3],
      ['head', 1, 1, 2],
      ['head', 0, 0, 1],
      ['mlp', 0, -1, -0.75],
    ],
  );
  assert.equal(parts.list.length, 3 + 4 + 2 + 1 + 1);
  assert.deepEqual([parts.shown, parts.remainder, parts.size, parts.most], [1.5, 0.25, 9, 3]);
  assert.deepEqual([parts.of, parts.layers, parts.heads], [[5, 6], 2, 2]);
  assert.ok(Number.isNaN(parts.mlp(1)));
});

test('a head has its sources, an MLP its neurons', () => {
  assert.deepEqual([...parts.sources(1, 0)], [6, 7, 8]);
  assert.deepEqual(
    [...parts.attention(0, 1)].map((a) => Math.round(12 * a)),
    [3, 4, 5],
  ); // prettier-ignore
  assert.deepEqual(parts.neurons(0), [
    { id: 17, logit: -0.5, activation: 2 },
    { id: 3, logit: 0.25, activation: -0.125 },
  ]);
  assert.deepEqual(parts.neurons(1), []);
});

test('a signed value is warm above zero and cool below, and says its sign', () => {
  assert.deepEqual(
    [3, -3, 1.5, 0, -0.001, Number.NaN].map((v) => divergingClass(v, 3)),
    ['p100', 'q100', 'p50', 'p0', 'q0', ''],
  );
  assert.equal(divergingClass(0, 0), 'p0');
  assert.deepEqual([1.234, -0.5, 0.004, -0.004, 12, Number.NaN].map(formatSigned), [
    '+1.23',
    '−.50',
    '0',
    '0',
    '+12.00',
    '–',
  ]);
});
