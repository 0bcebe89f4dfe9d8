// The builds of the engine: with any number of threads the same bits; what differs between plain and relaxed SIMD is
// rounding.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BUILDS } from '../../web/src/engine/builds.js';

const root = new URL('../../', import.meta.url);
/** @param {string} path */
const file = (path) => ({
  name: path.split('/').at(-1) ?? '',
  bytes: new Uint8Array(readFileSync(new URL(path, root))),
});

const tiny = {
  files: ['config.json', 'model.safetensors'].map((name) => file(`tests/golden/tiny/${name}`)),
  run: { bos: false, ids: Array.from({ length: 20 }, (_, i) => 7 * i) },
};
// Large enough for its products and its unembedding to be shared.
const primer = {
  files: [file('models/primer.gguf')],
  run: { prompt: 'Once upon a time there was a king who had two sons, and the younger one went out to see the world' },
};

/** @param {string} build @param {number} threads */
async function start(build, threads) {
  const { default: createLens } = await import(new URL(`build/wasm/wasm/${build}.mjs`, root).href);
  const wasmBinary = readFileSync(new URL(`build/wasm/wasm/${build}.wasm`, root));
  const module = await createLens({ wasmBinary, threads });
  assert.equal(module.useThreads(threads), threads);
  return module;
}

/** @param {string} build @param {number} threads @param {typeof tiny | typeof primer} model */
async function tables(build, threads, { files, run }) {
  const module = await start(build, threads);
  /** @type {import("#lens").Engine} */
  const engine = new module.Engine();
  assert.equal(engine.load('m', files).error, undefined);
  const reads = [
    { what: 'lens', mid: true, change: true, track: [1, 2] },
    { what: 'components', tokens: [3] },
  ];
  const job = engine.start(JSON.stringify({ v: 1, models: { m: 'm' }, runs: { main: { model: 'm', ...run } }, reads }));
  assert.equal(job.error, undefined);
  while (!engine.advance(job.ok ?? 0, 100).ok?.done);
  const { ok } = engine.tables(job.ok ?? 0);
  assert.ok(ok && ok.length > 0);
  module.useThreads(1); // else they are waited for
  return ok.map(({ name, dtype, data }) => ({ name, dtype, data }));
}

test('relaxed SIMD computes what plain SIMD computes', async () => {
  const [expected, got] = await Promise.all(['lens', 'lens-relaxed'].map((build) => tables(build, 1, tiny)));
  for (const [i, { name, dtype, data }] of got.entries()) {
    if (dtype === 'i32') assert.deepEqual(data, expected[i].data, name);
    const largest = Math.max(...expected[i].data.map(Math.abs).filter((x) => !Number.isNaN(x)));
    for (const [k, value] of data.entries())
      assert.ok(Object.is(value, expected[i].data[k]) || Math.abs(value - expected[i].data[k]) <= 1e-5 * largest, name);
  }
});

for (const build of BUILDS.filter((name) => name.endsWith('-threads'))) {
  const alone = tables(build.replace('-threads', ''), 1, primer);
  for (const threads of [1, 2, 5])
    test(`${build}: the bits that a build without threads computes, with ${threads}`, async () => {
      assert.deepEqual(await tables(build, threads, primer), await alone);
    });
}

/** The head of a checkpoint whose W_E alone is nearly 4 GB. */
function enormous() {
  const [d, n] = [64, 16_776_000];
  const config = { model_type: 'gpt2', n_embd: d, n_head: 2, n_layer: 1, n_positions: 8, n_ctx: 8, vocab_size: n };
  const shapes = {
    ...{ 'wte.weight': [n, d], 'wpe.weight': [8, d], 'ln_f.weight': [d], 'ln_f.bias': [d] },
    ...{ 'h.0.ln_1.weight': [d], 'h.0.ln_1.bias': [d], 'h.0.ln_2.weight': [d], 'h.0.ln_2.bias': [d] },
    ...{ 'h.0.attn.c_attn.weight': [d, 3 * d], 'h.0.attn.c_attn.bias': [3 * d] },
    ...{ 'h.0.attn.c_proj.weight': [d, d], 'h.0.attn.c_proj.bias': [d] },
    ...{ 'h.0.mlp.c_fc.weight': [d, 4 * d], 'h.0.mlp.c_fc.bias': [4 * d] },
    ...{ 'h.0.mlp.c_proj.weight': [4 * d, d], 'h.0.mlp.c_proj.bias': [d] },
  };
  let end = 0;
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const begin = end;
    end += 4 * shape.reduce((a, b) => a * b);
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }];
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(tensors)));
  const bytes = new Uint8Array(8 + header.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  return [
    { name: 'config.json', bytes: new TextEncoder().encode(JSON.stringify(config)) },
    { name: 'model.safetensors', bytes, size: bytes.length + end },
  ];
}

for (const build of BUILDS)
  test(`${build}: what does not fit in the memory there is is told in words`, async () => {
    const module = await start(build, build.endsWith('-threads') ? 2 : 1);
    assert.equal(new module.Engine().beginLoad('m', enormous(), 'as_stored').error?.code, 'out_of_memory');
    module.useThreads(1);
  });
