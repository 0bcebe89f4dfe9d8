// What the engine's vocabulary says of a token id, ready to be shown: pieces, spoken form, whether it is special.
import { plain, tokenPieces, tokenSpoken } from './token_text.js';

/** @typedef {import('./token_text.js').Piece} Piece */
/** @typedef {{id: number, pieces: Piece[], plain: string, spoken: string, special: boolean}} Token */

export class Vocabulary {
  /** @type {Map<number, Token>} */
  #made = new Map();
  #table;
  #bos;

  /**
   * @param {{bytes: Uint8Array, offsets: Uint32Array, special: Uint8Array} | null} table null: a model without tokenizer
   * @param {number | null} bos
   */
  constructor(table, bos) {
    this.#table = table;
    this.#bos = bos;
  }

  /** @param {number} id @returns {Token} */
  token(id) {
    let token = this.#made.get(id);
    if (!token) {
      token = this.#make(id);
      this.#made.set(id, token);
    }
    return token;
  }

  /** @param {number} id @returns {Token} */
  #make(id) {
    const t = this.#table;
    if (id === this.#bos) {
      /** @type {Piece[]} */
      const pieces = [{ kind: 'mark', text: '∅' }];
      return { id, pieces, plain: '∅', spoken: 'start or end of a text', special: true };
    }
    if (!t || id < 0 || id + 1 >= t.offsets.length) {
      const text = `#${id}`;
      return { id, pieces: [{ kind: 'mark', text }], plain: text, spoken: `token ${id}`, special: false };
    }
    const bytes = t.bytes.subarray(t.offsets[id], t.offsets[id + 1]);
    const pieces = tokenPieces(bytes);
    return { id, pieces, plain: plain(pieces), spoken: tokenSpoken(bytes), special: t.special[id] === 1 };
  }
}
