// The numbers of a lens read for other programs.
//
// CSV: one line for each cell, bottom row first. A token's text is written as a JSON string (`" Paris"`, with its
// quotes), so that its space survives, a line break stays on the line and no spreadsheet takes it for a formula; bytes that
// are not UTF-8 have U+FFFD there, and the id beside it is exact.
//
// JSON: {"v": 1, "experiment", "tables": [{name, dims: [{name, size, labels}], unit, dtype, data}]}, data in row-major
// order over dims, null where there is no number. The tables are those of window.logitLens.run (web/src/api.js).

/** @typedef {import('../engine/readout.js').Table} Table */

/** @param {import('../engine/readout.js').Readout} readout @param {(id: number) => string} text of a token */
export function csvOf(readout, text) {
  const head = [
    ...['row', 'position', 'token_id', 'token', 'top_id', 'top_token', 'top_prob', 'top_logit_centred'],
    ...['answer_id', 'answer_token', 'answer_prob', 'answer_rank', 'entropy_nats', 'kl_nats', 'surprisal_nats'],
    ...readout.track.flatMap((id) => [`prob_of_${id}`, `rank_of_${id}`]),
    ...readout.sets.map((name) => `"${`prob_of ${name}`.replaceAll('"', '""')}"`),
  ];
  const lines = [head.join(',')];
  for (const [row, name] of readout.rows.entries()) {
    for (let p = 0; p < readout.positions; p++) {
      if (!readout.has(p)) continue;
      const [top] = readout.guesses(row, p);
      const answer = readout.answerGuess(row, p);
      const token = readout.token(p);
      lines.push(
        [
          ...[name, p, token, quoted(text(token)), top.id, quoted(text(top.id)), number(top.prob), number(top.logit)],
          ...[answer.id, quoted(text(answer.id)), number(answer.prob), answer.rank],
          ...[readout.entropy(row, p), readout.kl(row, p), readout.surprisal(row, p)].map(number),
          ...readout.track.flatMap((_, i) => {
            const pin = readout.trackGuess(row, p, i);
            return [number(pin.prob), pin.rank];
          }),
          ...readout.sets.map((_, i) => number(readout.setProb(row, p, i))),
        ].join(','),
      );
    }
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** @param {object} experiment @param {Table[]} tables */
export function jsonOf(experiment, tables) {
  const plain = tables.map(({ name, dims, unit, dtype, data }) => ({
    ...{ name, dims, unit, dtype },
    data: Array.from(data, (x) => (Number.isFinite(x) ? (dtype === 'f32' ? shortest(x) : x) : null)),
  }));
  return `${JSON.stringify({ v: 1, experiment, tables: plain })}\n`;
}

/** @param {string} text */
function quoted(text) {
  return `"${JSON.stringify(text).replaceAll('"', '""')}"`;
}

/** @param {number} x */
function number(x) {
  return Number.isFinite(x) ? String(shortest(x)) : '';
}

/** The shortest decimal that is the same float32. @param {number} x */
function shortest(x) {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(x.toPrecision(digits));
    if (Math.fround(short) === Math.fround(x)) return short;
  }
  return x;
}
