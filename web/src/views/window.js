// Where the columns of a wide grid lie, and which of them are worth having in the document: those in sight, some on
// either side, so that most scrolling draws nothing, and the selected one wherever it is, so that the focus and the tab
// order always have their cell. Pure geometry, in px from the left edge of the first column.

export const GAP = 2; // between cells, as grid.css has it
export const CHUNK = 2;
const BESIDE = 4; // columns on either side
const SLACK = 12;
const INSET = 8; // of a column scrolled to

/**
 * @typedef {object} Sizes  as the style sheet has them
 * @property {number} room     of the whole table
 * @property {number} names    of the rows
 * @property {number} opening  the column of a token that only opens the text
 * @property {number} least    any other column
 * @property {number} most
 *
 * @typedef {{opening: number, column: number, positions: number, room: number, rest: number}} Geometry
 *   widths with their gap; opening: of column 0; room: of the columns in sight; rest: what is left over beside them
 */

/**
 * Columns as wide as there is room for all of them, or else for as many whole ones as there can be: scrolled to the right,
 * no word is cut on the left.
 * @param {Sizes} sizes @param {number} positions @param {boolean} opens whether column 0 only opens the text
 */
export function geometryOf({ room, names, opening, least, most }, positions, opens) {
  const free = room - names - SLACK - (opens ? opening + GAP : 0);
  const tokens = Math.max(1, positions - (opens ? 1 : 0));
  const fitting = Math.max(least, Math.min(most, Math.floor(free / tokens) - GAP)) + GAP;
  const sight = room - names - 2 * GAP;
  const whole = fitting * tokens > free ? Math.floor(sight / fitting) : 0;
  const column = whole > 0 ? Math.floor(sight / whole) : fitting;
  const rest = whole > 0 ? sight - whole * column : 0;
  return { positions, column, opening: opens ? opening + GAP : column, room: sight - rest, rest };
}

/** Where a column begins. @param {Geometry} g @param {number} position */
export function leftOf({ opening, column }, position) {
  return position === 0 ? 0 : opening + (position - 1) * column;
}

/** The column at a place. @param {Geometry} g @param {number} x */
function columnAt({ opening, column }, x) {
  return x < opening ? 0 : 1 + Math.floor((x - opening) / column);
}

/**
 * The columns to draw, from left to right, in whole chunks, so that a scroll seldom changes them.
 * @param {Geometry} g
 * @param {number} scrolled
 * @param {number} selected
 * @returns {number[]} ascending; a number between two positions stands for all the columns between, that are left out
 */
export function columnsDrawn(g, scrolled, selected) {
  const last = Math.max(0, g.positions - 1);
  const first = Math.min(last, Math.max(0, Math.floor((columnAt(g, scrolled) - BESIDE) / CHUNK) * CHUNK));
  const end = Math.min(g.positions, Math.ceil((columnAt(g, scrolled + g.room) + 1 + BESIDE) / CHUNK) * CHUNK);
  const near = Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
  if (selected < first) return [selected, ...(selected < first - 1 ? [first - 0.5] : []), ...near];
  if (selected >= end && selected <= last && end > 0)
    return [...near, ...(selected > end ? [end - 0.5] : []), selected];
  return near;
}

/** Whether it stands for columns that are left out. @param {number} column one of columnsDrawn */
export function isAway(column) {
  return !Number.isInteger(column);
}

/** How wide the i-th of these columns is. @param {Geometry} g @param {number[]} columns @param {number} i */
export function widthOf(g, columns, i) {
  const [from, to] = isAway(columns[i]) ? [columns[i - 1] + 1, columns[i + 1]] : [columns[i], columns[i] + 1];
  return leftOf(g, to) - leftOf(g, from) - GAP;
}

/**
 * How far to scroll so that a column is in sight beside what sticks on the left.
 * @param {Geometry} g @param {number} position @param {number} scrolled
 */
export function scrolledTo(g, position, scrolled) {
  const [left, right] = [leftOf(g, position), leftOf(g, position + 1)];
  if (left < scrolled) return Math.max(0, left - INSET);
  return right > scrolled + g.room ? right - g.room : scrolled;
}
