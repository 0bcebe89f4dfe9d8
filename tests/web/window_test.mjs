// Which columns of a wide grid are in the document, and where they lie.
import assert from 'node:assert/strict';
import test from 'node:test';
import { columnsDrawn, GAP, geometryOf, isAway, leftOf, scrolledTo, widthOf } from '../../web/src/views/window.js';

const sizes = { room: 800, names: 110, opening: 48, least: 68, most: 116 };

test('columns share the room there is, between the least width and the most', () => {
  for (let positions = 1; positions < 40; positions++)
    for (const opens of [true, false]) {
      const g = geometryOf(sizes, positions, opens);
      const width = g.column - GAP;
      assert.ok(width >= sizes.least && width <= sizes.most, String(width));
      assert.equal(g.opening - GAP, opens ? sizes.opening : width);
      const fit = leftOf(g, positions) <= g.room;
      if (width > sizes.least) assert.ok(fit || g.room % g.column === 0, `${positions} columns in ${g.room}`);
      if (width < sizes.most && width > sizes.least) assert.ok(g.room - leftOf(g, positions) < 20 + positions);
    }
});

for (const positions of [1, 2, 9, 250, 1024])
  test(`of ${positions} columns, those in sight and the selected one are drawn, each where it belongs`, () => {
    const g = geometryOf(sizes, positions, true);
    const most = Math.max(0, leftOf(g, positions) - g.room);
    for (let scrolled = 0; scrolled <= most; scrolled += Math.max(1, most / 37))
      for (const selected of [0, 1, positions >> 1, positions - 1].filter((p) => p < positions)) {
        const columns = columnsDrawn(g, scrolled, selected);
        assert.ok(columns.length <= 32);
        assert.ok(columns.includes(selected));
        const whole = columns.filter((p) => !isAway(p));
        assert.deepEqual(
          whole,
          [...new Set(whole)].sort((a, b) => a - b),
        );
        for (let p = 0; p < positions; p++)
          if (leftOf(g, p + 1) > scrolled && leftOf(g, p) < scrolled + g.room)
            assert.ok(columns.includes(p), `${p} in sight at ${scrolled}`);
        // Laid side by side from where the first begins, every column comes to lie in its place.
        let x = leftOf(g, columns[0]);
        for (const [i, p] of columns.entries()) {
          if (!isAway(p)) assert.equal(x, leftOf(g, p));
          assert.ok(widthOf(g, columns, i) > 0);
          x += widthOf(g, columns, i) + GAP;
        }
      }
  });

test('scrolled to the last column, the first in sight is whole', () => {
  for (let positions = 9; positions < 60; positions++)
    for (const room of [798, 800, 1001]) {
      const g = geometryOf({ ...sizes, room }, positions, true);
      const scrolled = scrolledTo(g, positions - 1, 0);
      if (scrolled === 0) continue;
      const begins = Array.from({ length: positions }, (_, p) => leftOf(g, p));
      assert.ok(begins.includes(scrolled), `${positions} columns in ${room}`);
      assert.ok(g.rest < g.column && g.room + g.rest === room - sizes.names - 2 * GAP);
    }
});

test('no more is scrolled than brings a column into sight', () => {
  const g = geometryOf(sizes, 100, true);
  for (const from of [0, 500, 3000])
    for (let p = 0; p < 100; p++) {
      const to = scrolledTo(g, p, from);
      assert.ok(leftOf(g, p) >= to && leftOf(g, p + 1) <= to + g.room);
      if (leftOf(g, p) >= from && leftOf(g, p + 1) <= from + g.room) assert.equal(to, from);
    }
});
