// Which tokens the chart of a position follows, and their lines. Pure: Readouts in, numbers out.

/** @typedef {import('../engine/readout.js').Readout} Readout */
/** @typedef {import('../engine/readout.js').Guess} Guess */
/** @typedef {{id: number, role: 'answer' | 'pin' | 'top', points: Guess[]}} Line  a point for each row, bottom first */

const MAX_TRACKED = 100; // by one read
export const MAX_LINES = 8; // pins not counted

/**
 * Tokens that are on top in any row at this position, the answer and the pins.
 * @param {Readout} readout
 * @param {number} position
 * @param {number[]} pins
 * @returns {number[]} none twice
 */
export function followed(readout, position, pins) {
  const tops = readout.rows.map((_, row) => readout.topId(row, position));
  return [...new Set([readout.answer(position), ...pins, ...tops.reverse()])]
    .filter((id) => id >= 0)
    .slice(0, MAX_TRACKED);
}

/**
 * The answer's line first, then the pins', then the other tokens' in the order of their best probability at any row.
 * @param {Readout} trace  a read of one position that tracked what is followed
 * @param {number[]} pins
 * @returns {Line[]}
 */
export function lines(trace, pins) {
  const answer = trace.answer(0);
  const all = trace.track.map((id, i) => ({
    id,
    role: /** @type {Line['role']} */ (id === answer ? 'answer' : pins.includes(id) ? 'pin' : 'top'),
    points: trace.rows.map((_, row) => trace.trackGuess(row, 0, i)),
  }));
  const best = (/** @type {Line} */ line) => Math.max(...line.points.map((p) => p.prob));
  const of = (/** @type {Line['role']} */ role) => all.filter((line) => line.role === role);
  const tops = of('top').sort((a, b) => best(b) - best(a));
  return [...of('answer'), ...of('pin'), ...tops.slice(0, MAX_LINES - 1)];
}

/**
 * Heights for labels that want to be at `wanted`: at least `gap` apart and inside [from, to], in the order wanted,
 * moved as little as that takes.
 * @param {number[]} wanted
 * @param {number} gap
 * @param {number} from
 * @param {number} to
 */
export function apart(wanted, gap, from, to) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const placed = [...wanted];
  let low = from;
  for (const i of order) {
    placed[i] = Math.max(low, placed[i]);
    low = placed[i] + gap;
  }
  let high = to;
  for (const i of order.reverse()) {
    placed[i] = Math.min(high, placed[i]);
    high = placed[i] - gap;
  }
  return placed;
}
