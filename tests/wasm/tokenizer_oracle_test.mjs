// GPT-2's tokenizer against one that nobody here wrote, @huggingface/tokenizers, on 10,000 strings: random ones of all planes,
// and nasty ones. They may differ only at code points that our Unicode tables do not know yet, and at the two that JavaScript's \s
// sees otherwise than Unicode's White_Space (U+0085, U+FEFF).
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';

const root = new URL('../../', import.meta.url);
const build = new URL('build/wasm/wasm/', root);
const recorded = new URL('../shared/gpt2-tokenizer/', root);
const skip = existsSync(recorded) ? false : 'no ../shared/gpt2-tokenizer beside the checkout';
const STRINGS = 10_000;

let state = 20190214;
/** @param {number} n @returns {number} */
function below(n) {
  state = (Math.imul(state, 1664525) + 1013904223) | 0;
  return Math.floor(((state >>> 8) / 2 ** 24) * n);
}
/** @template T @param {T[]} list */
const one = (list) => list[below(list.length)];

const WORDS =
  "the of and Hello WORLD don’t it's I'll we've they're I'd 's 'S 'LL naïve Straße 日本語 русский العربية हिन्दी ไทย 한국어 x_1 <|endoftext|> http://a.b/c?d=e".split(
    ' ',
  );
const BLANKS = [
  ' ',
  '  ',
  '   ',
  '\n',
  '\n\n',
  '\t',
  '\r\n',
  ' \n ',
  '\u00a0',
  '\u2003',
  '\u3000',
  '\u2028',
  '\u200b',
  '\u0000',
  '\u001f',
  '\f',
  '\v',
];
const DIGITS = ['0', '42', '1,000', '3.14', '½', '²', '٣', '४', 'Ⅷ', '𝟗', '①', '12345678901234567890'];
const EMOJI = ['👩‍👩‍👧', '🏳️‍🌈', '👍🏽', '❤️', '🇫🇷', '😀', '#️⃣', '©', '™'];
const MARKS = [
  'e\u0301',
  'a\u0308\u0323',
  '\u0301',
  'नि',
  'ก็',
  '\u202e',
  '\u200d',
  '-',
  '--',
  '…',
  '"',
  '“”',
  '(',
  '```',
  '¿?',
  '$',
  '€',
  '%',
  '\\',
  '~',
];
const PLANES = [
  [0x20, 0x7e],
  [0xa0, 0x24f],
  [0x370, 0x5ff],
  [0x900, 0xdff],
  [0x1e00, 0x2bff],
  [0x3040, 0x9fff],
  [0xac00, 0xd7a3],
  [0x10000, 0x107ff],
  [0x1d400, 0x1d7ff],
  [0x1f300, 0x1f6ff],
  [0x20000, 0x2a6df],
  [0xe000, 0xf8ff],
  [0xf0000, 0x10fffd],
  [0x21, 0x10ffff],
];

function codePoint() {
  const [from, to] = one(PLANES);
  const code = from + below(to - from + 1);
  return code >= 0xd800 && code <= 0xdfff ? 'x' : String.fromCodePoint(code);
}

function nasty() {
  let text = '';
  for (let n = 1 + below(12); n > 0; n--)
    text += [() => one(WORDS), () => one(BLANKS), () => one(DIGITS), () => one(EMOJI), () => one(MARKS), codePoint][
      below(6)
    ]();
  return text;
}

test('GPT-2 tokens as @huggingface/tokenizers gives them', { skip }, async () => {
  const read = (/** @type {string} */ name) => readFileSync(new URL(name, recorded), 'utf8');
  const vocab = JSON.parse(read('encoder.json'));
  const merges = read('vocab.bpe').split('\n').slice(1).filter(Boolean);
  const end = {
    id: 50256,
    content: '<|endoftext|>',
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  };
  const file = {
    ...{ version: '1.0', truncation: null, padding: null, added_tokens: [end], normalizer: null },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      vocab,
      merges,
    },
  };
  const oracle = new Tokenizer(file, { clean_up_tokenization_spaces: false });
  const engine = await engineWith(new TextEncoder().encode(JSON.stringify(file)));
  let different = 0;
  let excused = 0;
  for (let i = 0; i < STRINGS; i++) {
    const text = nasty();
    const expected = oracle.encode(text, { add_special_tokens: false }).ids.join(' ');
    const { ok, error } = engine.tokenize('m', text);
    assert.equal(error, undefined);
    if ([.../** @type {Int32Array} */ (ok)].join(' ') === expected) continue;
    if (/[\u0085\ufeff]|\p{Cn}/u.test(text)) excused++;
    else if (different++ < 5) console.log(`${JSON.stringify(text)}: expected ${expected}, got ${ok}`);
  }
  console.log(
    `measured: tokenizer, ${STRINGS} strings against @huggingface/tokenizers: ${different} different, ${excused} by U+0085, U+FEFF or unassigned code points`,
  );
  assert.equal(different, 0);
});

/** An engine whose model is next to nothing, but for its vocabulary. @param {Uint8Array} tokenizer */
async function engineWith(tokenizer) {
  const { default: createLens } = await import(new URL('lens.mjs', build).href);
  const module = await createLens({ wasmBinary: readFileSync(new URL('lens.wasm', build)) });
  /** @type {Record<string, object>} */
  const header = {};
  let at = 0;
  for (const [name, ...shape] of /** @type {[string, ...number[]][]} */ ([
    ['wte.weight', 50257, 1],
    ['wpe.weight', 4, 1],
    ...['h.0.ln_1', 'h.0.ln_2', 'ln_f'].flatMap((n) => [
      [`${n}.weight`, 1],
      [`${n}.bias`, 1],
    ]),
    ...[
      ['attn.c_attn', 1, 3],
      ['attn.c_proj', 1, 1],
      ['mlp.c_fc', 1, 4],
      ['mlp.c_proj', 4, 1],
    ].flatMap(([n, from, to]) => [
      [`h.0.${n}.weight`, from, to],
      [`h.0.${n}.bias`, to],
    ]),
  ])) {
    const size = 4 * shape.reduce((a, b) => a * b);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + size] };
    at += size;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + at);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 8);
  const config = { model_type: 'gpt2', n_layer: 1, n_head: 1, n_positions: 4, n_embd: 1 };
  const engine = new module.Engine();
  const loaded = engine.load('m', [
    { name: 'config.json', bytes: new TextEncoder().encode(JSON.stringify(config)) },
    { name: 'tokenizer.json', bytes: tokenizer },
    { name: 'model.safetensors', bytes },
  ]);
  assert.equal(loaded.error, undefined, loaded.error?.message);
  return engine;
}
