import assert from 'node:assert/strict';
import { test } from 'node:test';
import { predictionDepth } from '../../web/src/engine/moments.js';
import { formatLogit, formatProb, formatProbFine } from '../../web/src/views/format.js';
import { story } from '../../web/src/views/story.js';
import { readoutOf } from './readout.mjs';

const [is, the, Paris, a] = [0, 1, 2, 3];
const names = ['·is', '·the', '·Paris', '·a'];

/** @param {Parameters<typeof readoutOf>[0][0]} column @param {boolean} [opens] @param {string[]} [labels] */
function told(column, opens = false, labels = undefined) {
  return story(readoutOf([{ token: is, ...column }], labels), 0, opens)
    .map((p) => (typeof p === 'string' ? p : 'prob' in p ? formatProb(p.prob) : (names[p.token] ?? `#${p.token}`)))
    .join('')
    .replaceAll('\u00a0', ' ');
}

test('the plain story', () => {
  const rows = /** @type {[number, number][]} */ ([
    [a, 0.01],
    [the, 0.02],
    [the, 0.1],
    [Paris, 0.3],
    [Paris, 0.41],
  ]);
  assert.equal(
    told({ answer: Paris, rows }),
    'After ·is the model says ·Paris with probability .41, leading since block 2; one row lower ·the led.',
  );
  assert.equal(predictionDepth(readoutOf([{ answer: Paris, rows }]), 0), 3);
});

test('without the norm even the output is a reading, not what the model says', () => {
  const readout = readoutOf([
    {
      answer: Paris,
      rows: [
        [a, 0.1],
        [Paris, 1],
      ],
    },
  ]);
  const words = story(readout, 0, false, 'none').filter((part) => typeof part === 'string');
  assert.ok(words.includes(', to which this reading without the final norm gives '));
  assert.ok(!words.some((part) => part.includes('with') && part.includes('probability')));
});

test('what came next, led and lost is told; what came next and won is not', () => {
  const next = /** @type {[number, number][]} */ ([
    [the, 0.1],
    [Paris, 0.3],
  ]);
  const sentence = (/** @type {number} */ follows) =>
    story(
      readoutOf([
        { token: is, answer: Paris, rows: next },
        { token: follows, answer: a, rows: next },
      ]),
      0,
      false,
    );
  assert.deepEqual(sentence(the).slice(-3), [
    ' The text goes on with ',
    { token: the },
    ', which led up to the embedding and lost.',
  ]);
  assert.deepEqual([sentence(Paris), sentence(a)], [sentence(is), sentence(is)]);
});

test('it led throughout', () => {
  const rows = /** @type {[number, number][]} */ ([
    [Paris, 0.2],
    [Paris, 0.9],
  ]);
  assert.equal(
    told({ answer: Paris, rows }),
    'After ·is the model says ·Paris with probability .90, leading throughout, from the embedding on.',
  );
});

test('it never led before the output', () => {
  const rows = /** @type {[number, number][]} */ ([
    [a, 0.1],
    [the, 0.2],
    [Paris, 0.6],
  ]);
  assert.equal(
    told({ answer: Paris, rows }),
    'After ·is the model says ·Paris with probability .60, leading only at the output; one row lower ·the led.',
  );
});

test('it led, was overtaken, and came back', () => {
  const rows = /** @type {[number, number][]} */ ([
    [a, 0.1],
    [Paris, 0.3],
    [the, 0.2],
    [Paris, 0.6],
    [Paris, 0.6],
  ]);
  assert.equal(
    told({ answer: Paris, rows }),
    'After ·is the model says ·Paris with probability .60, leading again since block 2 (first after block 0); one row lower ·the led.',
  );
  rows[0] = [Paris, 0.3];
  rows[3] = [the, 0.1];
  assert.equal(
    told({ answer: Paris, rows }),
    'After ·is the model says ·Paris with probability .60, leading again since the output (first at the embedding); one row lower ·the led.',
  );
});

test('a weak answer is not said aloud, and a close second is named', () => {
  const rows = /** @type {[number, number][]} */ ([
    [the, 0.01],
    [Paris, 0.07],
  ]);
  assert.equal(
    told({ answer: Paris, rows, second: [the, 0.066] }),
    'After ·is the model leans to ·Paris with probability .07, all but level with ·the .07, leading only at the output; one row lower ·the led.',
  );
  assert.equal(
    told({ answer: Paris, rows, second: [the, 0.06] }),
    'After ·is the model leans to ·Paris with probability .07, just ahead of ·the .06, leading only at the output; one row lower ·the led.',
  );
});

test('with another norm even the last row may disagree', () => {
  const rows = /** @type {[number, number][]} */ ([
    [the, 0.01],
    [the, 0.07],
  ]);
  assert.equal(predictionDepth(readoutOf([{ answer: Paris, rows }]), 0), null);
  assert.equal(
    told({ answer: Paris, rows }),
    'After ·is the model says ·Paris; read with this norm, even the last row still has ·the.',
  );
});

test('at the start, inside blocks, and before there is anything to tell', () => {
  const rows = /** @type {[number, number][]} */ ([
    [the, 0.1],
    [Paris, 0.4],
    [Paris, 0.5],
  ]);
  assert.equal(
    told({ answer: Paris, rows }, true, [
      'blocks.0.hook_resid_pre',
      'blocks.0.hook_resid_mid',
      'blocks.0.hook_resid_post',
    ]),
    'At the very start, before any text, the model says ·Paris with probability .50, leading since the middle of block 0; one row lower ·the led.',
  );
  assert.deepEqual(story(readoutOf([{ answer: -1, rows }]), 0, false), []);
});

test('numbers', () => {
  assert.deepEqual([0, 0.0049, 0.005, 0.41, 0.994, 0.996, 1, Number.NaN].map(formatProb), [
    '<.01',
    '<.01',
    '.01',
    '.41',
    '.99',
    '>.99',
    '1',
    '–',
  ]);
  assert.deepEqual([0.0004, 0.0005, 0.4127, 0.9996].map(formatProbFine), ['<.001', '.001', '.413', '>.999']);
  assert.deepEqual([12.34, -0.5, Number.NaN].map(formatLogit), ['12.3', '−0.5', '–']);
});
