// How a model's weights may be kept, in the 4 GB that WebAssembly has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choicesOf } from '../../web/src/state/shelf.js';

/** GPT-2 of the hub, in F32. @param {number} n_param @param {number} n_layer @param {number} d_model @param {number} [stored] bytes a weight */
const plan = (n_param, n_layer, d_model, stored = 4) => {
  const kept = { as_stored: stored * n_param, f16: Math.min(stored, 2) * n_param, q8_0: (34 / 32) * n_param };
  return { kept, n_ctx: 1024, n_layer, d_model };
};

test('a precision that leaves no room for a run of the whole context is not offered', () => {
  assert.deepEqual(choicesOf(plan(124439808, 12, 768)), ['as_stored', 'f16', 'q8_0']);
  assert.deepEqual(choicesOf(plan(354823168, 24, 1024)), ['as_stored', 'f16', 'q8_0']);
  assert.deepEqual(choicesOf(plan(774030080, 36, 1280)), ['f16', 'q8_0']);
  assert.deepEqual(choicesOf(plan(1557611200, 48, 1600)), ['q8_0']);
});

test('what is stored in F16 is not offered as F16 twice, and one choice is always left', () => {
  assert.deepEqual(choicesOf(plan(124439808, 12, 768, 2)), ['as_stored', 'q8_0']);
  assert.deepEqual(choicesOf(plan(1557611200, 48, 1600, 2)), ['q8_0']);
  assert.deepEqual(choicesOf(plan(6e9, 28, 4096)), ['q8_0']);
});
