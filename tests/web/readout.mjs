// Tables of a lens read, made by hand: columns of [own top token, probability there of the final answer] from the
// bottom up, as short as a test can say them.
import { Readout } from '../../web/src/engine/readout.js';

/**
 * @param {{token?: number, answer: number, rows: [top: number, answerProb: number][], second?: [id: number, prob: number]}[]} columns
 * @param {string[]} [labels]
 */
export function tablesOf(columns, labels) {
  const [R, P, K] = [columns[0].rows.length, columns.length, 2];
  const row = {
    name: 'row',
    size: R,
    labels: labels ?? [
      'blocks.0.hook_resid_pre',
      ...Array.from({ length: R - 1 }, (_, i) => `blocks.${i}.hook_resid_post`),
    ],
  };
  const position = { name: 'position', size: P, labels: null };
  const top = { name: 'top', size: K, labels: null };
  /** @typedef {import('../../web/src/engine/readout.js').Table} Table */
  /** @type {(name: string, dims: any[], dtype: 'f32' | 'i32', value: (r: number, p: number, k: number) => number) => Table} */
  const table = (name, dims, dtype, value) => {
    const size = dims.reduce((n, d) => n * d.size, 1);
    const data = dtype === 'f32' ? new Float32Array(size) : new Int32Array(size);
    const [rows, tops] = [dims.includes(row) ? R : 1, dims.includes(top) ? K : 1];
    let i = 0;
    for (let r = 0; r < rows; r++)
      for (let p = 0; p < P; p++) for (let k = 0; k < tops; k++) data[i++] = value(r, p, k);
    return { run: 'main', read: 0, name, dims, unit: '', dtype, data };
  };
  const cell = (/** @type {number} */ r, /** @type {number} */ p) => columns[p].rows[r];
  const prob = (/** @type {number} */ r, /** @type {number} */ p, /** @type {number} */ k) => {
    const [id, answerProb] = cell(r, p);
    const first = id === columns[p].answer ? answerProb : 0.5;
    return k === 0 ? first : (columns[p].second?.[1] ?? first / 4);
  };
  return [
    table('token', [position], 'i32', (_, p) => columns[p].token ?? p),
    table('top_id', [row, position, top], 'i32', (r, p, k) =>
      k === 0 ? cell(r, p)[0] : (columns[p].second?.[0] ?? 99),
    ),
    table('top_logit', [row, position, top], 'f32', (r, p, k) => Math.log(prob(r, p, k)) + 10),
    table('top_prob', [row, position, top], 'f32', prob),
    table('log_z', [row, position], 'f32', () => 10),
    table('mean_logit', [row, position], 'f32', () => -2),
    table('entropy', [row, position], 'f32', () => 1),
    table('kl', [row, position], 'f32', () => 0),
    table('surprisal', [row, position], 'f32', () => Number.NaN),
    table('answer_id', [position], 'i32', (_, p) => columns[p].answer),
    table('answer_prob', [row, position], 'f32', (r, p) => cell(r, p)[1]),
    table('answer_rank', [row, position], 'i32', (r, p) => (cell(r, p)[0] === columns[p].answer ? 1 : 40)),
  ];
}

/** @param {Parameters<typeof tablesOf>} args */
export function readoutOf(...args) {
  return new Readout(tablesOf(...args), 0);
}
