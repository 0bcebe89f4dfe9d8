// What the engine's vocabulary says of a token id, ready to be shown: pieces, spoken form, whether it is special.
import { spoken } from '../strings.js';
import { plain, tokenPieces, tokenSpoken } from './token_text.js';

/** @typedef {import('./token_text.js').Piece} Piece */
/** @typedef {import('#lens').VocabularyTable} VocabularyTable */
/**
 * @typedef {object} Token
 * @property {number} id
 * @property {Piece[]} pieces
 * @property {string} plain    the pieces in a row, as they are seen
 * @property {string} spoken   for a screen reader
 * @property {boolean} special
 * @property {Uint8Array | null} bytes  what the token is; null where the vocabulary does not say
 * @property {string} text     what is copied: the bytes as text, with U+FFFD where they are none
 */

export class Vocabulary {
  /** @type {Map<number, Token>} */
  #made = new Map();
  #table;
  #bos;

  /**
   * @param {VocabularyTable | null} table null: a model without tokenizer
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

  get size() {
    return this.#table ? this.#table.offsets.length - 1 : 0;
  }

  /** The token whose bytes are this text; -1 if none is. @param {string} text */
  find(text) {
    const wanted = encode(text);
    for (let id = 0; id < this.size; id++) if (this.#length(id) === wanted.length && this.#at(id, wanted)) return id;
    return -1;
  }

  /** A token as an Experiment names it, by its id or as the text that it is. @param {unknown} ref @returns {number} -1 if none */
  idOf(ref) {
    if (typeof ref === 'string') return this.find(ref);
    return Number.isInteger(ref) ? /** @type {number} */ (ref) : -1;
  }

  /**
   * Tokens that begin with this text, or with a space and then this text: what is exactly that first, then by id, which
   * in a BPE vocabulary is from common to rare.
   * @param {string} text
   * @param {number} limit
   * @returns {number[]}
   */
  complete(text, limit) {
    const forms = (text.startsWith(' ') ? [text] : [` ${text}`, text]).map(encode);
    if (forms.some((form) => form.length === 0)) return [];
    /** @type {number[]} */
    const exact = [];
    /** @type {number[]} */
    const longer = [];
    for (const form of forms) {
      for (let id = 0; id < this.size; id++) {
        if (!this.#at(id, form)) continue;
        if (this.#length(id) === form.length) exact.push(id);
        else if (longer.length < limit * forms.length) longer.push(id);
      }
    }
    return [...exact, ...longer.sort((a, b) => a - b)].slice(0, limit);
  }

  /** @param {number} id */
  #length(id) {
    const { offsets } = /** @type {VocabularyTable} */ (this.#table);
    return offsets[id + 1] - offsets[id];
  }

  /** Whether the token begins with these bytes. @param {number} id @param {Uint8Array} start */
  #at(id, start) {
    const { bytes, offsets } = /** @type {VocabularyTable} */ (this.#table);
    return this.#length(id) >= start.length && start.every((b, i) => bytes[offsets[id] + i] === b);
  }

  /** @param {number} id @returns {Token} */
  #make(id) {
    const t = this.#table;
    const bytes = t && id >= 0 && id < this.size ? t.bytes.subarray(t.offsets[id], t.offsets[id + 1]) : null;
    const special = t?.special[id] === 1;
    if (id === this.#bos) {
      /** @type {Piece[]} */
      const pieces = [{ kind: 'mark', text: '∅' }];
      const text = bytes ? decode(bytes) : '';
      return { id, pieces, plain: '∅', spoken: spoken.bos, special: true, bytes, text };
    }
    if (!bytes) {
      const text = `#${id}`;
      return { id, pieces: [{ kind: 'mark', text }], plain: text, spoken: spoken.unnamed(id), special, bytes, text };
    }
    const pieces = tokenPieces(bytes);
    return { id, pieces, plain: plain(pieces), spoken: tokenSpoken(bytes), special, bytes, text: decode(bytes) };
  }
}

/** @param {string} text */
function encode(text) {
  return new TextEncoder().encode(text);
}

/** @param {Uint8Array} bytes */
function decode(bytes) {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
