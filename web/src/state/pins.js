// The tokens and sets of tokens that a reading follows through every cell.
import { readOf } from './experiment.js';

/** @typedef {import('./conductor.js').Conductor} Conductor */

export class Pins {
  #conductor;

  /** @param {Conductor} conductor whose Experiment holds them */
  constructor(conductor) {
    this.#conductor = conductor;
  }

  get #read() {
    const { experiment } = this.#conductor.state;
    return experiment ? readOf(experiment) : {};
  }

  get #vocabulary() {
    return /** @type {import('./conductor.js').Drawing} */ (this.#conductor.state.drawing).model.vocabulary;
  }

  /** As ids or texts. @returns {unknown[]} */
  get tokens() {
    return this.#read.track ?? [];
  }

  /** By name, their tokens as ids or texts. @returns {Record<string, unknown[]>} */
  get sets() {
    return this.#read.sets ?? {};
  }

  /** @param {number} id */
  async add(id) {
    const [ref] = await this.named([id]);
    const vocabulary = this.#vocabulary;
    const { tokens } = this;
    if (!tokens.some((p) => vocabulary.idOf(p) === id)) this.#conductor.setRead({ track: [...tokens, ref] });
  }

  /** @param {number} id */
  remove(id) {
    const vocabulary = this.#vocabulary;
    const left = this.tokens.filter((p) => vocabulary.idOf(p) !== id);
    this.#conductor.setRead({ track: left.length > 0 ? left : undefined });
  }

  /** What Enter does to a cell's token. @param {number} id */
  toggle(id) {
    const vocabulary = this.#vocabulary;
    return this.tokens.some((p) => vocabulary.idOf(p) === id) ? this.remove(id) : this.add(id);
  }

  /** @param {string} name @param {number[]} ids none takes the set away */
  async putSet(name, ids) {
    const refs = await this.named(ids);
    const { [name]: _, ...others } = this.sets;
    const sets = refs.length > 0 ? { ...others, [name]: refs } : others;
    this.#conductor.setRead({ sets: Object.keys(sets).length > 0 ? sets : undefined });
  }

  /** Tokens as a link should name them: as text where the tokenizer reads that as the one token, else by id. @param {number[]} ids */
  named(ids) {
    const vocabulary = this.#vocabulary;
    return Promise.all(
      ids.map(async (id) => {
        const { text } = vocabulary.token(id);
        const found = text && vocabulary.find(text) === id;
        const read = found ? await this.#conductor.tokenize(text).catch(() => []) : [];
        return read.length === 1 && read[0] === id ? text : id;
      }),
    );
  }
}
