import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plain, spreadCharacters, tokenPieces, tokenSpoken } from '../../web/src/engine/token_text.js';
import { Vocabulary } from '../../web/src/engine/vocabulary.js';

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
const shown = (/** @type {string | number[]} */ token) =>
  plain(tokenPieces(typeof token === 'string' ? bytes(token) : Uint8Array.from(token)));

test('white space becomes a mark of its own', () => {
  assert.deepEqual(tokenPieces(bytes(' Paris')), [
    { kind: 'mark', text: '·' },
    { kind: 'text', text: 'Paris' },
  ]);
  assert.equal(shown('\n\n'), '↵↵');
  assert.equal(shown('\t'), '⇥');
  assert.equal(shown('\r\n'), '␍↵');
  assert.equal(shown('   '), '···');
  assert.equal(shown('\u00a0'), '⍽');
});

test('text is left as it is', () => {
  for (const text of ['Paris', '<img/onerror=alert(1)>', '&amp;', 'é', '日本', '👩', '–'])
    assert.equal(shown(text), text);
});

test('bytes that are no UTF-8 are shown as bytes', () => {
  assert.equal(shown([0xe2, 0x82]), '‹E2 82›');
  assert.equal(shown([0x20, 0xe2, 0x82]), '·‹E2 82›');
  assert.equal(shown([0x61, 0xff, 0x62]), 'a‹FF›b');
  assert.equal(shown([0xc0, 0x80]), '‹C0 80›'); // overlong
  assert.equal(shown([0xed, 0xa0, 0x80]), '‹ED A0 80›'); // a surrogate
  assert.equal(shown([0xf4, 0x90, 0x80, 0x80]), '‹F4 90 80 80›'); // beyond Unicode
  assert.equal(shown([0x82, 0xac, 0x21]), '‹82 AC›!');
  assert.equal(shown([]), '‹›');
});

test('what would be invisible, or act on its neighbours, is shown by number', () => {
  assert.equal(shown('\0'), '‹00›');
  assert.equal(shown('\x1b[31m'), '‹1B›[31m');
  assert.equal(shown('\u202eabc'), '‹U+202E›abc');
  assert.equal(shown('\u200b'), '‹U+200B›');
  assert.equal(shown('\ufeff'), '‹U+FEFF›');
  assert.equal(shown('\u2003'), '‹U+2003›');
  assert.equal(shown('\u0301'), '◌\u0301');
  assert.equal(shown(' \u0301'), '·◌\u0301');
});

test('no byte is lost or said twice', () => {
  // Each of 2,000 random tokens: the marks, read back, are the bytes.
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const back = new Map([
    ['·', [0x20]],
    ['↵', [0x0a]],
    ['⇥', [0x09]],
    ['␍', [0x0d]],
    ['⍽', [0xc2, 0xa0]],
  ]);
  for (let n = 0; n < 2000; n++) {
    const token = Uint8Array.from({ length: 1 + Math.floor(6 * random()) }, () => Math.floor(256 * random()));
    const read = tokenPieces(token).flatMap(({ kind, text }) => {
      if (kind === 'text') return [...bytes(text.replace(/^◌/u, ''))];
      return [...text.matchAll(/‹U\+([0-9A-F]+)›|‹([^›]*)›|(.)/gu)].flatMap(([, point, hex, mark]) => {
        if (point) return [...bytes(String.fromCodePoint(Number.parseInt(point, 16)))];
        if (mark) return back.get(mark) ?? [];
        const values = hex.split(' ').map((h) => Number.parseInt(h, 16));
        // One C1 control is a character of two bytes; a lone byte is itself.
        return values;
      });
    });
    const c1 = /[\u0080-\u009f\u00ad]/.test(new TextDecoder().decode(token));
    if (!c1) assert.deepEqual(read, [...token]);
  }
});

test('a screen reader hears names', () => {
  assert.equal(tokenSpoken(bytes(' Paris')), 'space Paris');
  assert.equal(tokenSpoken(bytes('\n')), 'new line');
  assert.equal(tokenSpoken(Uint8Array.of(0xe2, 0x82)), 'bytes E2 82');
  assert.equal(tokenSpoken(Uint8Array.of()), 'nothing');
});

test('a vocabulary knows its opening token, and does without one', () => {
  const table = { bytes: bytes('a b<|e|>'), offsets: Uint32Array.of(0, 1, 3, 8), special: Uint8Array.of(0, 0, 1) };
  const words = new Vocabulary(table, 2);
  assert.equal(words.token(1).plain, '·b');
  assert.equal(words.token(2).plain, '∅');
  assert.equal(words.token(2).special, true);
  assert.equal(words.token(7).plain, '#7');
  assert.equal(new Vocabulary(null, null).token(12).plain, '#12');
});

/** @param {(string | number[])[]} tokens */
function vocabularyOf(tokens) {
  const parts = tokens.map((t) => (typeof t === 'string' ? bytes(t) : Uint8Array.from(t)));
  const offsets = Uint32Array.of(0, ...parts.map((_, i) => parts.slice(0, i + 1).reduce((n, p) => n + p.length, 0)));
  const all = Uint8Array.from(parts.flatMap((p) => [...p]));
  return new Vocabulary({ bytes: all, offsets, special: new Uint8Array(parts.length) }, null);
}

test('a token is found by its exact text, and copied as that', () => {
  const words = vocabularyOf(['a', ' a', 'ab', ' ', [0xe2, 0x82], '\ufeff']);
  assert.deepEqual(
    ['a', ' a', ' ', 'b', ''].map((text) => words.find(text)),
    [0, 1, 3, -1, -1],
  );
  assert.equal(words.find('\ufeff'), 5);
  assert.equal(words.token(1).text, ' a');
  assert.equal(words.token(4).text, '\ufffd');
  assert.deepEqual([...(words.token(4).bytes ?? [])], [0xe2, 0x82]);
  assert.equal(new Vocabulary(null, null).find('a'), -1);
});

test('typing completes to tokens: what it is exactly first, with its space before without', () => {
  const words = vocabularyOf(['Paris', ' Par', ' Paris', 'Par', ' Parish', 'par', ' Pa']);
  const said = (/** @type {string} */ text, limit = 9) => words.complete(text, limit).map((id) => words.token(id).text);
  assert.deepEqual(said('Par'), [' Par', 'Par', 'Paris', ' Paris', ' Parish']);
  assert.deepEqual(said(' Par'), [' Par', ' Paris', ' Parish']);
  assert.deepEqual(said('Par', 2), [' Par', 'Par']);
  assert.deepEqual(said(''), []);
  assert.deepEqual(new Vocabulary(null, null).complete('a', 5), []);
});

test('a character over several tokens is found, once, and what is in one token or broken is not', () => {
  const spread = (/** @type {(string | number[] | null)[]} */ tokens) =>
    spreadCharacters(tokens.map((t) => (t === null ? null : typeof t === 'string' ? bytes(t) : Uint8Array.from(t))));
  assert.deepEqual(spread(['a', 'é', ' 👩']), []);
  assert.deepEqual(spread(['a', [0x20, 0xe2, 0x82], [0xac], 'b']), [{ from: 1, to: 2, text: '€' }]);
  assert.deepEqual(spread([[0xf0], [0x9f, 0x91], [0xa9]]), [{ from: 0, to: 2, text: '👩' }]);
  // Two in a row that share a token are one bracket; two that do not are two.
  assert.deepEqual(
    spread([
      [0xe2, 0x82],
      [0xac, 0xe2],
      [0x82, 0xac],
    ]),
    [{ from: 0, to: 2, text: '€€' }],
  );
  assert.deepEqual(spread([[0xe2, 0x82], [0xac], [0xe2], [0x82, 0xac]]).length, 2);
  assert.deepEqual(spread([[0xe2, 0x82], 'a', [0xac]]), []);
  assert.deepEqual(spread([[0xe2, 0x82], null, [0xac]]), []);
  assert.deepEqual(spread([]), []);
});
