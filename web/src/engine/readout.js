// The tables of one lens read → a Readout: shapes checked once, then every number by [row, position]. Row 0 is the
// bottom (the embedding), the last row is the output. Cells not computed yet hold NaN or -1 and count as absent.
import { trouble } from '../strings.js';
import { LensError } from './errors.js';

/**
 * @typedef {{name: string, size: number, labels: string[] | null}} Dimension
 * @typedef {{run: string, read: number, name: string, dims: Dimension[], unit: string, dtype: 'f32' | 'i32',
 *            data: Float32Array | Int32Array}} Table
 */

const SHAPES = {
  token: ['position'],
  top_id: ['row', 'position', 'top'],
  top_logit: ['row', 'position', 'top'],
  top_prob: ['row', 'position', 'top'],
  log_z: ['row', 'position'],
  mean_logit: ['row', 'position'],
  entropy: ['row', 'position'],
  kl: ['row', 'position'],
  answer_id: ['position'],
  answer_prob: ['row', 'position'],
  answer_rank: ['row', 'position'],
};

// Tables that are there if they were asked for, or not at all.
const OPTIONAL = {
  surprisal: ['row', 'position'],
  answer_logit: ['row', 'position'],
  change: ['row', 'position'],
  beside_kl: ['row', 'position'],
  top_lift: ['row', 'position', 'top'],
  track_lift: ['row', 'position', 'track'],
  input_rank: ['row', 'position'],
  input_prob: ['row', 'position'],
  track_id: ['track'],
  track_logit: ['row', 'position', 'track'],
  track_prob: ['row', 'position', 'track'],
  track_rank: ['row', 'position', 'track'],
  set_prob: ['row', 'position', 'set'],
};

/** @typedef {{id: number, prob: number, logit: number, rank: number}} Guess  logit is the centred one: minus the mean over the vocabulary */

/** Where a row stands. @param {string} row blocks.3.hook_resid_mid @returns {{block: number, site: string}} site pre, mid or post */
export function siteOf(row) {
  const [, block, site] = /^blocks\.(\d+)\.hook_resid_(\w+)$/.exec(row) ?? [];
  return { block: Number(block ?? 0), site: site ?? '' };
}

export class Readout {
  /** @type {Record<string, Table>} */
  #tables = {};

  /**
   * @param {Table[]} tables of one or more reads
   * @param {number} read which of them
   */
  constructor(tables, read) {
    for (const t of tables) if (t.read === read) this.#tables[t.name] = t;
    for (const [name, dims] of [...Object.entries(SHAPES), ...Object.entries(OPTIONAL)]) {
      const t = this.#tables[name];
      if (!t && name in OPTIONAL) continue;
      if (!t) throw new LensError('tables', trouble.noTable(name, read));
      const got = t.dims.map((d) => d.name);
      const size = t.dims.reduce((n, d) => n * d.size, 1);
      if (got.join() !== dims.join() || t.data.length !== size)
        throw new LensError('tables', trouble.tableShape(name, { dims: got, size: t.data.length }, { dims, size }));
    }
    const [row, position, top] = this.#tables.top_id.dims;
    /** Row names, bottom first. @type {string[]} */
    this.rows = row.labels ?? Array.from({ length: row.size }, (_, i) => String(i));
    this.positions = position.size;
    this.top = top.size;
    /** The tracked tokens, in the order in which they were asked for. @type {number[]} */
    this.track = [...(this.#tables.track_id?.data ?? [])];
    /** The names of the token sets. @type {string[]} */
    this.sets = this.#tables.set_prob?.dims[2].labels ?? [];
  }

  /** All tables of the read, as the engine gave them. @returns {Table[]} */
  get tables() {
    return Object.values(this.#tables);
  }

  /** @param {number} position */
  token(position) {
    return this.#tables.token.data[position];
  }

  /** The output's own top token; -1 while that column is not computed. @param {number} position */
  answer(position) {
    return this.#tables.answer_id.data[position];
  }

  /** The cell's own top token; -1 while not computed. @param {number} row @param {number} position */
  topId(row, position) {
    return this.#tables.top_id.data[this.#cell(row, position) * this.top];
  }

  /** The cell's own top token's. @param {number} row @param {number} position */
  topProb(row, position) {
    return this.#tables.top_prob.data[this.#cell(row, position) * this.top];
  }

  /** Of the output's own top token, from 1; -1 while not computed. @param {number} row @param {number} position */
  answerRank(row, position) {
    return this.#tables.answer_rank.data[this.#cell(row, position)];
  }

  /** @param {number} row @param {number} position */
  answerProb(row, position) {
    return this.#tables.answer_prob.data[this.#cell(row, position)];
  }

  /** @param {number} row @param {number} position */
  entropy(row, position) {
    return this.#tables.entropy.data[this.#cell(row, position)];
  }

  /** @param {number} row @param {number} position */
  kl(row, position) {
    return this.#tables.kl.data[this.#cell(row, position)];
  }

  /** Best first. @param {number} row @param {number} position @returns {Guess[]} */
  guesses(row, position) {
    const cell = this.#cell(row, position);
    const mean = this.#tables.mean_logit.data[cell];
    const out = [];
    for (let k = 0; k < this.top; k++) {
      const i = cell * this.top + k;
      const id = this.#tables.top_id.data[i];
      if (id < 0) break;
      out.push({ id, prob: this.#tables.top_prob.data[i], logit: this.#tables.top_logit.data[i] - mean, rank: k + 1 });
    }
    return out;
  }

  /** What this cell thinks of the output's own top token. @param {number} row @param {number} position @returns {Guess} */
  answerGuess(row, position) {
    const cell = this.#cell(row, position);
    const prob = this.#tables.answer_prob.data[cell];
    const logit = this.#tables.answer_logit?.data[cell] ?? Math.log(prob) + this.#tables.log_z.data[cell];
    return {
      id: this.answer(position),
      prob,
      logit: logit - this.#tables.mean_logit.data[cell],
      rank: this.#tables.answer_rank.data[cell],
    };
  }

  /** What this cell thinks of the i-th tracked token. @param {number} row @param {number} position @param {number} i @returns {Guess} */
  trackGuess(row, position, i) {
    const cell = this.#cell(row, position);
    const at = cell * this.track.length + i;
    return {
      id: this.track[i],
      prob: this.#tables.track_prob.data[at],
      logit: this.#tables.track_logit.data[at] - this.#tables.mean_logit.data[cell],
      rank: this.#tables.track_rank.data[at],
    };
  }

  /** Summed over the i-th set. @param {number} row @param {number} position @param {number} i */
  setProb(row, position, i) {
    return this.#tables.set_prob.data[this.#cell(row, position) * this.sets.length + i];
  }

  /** −ln p of the token that really came next, in nats; NaN at the last position. @param {number} row @param {number} position */
  surprisal(row, position) {
    return this.#tables.surprisal?.data[this.#cell(row, position)] ?? Number.NaN;
  }

  /** KL from the row below, in nats; NaN on the lowest row, and where it was not asked for. @param {number} row @param {number} position */
  change(row, position) {
    return this.#tables.change?.data[this.#cell(row, position)] ?? Number.NaN;
  }

  /** KL from the same row through the lens beside, in nats; NaN where none was asked for. @param {number} row @param {number} position */
  besideKl(row, position) {
    return this.#tables.beside_kl?.data[this.#cell(row, position)] ?? Number.NaN;
  }

  /** Of the position's own token, from 1; -1 where there is none. @param {number} row @param {number} position */
  inputRank(row, position) {
    return this.#tables.input_rank?.data[this.#cell(row, position)] ?? -1;
  }

  /** Of the position's own token. @param {number} row @param {number} position */
  inputProb(row, position) {
    return this.#tables.input_prob?.data[this.#cell(row, position)] ?? Number.NaN;
  }

  /** What a centred logit is short of the raw one. @param {number} row @param {number} position */
  meanLogit(row, position) {
    return this.#tables.mean_logit.data[this.#cell(row, position)];
  }

  /** Whether the cells are held against another lens. */
  get isBeside() {
    return this.#tables.beside_kl !== undefined;
  }

  /** @param {number} position */
  has(position) {
    return this.answer(position) >= 0;
  }

  /** @param {number} row @param {number} position */
  #cell(row, position) {
    return row * this.positions + position;
  }
}
