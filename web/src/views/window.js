// Which columns of a wide grid are worth having in the document: those in sight, and some on either side, so that most
// scrolling draws nothing. Pure geometry, in px from the left edge of the first column.

export const CHUNK = 2;
const BESIDE = 4; // columns on either side

/** @typedef {{opening: number, column: number, positions: number}} Geometry  widths with their gap; opening: of column 0 */

/** Where a column begins. @param {Geometry} g @param {number} position */
export function leftOf({ opening, column }, position) {
  return position === 0 ? 0 : opening + (position - 1) * column;
}

/** The column at a place. @param {Geometry} g @param {number} x */
function columnAt({ opening, column }, x) {
  return x < opening ? 0 : 1 + Math.floor((x - opening) / column);
}

/**
 * @param {Geometry} g
 * @param {number} from  what is in sight
 * @param {number} to
 * @returns {{first: number, end: number}} whole chunks, so that a scroll seldom changes them
 */
export function columnsAround(g, from, to) {
  const first = Math.max(0, Math.floor((columnAt(g, from) - BESIDE) / CHUNK) * CHUNK);
  const end = Math.min(g.positions, Math.ceil((columnAt(g, Math.max(from, to)) + 1 + BESIDE) / CHUNK) * CHUNK);
  return { first: Math.min(first, Math.max(0, g.positions - 1)), end };
}

/**
 * How far to scroll so that a column is in sight beside what sticks on the left.
 * @param {Geometry} g @param {number} position @param {number} scrolled @param {number} room of the columns
 */
export function scrolledTo(g, position, scrolled, room) {
  const [left, right] = [leftOf(g, position), leftOf(g, position + 1)];
  if (left < scrolled) return Math.max(0, left - 8);
  return right > scrolled + room ? right - room + 8 : scrolled;
}
