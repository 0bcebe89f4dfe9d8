// Pearson's r, as the page has it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { correlation, FEWEST } from '../../web/src/engine/correlation.js';

const x = Array.from({ length: 24 }, (_, i) => i);

test('r of a line is 1 or −1, and of what has nothing to do with it 0', () => {
  assert.ok(
    Math.abs(
      correlation(
        x,
        x.map((v) => 3 * v - 7),
      ) - 1,
    ) < 1e-12,
  );
  assert.ok(
    Math.abs(
      correlation(
        x,
        x.map((v) => -v),
      ) + 1,
    ) < 1e-12,
  );
  assert.ok(
    Math.abs(
      correlation(
        x,
        x.map((v) => Math.abs(v - 11.5)),
      ),
    ) < 1e-12,
  );
});

test('r is the engine’s formula: covariance over both deviations', () => {
  const y = x.map((v) => Math.sin(v));
  const sum = (/** @type {number[]} */ v) => v.reduce((a, b) => a + b, 0);
  const n = x.length;
  const [sx, sy] = [sum(x), sum(y)];
  const top = n * sum(x.map((v, i) => v * y[i])) - sx * sy;
  const bottom = Math.sqrt((n * sum(x.map((v) => v * v)) - sx ** 2) * (n * sum(y.map((v) => v * v)) - sy ** 2));
  assert.ok(Math.abs(correlation(x, y) - top / bottom) < 1e-12);
});

test('there is none of fewer than 20, and none where a side does not vary', () => {
  assert.ok(Number.isNaN(correlation(x.slice(0, FEWEST - 1), x.slice(0, FEWEST - 1))));
  assert.ok(Number.isFinite(correlation(x.slice(0, FEWEST), x.slice(0, FEWEST))));
  assert.ok(
    Number.isNaN(
      correlation(
        x,
        x.map(() => 4),
      ),
    ),
  );
});
