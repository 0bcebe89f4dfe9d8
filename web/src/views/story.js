// What happened at one position, from the embedding to the output, as one sentence. Pure: a Readout in, parts out;
// the words are in strings.js.
import { rowName, story as words } from '../strings.js';
import { formatProb } from './format.js';

/** @typedef {string | {token: number} | {prob: number}} Part */

/**
 * The least row from which on every row's top token is the output's (Belrose's prediction depth); null where not even
 * the last row's is, as can be with another norm.
 * @param {import('../engine/readout.js').Readout} readout
 * @param {number} position
 * @returns {number | null}
 */
export function predictionDepth(readout, position) {
  const answer = readout.answer(position);
  let depth = null;
  for (let row = readout.rows.length - 1; row >= 0 && readout.topId(row, position) === answer; row--) depth = row;
  return depth;
}

/**
 * @param {import('../engine/readout.js').Readout} readout
 * @param {number} position
 * @param {boolean} opens whether this is the token that only opens the text
 * @returns {Part[]} empty while the column is not computed
 */
export function story(readout, position, opens) {
  if (!readout.has(position)) return [];
  const last = readout.rows.length - 1;
  const answer = { token: readout.answer(position) };
  const where = opens ? words.atTheStart() : words.after({ token: readout.token(position) });
  const depth = predictionDepth(readout, position);
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
    '\u00a0',
    { prob: first.prob },
    ...(close ? beside({ token: second.id }, { prob: second.prob }) : []),
  ];
  if (depth === 0) return [...head, ...words.throughout()];

  const before = { token: readout.topId(depth - 1, position) };
  let early = null;
  for (let row = 0; row < depth - 1 && early === null; row++)
    if (readout.topId(row, position) === answer.token) early = row;
  if (early !== null) return [...head, ...words.again(rowName(readout.rows[early]), since(readout, depth), before)];
  if (depth === last) return [...head, ...words.onlyAtTheOutput(before)];
  return [...head, ...words.since(since(readout, depth), before)];
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
