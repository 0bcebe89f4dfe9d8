// What happened at one position, from the embedding to the output, as one sentence. Pure: a Readout in, parts out;
// the words are in strings.js.
import { moments, nextToken } from '../engine/moments.js';
import { rowName, story as words } from '../strings.js';
import { formatNats, formatProb } from './format.js';

/** @typedef {import('../strings.js').Part} Part */

/**
 * @param {import('../engine/readout.js').Readout} readout
 * @param {number} position
 * @param {boolean} opens whether this is the token that only opens the text
 * @param {string} [norm] that the rows are read with
 * @returns {Part[]} empty while the column is not computed
 */
export function story(readout, position, opens, norm) {
  if (!readout.has(position)) return [];
  return [...decided(readout, position, opens, norm), ...changed(readout, position), ...lost(readout, position)];
}

/**
 * @param {import('../engine/readout.js').Readout} readout
 * @param {number} position
 * @param {boolean} opens
 * @param {string | undefined} norm
 * @returns {Part[]}
 */
function decided(readout, position, opens, norm) {
  const last = readout.rows.length - 1;
  const answer = { token: readout.answer(position) };
  const where = opens ? words.atTheStart() : words.after({ token: readout.token(position) });
  const { depth, first: seen } = moments(readout, position, -1);
  if (depth === null) {
    const reads = { token: readout.topId(last, position) };
    return [...where, ...words.says(answer), ...words.neverHere(reads)];
  }

  const [first, second] = readout.guesses(last, position);
  const says = first.prob < 0.1 ? words.leansTo : words.says;
  const close = second && second.prob > 0.8 * first.prob;
  // Two numbers that look the same are no lead.
  const level = second && formatProb(second.prob) === formatProb(first.prob);
  const beside = level ? words.levelWith : words.justAheadOf;
  const head = [
    ...where,
    ...says(answer),
    ...(norm === 'none' ? words.withoutNorm : words.with)({ prob: first.prob }),
    ...(close ? beside({ token: second.id }, { prob: second.prob }) : []),
  ];
  if (depth === 0) return [...head, ...words.throughout()];

  const before = { token: readout.topId(depth - 1, position) };
  if (seen !== null && seen < depth)
    return [...head, ...words.again(rowName(readout.rows[seen]), since(readout, depth), before)];
  if (depth === last) return [...head, ...words.onlyAtTheOutput(before)];
  return [...head, ...words.since(since(readout, depth), before)];
}

/**
 * Where the guess changed most, if that was asked for.
 * @param {import('../engine/readout.js').Readout} readout @param {number} position @returns {Part[]}
 */
function changed(readout, position) {
  const rows = readout.rows.map((_, row) => row).filter((row) => readout.change(row, position) >= 0);
  if (rows.length === 0) return [];
  const most = rows.reduce((a, b) => (readout.change(b, position) > readout.change(a, position) ? b : a));
  return words.changedMost(since(readout, most), formatNats(readout.change(most, position)));
}

/**
 * What really came next, where some row had it and the output has not.
 * @param {import('../engine/readout.js').Readout} readout @param {number} position @returns {Part[]}
 */
function lost(readout, position) {
  const { target } = moments(readout, position, nextToken(readout, position));
  return target?.outcome === 'lost' ? words.lost({ token: target.id }, rowName(readout.rows[target.row])) : [];
}

/**
 * The same moment as a question, while the answer is kept back.
 * @param {import('../engine/readout.js').Readout} readout
 * @param {number} position
 * @param {boolean} opens
 * @returns {Part[]}
 */
export function asked(readout, position, opens) {
  return opens ? words.asksAtTheStart() : words.asksAfter({ token: readout.token(position) });
}

/** @param {import('../engine/readout.js').Readout} readout @param {number} row */
function since(readout, row) {
  return row === readout.rows.length - 1 ? words.theOutput() : rowName(readout.rows[row]).since;
}
