// What happened at a position on its way up, as numbers: when it was decided, who took the lead from whom, where it knew
// least, and whether what really came next was won or lost. Pure: a Readout in; the words are elsewhere.

/**
 * @typedef {import('./readout.js').Readout} Readout
 * @typedef {'attention' | 'mlp' | 'block'} Writer  what stands between a row and the row below it
 * @typedef {{row: number, from: number, to: number, margin: number, by: Writer}} Flip
 *   margin: how far the new token leads the second there, in logits
 * @typedef {{id: number, outcome: 'throughout' | 'corrected' | 'lost' | 'never', row: number}} Target
 *   row: from which on it leads (corrected), up to which it led (lost); else −1
 * @typedef {{depth: number | null, first: number | null, flips: Flip[], peak: {row: number, nats: number}, target: Target | null}} Moments
 */

/**
 * The least row from which on every row's top token is the output's (Belrose's prediction depth); null where not even
 * the last row's is, as can be with another norm.
 * @param {Readout} readout
 * @param {number} position
 * @returns {number | null}
 */
export function predictionDepth(readout, position) {
  return leadsSince(readout, position, readout.answer(position));
}

/**
 * @param {Readout} readout
 * @param {number} position one that is computed
 * @param {number} target the token that should come next; negative for none
 * @returns {Moments}
 */
export function moments(readout, position, target) {
  const answer = readout.answer(position);
  const rows = readout.rows.map((_, row) => row);
  const leads = (/** @type {number} */ id) => rows.filter((row) => readout.topId(row, position) === id);
  const peak = rows.reduce((a, b) => (readout.entropy(b, position) > readout.entropy(a, position) ? b : a), 0);
  return {
    depth: predictionDepth(readout, position),
    first: leads(answer)[0] ?? null,
    flips: rows.slice(1).flatMap((row) => {
      const [from, to] = [readout.topId(row - 1, position), readout.topId(row, position)];
      if (from === to) return [];
      const [top, second] = readout.guesses(row, position);
      return [{ row, from, to, margin: second ? top.logit - second.logit : Number.NaN, by: writerOf(readout, row) }];
    }),
    peak: { row: peak, nats: readout.entropy(peak, position) },
    target: target < 0 ? null : outcome(target, leads(target), leadsSince(readout, position, target)),
  };
}

/** What really came next; −1 at the end. @param {Readout} readout @param {number} position */
export function nextToken(readout, position) {
  return position + 1 < readout.positions ? readout.token(position + 1) : -1;
}

/** @param {Readout} readout @param {number} position @param {number} id @returns {number | null} */
function leadsSince(readout, position, id) {
  let since = null;
  for (let row = readout.rows.length - 1; row >= 0 && readout.topId(row, position) === id; row--) since = row;
  return since;
}

/** @param {number} id @param {number[]} leads the rows where it does @param {number | null} since @returns {Target} */
function outcome(id, leads, since) {
  if (since === 0) return { id, outcome: 'throughout', row: -1 };
  if (since !== null) return { id, outcome: 'corrected', row: since };
  const last = leads.at(-1);
  return last === undefined ? { id, outcome: 'never', row: -1 } : { id, outcome: 'lost', row: last };
}

/** @param {Readout} readout @param {number} row not the lowest @returns {Writer} */
function writerOf({ rows }, row) {
  if (rows[row].endsWith('resid_mid')) return 'attention';
  return rows[row - 1].endsWith('resid_mid') ? 'mlp' : 'block';
}
