// Token bytes → what a reader sees, and what a screen reader says. A GPT-2 token is bytes, not text: it may begin
// with a space, be nothing but a line break, or end in the middle of a character. Nothing here touches the DOM.
import { spoken } from '../strings.js';

/** @typedef {{kind: 'text' | 'mark', text: string}} Piece  a mark stands for something that has no glyph of its own */

const MARKS = new Map([
  [' ', '·'],
  ['\n', '↵'],
  ['\t', '⇥'],
  ['\r', '␍'],
  ['\u00a0', '⍽'],
]);

// Controls, format characters (zero width, bidirectional overrides), other white space, private and unassigned code
// points: shown by number, since they would be invisible or act on their surroundings.
const UNSEEN = /[\p{C}\p{Z}]/u;
const COMBINING = /^\p{M}/u;

/**
 * @param {Uint8Array} bytes
 * @returns {Piece[]} never empty
 */
export function tokenPieces(bytes) {
  /** @type {Piece[]} */
  const pieces = [];
  /** @param {Piece['kind']} kind @param {string} text */
  const put = (kind, text) => {
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += text;
    else pieces.push({ kind, text });
  };
  for (const part of decode(bytes)) {
    if (typeof part !== 'string') {
      put('mark', byteMark(part));
      continue;
    }
    for (const ch of part) {
      const mark = MARKS.get(ch);
      if (mark) put('mark', mark);
      else if (UNSEEN.test(ch)) put('mark', `‹${codePoint(ch)}›`);
      else put('text', ch);
    }
  }
  if (pieces.length === 0) pieces.push({ kind: 'mark', text: '‹›' });
  // An accent without a letter to sit on would sit on the mark before it.
  for (const p of pieces) if (p.kind === 'text' && COMBINING.test(p.text)) p.text = `◌${p.text}`;
  return pieces;
}

/**
 * For titles and live regions: `space Paris`, `new line`, `bytes E2 82`.
 * @param {Uint8Array} bytes
 */
export function tokenSpoken(bytes) {
  const words = [];
  let text = '';
  const flush = () => {
    if (text) words.push(text);
    text = '';
  };
  for (const part of decode(bytes)) {
    if (typeof part !== 'string') {
      flush();
      words.push(spoken.bytes(hexBytes(part)));
      continue;
    }
    for (const ch of part) {
      const name = spoken.characters[ch] ?? (UNSEEN.test(ch) ? codePoint(ch) : null);
      if (name === null) text += ch;
      else {
        flush();
        words.push(name);
      }
    }
  }
  flush();
  return words.join(' ') || spoken.nothing;
}

/**
 * The characters that are spread over several tokens: from which token to which, both included, and the text that is
 * finished there. Where one ends in the token in which the next begins, they are one.
 * @param {(Uint8Array | null)[]} tokens  in order; null where the bytes are not known
 * @returns {{from: number, to: number, text: string}[]}
 */
export function spreadCharacters(tokens) {
  /** @type {number[]} */
  const owner = tokens.flatMap((bytes, i) => Array.from(bytes ?? [0xff], () => i)); // 0xff is in no character
  const all = Uint8Array.from(tokens.flatMap((bytes) => [...(bytes ?? [0xff])]));
  /** @type {{from: number, to: number, text: string}[]} */
  const out = [];
  let at = 0;
  for (const part of decode(all)) {
    if (typeof part !== 'string') {
      at += part.length;
      continue;
    }
    for (const ch of part) {
      const [from, to] = [owner[at], owner[at + new TextEncoder().encode(ch).length - 1]];
      at += new TextEncoder().encode(ch).length;
      const last = out.at(-1);
      if (from === to) continue;
      if (last && last.to === from) Object.assign(last, { to, text: last.text + ch });
      else out.push({ from, to, text: ch });
    }
  }
  return out;
}

/** @param {Piece[]} pieces */
export function plain(pieces) {
  return pieces.map((p) => p.text).join('');
}

/** @param {string} ch */
function codePoint(ch) {
  const n = /** @type {number} */ (ch.codePointAt(0));
  return n < 0x100 ? hexByte(n) : `U+${n.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** @param {number[]} bytes */
function byteMark(bytes) {
  return `‹${hexBytes(bytes)}›`;
}

/** @param {number[]} bytes */
function hexBytes(bytes) {
  return bytes.map(hexByte).join(' ');
}

/** @param {number} b */
function hexByte(b) {
  return b.toString(16).toUpperCase().padStart(2, '0');
}

/**
 * Well-formed stretches as strings, everything else as runs of bytes, in order.
 * @param {Uint8Array} bytes
 * @returns {(string | number[])[]}
 */
function decode(bytes) {
  /** @type {(string | number[])[]} */
  const out = [];
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let i = 0; i < bytes.length; ) {
    const n = characterLength(bytes[i]);
    /** @type {string | null} */
    let ch = null;
    if (n > 0 && i + n <= bytes.length) {
      try {
        ch = strict.decode(bytes.subarray(i, i + n));
      } catch {
        ch = null;
      }
    }
    const last = out.at(-1);
    if (ch === null) {
      if (Array.isArray(last)) last.push(bytes[i]);
      else out.push([bytes[i]]);
      i += 1;
    } else {
      if (typeof last === 'string') out[out.length - 1] = last + ch;
      else out.push(ch);
      i += n;
    }
  }
  return out;
}

/** @param {number} lead @returns {number} bytes of the character this byte opens; 0 if it opens none */
function characterLength(lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}
