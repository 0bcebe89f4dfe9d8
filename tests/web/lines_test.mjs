import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Readout } from '../../web/src/engine/readout.js';
import { formatRank } from '../../web/src/views/format.js';
import { apart, followed, lines, MAX_LINES } from '../../web/src/views/lines.js';
import { readoutOf, tablesOf } from './readout.mjs';

/** @type {(...rows: [number, number][]) => Parameters<typeof tablesOf>[0]} */
const column = (...rows) => [{ answer: 2, rows }];

test('the chart follows the answer, the pins and whatever was on top, none twice', () => {
  const readout = readoutOf(column([5, 0], [4, 0.1], [5, 0.2], [2, 0.8]));
  assert.deepEqual(followed(readout, 0, [4, 8]), [2, 4, 8, 5]);
  assert.deepEqual(followed(readoutOf([{ answer: -1, rows: [[-1, Number.NaN]] }]), 0, []), []);
});

/** A read of one position that tracked these tokens. @param {Record<number, number[]>} probs of each row */
function traceOf(probs) {
  const ids = Object.keys(probs).map(Number);
  const rows = /** @type {[number, number][]} */ (probs[ids[0]].map((p) => [2, p]));
  const tables = tablesOf(column(...rows));
  const [row, position] = tables[1].dims;
  const track = { name: 'track', size: ids.length, labels: null };
  const cells = rows.flatMap((_, r) => ids.map((id) => probs[id][r]));
  /** @type {(name: string, dims: any[], data: any) => import('../../web/src/engine/readout.js').Table} */
  const table = (name, dims, data) => ({ run: 'main', read: 0, name, dims, unit: '', dtype: 'f32', data });
  return new Readout(
    [
      ...tables,
      { ...table('track_id', [track], Int32Array.from(ids)), dtype: 'i32' },
      table('track_prob', [row, position, track], Float32Array.from(cells)),
      table('track_logit', [row, position, track], Float32Array.from(cells)),
      table('track_rank', [row, position, track], Int32Array.from(cells.map(() => 3))),
    ],
    0,
  );
}

test('the answer leads, pins follow, the others come by their best probability at any row', () => {
  const trace = traceOf({ 2: [0.125, 0.5], 7: [0, 0.25], 9: [0.75, 0], 8: [0, 0] });
  assert.deepEqual(
    lines(trace, [8]).map((l) => [l.id, l.role]),
    [
      [2, 'answer'],
      [8, 'pin'],
      [9, 'top'],
      [7, 'top'],
    ],
  );
  assert.deepEqual(
    lines(trace, [])[1].points.map((p) => p.prob),
    [0.75, 0],
  );
  const many = traceOf(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i, [i / 32, 0]])));
  assert.equal(lines(many, []).length, MAX_LINES);
  assert.deepEqual(
    lines(many, []).map((l) => l.id),
    [2, 19, 18, 17, 16, 15, 14, 13],
  );
});

test('labels move apart, no farther than they must, and stay inside', () => {
  assert.deepEqual(apart([10, 50, 90], 14, 0, 100), [10, 50, 90]);
  assert.deepEqual(apart([100, 100, 100], 14, 0, 100), [72, 86, 100]);
  assert.deepEqual(apart([0, 0, 50], 14, 0, 100), [0, 14, 50]);
  let seed = 7;
  for (let n = 0; n < 200; n++) {
    const wanted = Array.from({ length: 8 }, () => {
      seed = (seed * 48271) % 2147483647;
      return seed % 120;
    });
    const placed = apart(wanted, 14, 0, 120).sort((a, b) => a - b);
    placed.forEach((y, i) => {
      assert.ok(y >= 0 && y <= 120 && (i === 0 || y - placed[i - 1] >= 14 - 1e-9), String(placed));
    });
  }
});

test('ranks are short', () => {
  assert.deepEqual([1, 999, 1000, 2345, 9949, 9950, 50257, -1].map(formatRank), [
    '1',
    '999',
    '1.0k',
    '2.3k',
    '9.9k',
    '10k',
    '50k',
    '–',
  ]);
});

test('Plot’s style element, which the page leaves out, says nothing that chart.css does not', () => {
  const plot = readFileSync(new URL('../../web/node_modules/@observablehq/plot/src/plot.js', import.meta.url), 'utf8');
  const [, css] = /append\("style"\)\.text\(\s*`([^`]*)`/.exec(plot) ?? [];
  assert.equal(
    css?.replace(/\s+/g, ' ').replaceAll(/\.\$\{\w+\}/g, '.plot'),
    ':where(.plot) { --plot-background: white; display: block; height: auto; height: intrinsic; max-width: 100%; } ' +
      ':where(.plot text), :where(.plot tspan) { white-space: pre; }',
  );
  assert.equal(plot.match(/append\("style"\)/g)?.length, 1);
});
