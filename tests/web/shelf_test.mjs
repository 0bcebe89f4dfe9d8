// How a model's weights may be kept, in the 4 GB that WebAssembly has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRoom, choicesOf } from '../../web/src/state/shelf.js';

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

test('what is stored in F16 is not offered as F16 twice', () => {
  assert.deepEqual(choicesOf(plan(124439808, 12, 768, 2)), ['as_stored', 'q8_0']);
  assert.deepEqual(choicesOf(plan(1557611200, 48, 1600, 2)), ['q8_0']);
});

test('the smallest is offered for short prompts, and nothing where the weights alone have no room', () => {
  assert.deepEqual(choicesOf(plan(3e9, 32, 2560)), ['q8_0']);
  assert.deepEqual(choicesOf(plan(6e9, 28, 4096)), []);
});

test('a precision that has no room is refused before its bytes come, and the sentence names another', () => {
  const [xl, half, vast] = [plan(1557611200, 48, 1600), plan(124439808, 12, 768, 2), plan(6e9, 28, 4096)];
  const check = (/** @type {any} */ of, /** @type {import('#lens').Precision} */ precision) => () =>
    checkRoom('It', of, precision);
  assert.throws(check(xl, 'f16'), { code: 'no_room', message: /kept as F16.*kept as Q8_0/ });
  assert.throws(check(xl, 'as_stored'), { code: 'no_room', message: /kept as stored.*kept as Q8_0/ });
  check(xl, 'q8_0')();
  check(half, 'f16')(); // not offered, but no larger than what is
  assert.throws(check(vast, 'q8_0'), { code: 'no_room', message: /even rounded to Q8_0 its weights take 6.38 GB/ });
});
