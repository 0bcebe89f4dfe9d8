// A model that comes in pieces takes the room of its weights, and little more: its file is never in wasm's memory.
// Of the build that keeps most, for W_U's screen comes with it. Every day with two of GPT-2 small's layers at its full
// vocabulary; a full run takes all twelve.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const build = new URL('build/wasm/wasm/', root);
const full = process.env.LENS_TESTS === 'full';
const n_layer = full ? 12 : 2;
const PIECE = 1 << 20;

/** @param {string} name @param {string} path @returns {{name: string, bytes: Uint8Array}} */
const file = (name, path) => ({ name, bytes: new Uint8Array(readFileSync(new URL(path, root))) });
const recorded = existsSync(new URL('../shared/gpt2-tokenizer/', root));
const tokenizer = recorded
  ? [
      file('vocab.json', '../shared/gpt2-tokenizer/encoder.json'),
      file('merges.txt', '../shared/gpt2-tokenizer/vocab.bpe'),
    ]
  : [file('vocab.json', 'tests/golden/tiny/vocab.json'), file('merges.txt', 'tests/golden/tiny/merges.txt')];

/** OpenAI's own layout: Conv1D, no prefix, mask buffers, data at an odd offset. */
function header() {
  /** @type {Record<string, object>} */
  const entries = {};
  let at = 0;
  const add = (/** @type {string} */ name, /** @type {number[]} */ ...shape) => {
    const end = at + 4 * shape.reduce((a, b) => a * b);
    entries[name] = { dtype: 'F32', shape, data_offsets: [at, end] };
    at = end;
  };
  add('wte.weight', 50257, 768);
  add('wpe.weight', 1024, 768);
  for (let l = 0; l < n_layer; l++) {
    add(`h.${l}.attn.bias`, 1, 1, 1024, 1024);
    for (const norm of ['ln_1', 'ln_2']) for (const part of ['weight', 'bias']) add(`h.${l}.${norm}.${part}`, 768);
    add(`h.${l}.attn.c_attn.weight`, 768, 2304);
    add(`h.${l}.attn.c_attn.bias`, 2304);
    add(`h.${l}.attn.c_proj.weight`, 768, 768);
    add(`h.${l}.attn.c_proj.bias`, 768);
    add(`h.${l}.mlp.c_fc.weight`, 768, 3072);
    add(`h.${l}.mlp.c_fc.bias`, 3072);
    add(`h.${l}.mlp.c_proj.weight`, 3072, 768);
    add(`h.${l}.mlp.c_proj.bias`, 768);
  }
  for (const part of ['weight', 'bias']) add(`ln_f.${part}`, 768);
  let text = JSON.stringify(entries);
  if (text.length % 2 === 0) text += ' ';
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(new TextEncoder().encode(text), 8);
  return { bytes, size: bytes.length + at };
}

/** Seeded weights of about ±0.1; the same piece again and again. */
function piece() {
  const values = new Float32Array(PIECE / 4);
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = state / 2 ** 34;
  }
  return new Uint8Array(values.buffer);
}

for (const [precision, most] of /** @type {[import('#lens').Precision, number][]} */ ([
  ['q8_0', 260],
  ['f16', 320],
  ['as_stored', 620],
]))
  test(`GPT-2 small's shape, ${n_layer} layers, from F32 kept ${precision}`, async () => {
    const { default: createLens } = await import(new URL('lens-relaxed.mjs', build).href);
    const module = await createLens({ wasmBinary: readFileSync(new URL('lens-relaxed.wasm', build)) });
    const engine = new module.Engine();
    const { bytes, size } = header();
    const config = { model_type: 'gpt2', n_layer, bos_token_id: 50256 };
    const files = [
      { name: 'config.json', bytes: new TextEncoder().encode(JSON.stringify(config)) },
      ...tokenizer,
      { name: 'model.safetensors', bytes, size },
    ];
    const ok = (/** @type {any} */ answer) => {
      assert.equal(answer.error, undefined, answer.error?.message);
      return answer.ok;
    };
    const plan = ok(engine.inspect('m', files));
    ok(engine.beginLoad('m', files, precision));
    const weights = piece();
    const started = performance.now();
    for (let at = bytes.length; at < size; at += PIECE)
      ok(engine.put('m', files.length - 1, at, weights.subarray(0, Math.min(PIECE, size - at))));
    const info = ok(engine.finishLoad('m', 'm'));
    const seconds = (performance.now() - started) / 1000;
    const megabytes = ok(engine.memory()) / 1e6;
    const kept = plan.kept[precision] / 1e6;
    console.log(
      `measured: ${precision}, ${n_layer} layers: ${megabytes.toFixed(0)} MB of wasm memory for ${kept.toFixed(0)} MB of weights, in ${seconds.toFixed(1)} s`,
    );
    assert.equal(info.n_layer, n_layer);
    assert.ok(megabytes < (full ? most : kept + 120), `${megabytes} MB`);
    const job = ok(
      engine.start(
        JSON.stringify({
          v: 1,
          models: { m: 'm' },
          runs: { main: { model: 'm', ids: [1, 2], bos: false } },
          reads: [{ what: 'lens' }],
        }),
      ),
    );
    while (!ok(engine.advance(job, 50)).done);
    engine.release('m');
  });
