// Our engine beside two that nobody here wrote, ONNX Runtime and llama.cpp, on seeded random weights in GPT-2's real
// vocabulary: every way in which a checkpoint may be written, through the loader that the page has. Every day with two
// layers, in a full run the published shapes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkpoint, gguf } from './checkpoint.mjs';
import { hasLlama, llama } from './llama.mjs';

/** @typedef {Record<string, {shape: number[], data: any}>} Tables */

const root = join(import.meta.dirname, '../..');
const lens = join(root, 'build/native/lens');
const vocabulary = join(root, '../shared/gpt2-tokenizer');
const packages =
  process.env.BENCH_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'logit-lens/bench');
const onnxRuntime = join(packages, 'node_modules/onnxruntime-web/dist/ort.node.min.mjs');
const models = join(root, 'build/peers');
const full = process.env.LENS_TESTS === 'full';

const missing =
  process.env.LENS_TESTS === 'quick'
    ? 'takes long'
    : [lens, vocabulary, join(root, 'build/wasm/wasm/lens.mjs')]
        .find((path) => !existsSync(path))
        ?.concat(' is absent');
const withoutRuntime =
  missing ?? (existsSync(onnxRuntime) ? false : 'onnxruntime-web is absent: wasm/toolchain/install peers');
const withoutLlama =
  missing ?? (hasLlama(packages) ? false : 'wllama or Chromium is absent: wasm/toolchain/install peers browser');

const PROMPTS = [
  'The capital of France is',
  'Once upon a time, in 1984,',
  ' naïve café 🙂 你好',
  'for (int i = 0; i < n; ++i) {',
  'It was the best of times',
  'She said: “I don’t know.”',
  'Tom told Mary that he',
  '1, 2, 3, 4,',
];
const PIECE = 1 << 20;

// ---- Ours ----

const engine = await (async () => {
  if (missing) return null;
  const build = new URL('../../build/wasm/wasm/', import.meta.url);
  const { default: createLens } = await import(new URL('lens.mjs', build).href);
  const module = await createLens({ wasmBinary: readFileSync(new URL('lens.wasm', build)) });
  return new module.Engine();
})();

/** @param {any} answer */
const ok = (answer) => {
  assert.equal(answer.error, undefined, answer.error?.message);
  return answer.ok;
};

/** @param {import('./checkpoint.mjs').CheckpointFile[]} files @param {string} precision */
function open(files, precision = 'as_stored') {
  engine.release('m');
  const heads = files.map(({ name, head, size }) => ({ name, bytes: head, size }));
  ok(engine.beginLoad('m', heads, precision));
  for (const [i, file] of files.entries()) {
    if (!/\.(safetensors|gguf)$/.test(file.name)) continue;
    let at = 0;
    for (const bytes of [file.head, ...file.bytes()])
      for (let from = 0; from < bytes.length; from += PIECE) {
        const piece = bytes.subarray(from, from + PIECE);
        ok(engine.put('m', i, at, piece));
        at += piece.length;
      }
    assert.equal(at, file.size);
  }
  return ok(engine.finishLoad('m', 'm'));
}

/** @param {object} run @param {object} read @returns {Tables} */
function tables(run, read) {
  const experiment = {
    v: 1,
    models: { m: 'm' },
    runs: { a: { model: 'm', ...run } },
    reads: [{ what: 'lens', ...read }],
  };
  const job = ok(engine.start(JSON.stringify(experiment)));
  while (!ok(engine.advance(job, 1000)).done);
  const found = ok(engine.tables(job));
  engine.cancel(job);
  return Object.fromEntries(found.map((/** @type {any} */ t) => [t.name, t]));
}

/** @param {string} prompt @returns {number[]} */
const tokens = (prompt) => [...ok(engine.tokenize('m', prompt))];

// ---- The models ----

/** Makes those that are not there yet. @param {string[]} names */
function make(names) {
  const scripts = ['peers/make_models.py', 'bench/models.py', 'bench/onnx_graphs.py'];
  const stamp = createHash('sha256');
  for (const script of scripts) stamp.update(readFileSync(join(root, 'tests', script)));
  const made = stamp.digest('hex');
  for (const name of names) {
    const mark = join(models, name, 'made_by');
    if (existsSync(mark) && readFileSync(mark, 'utf8') === made) continue;
    mkdirSync(models, { recursive: true });
    execFileSync('/usr/bin/python3', ['-B', join(root, 'tests', scripts[0]), models, vocabulary, name]);
    writeFileSync(mark, made);
  }
}

/** @param {string} name @param {string} type of the file; q8_0-f32: F32 of the file in Q8_0 @returns {string} below build/peers */
function converted(name, type) {
  const [from, to] = type.includes('-') ? type.split('-') : [null, type];
  const source = from ? join(name, `model-${from}.gguf`) : name;
  const file = join(name, `model-${type}.gguf`);
  if (from) converted(name, from);
  execFileSync(lens, ['convert', join(models, source), join(models, file), '--type', to]);
  return file;
}

after(() => {
  // Gigabytes that the next run writes anew.
  for (const name of ['gpt2', 'gpt2-medium', 'distilgpt2'])
    rmSync(join(models, name), { recursive: true, force: true });
});

// ---- ONNX Runtime ----

/** @type {Promise<any>} */
let runtime;
/** @param {string} name @param {number[]} ids @returns {Promise<{d_vocab: number, logits: Float32Array}>} of all positions */
async function logitsOf(name, ids) {
  runtime ??= import(onnxRuntime);
  const ort = await runtime;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const file = (/** @type {string} */ n) => new Uint8Array(readFileSync(join(models, name, n)));
  const session = await ort.InferenceSession.create(file('logits.onnx'), {
    executionProviders: ['wasm'],
    externalData: [{ path: 'model.safetensors', data: file('model.safetensors') }],
  });
  const row = (/** @type {number[]} */ values) => new ort.Tensor('int64', values.map(BigInt), [1, ids.length]);
  const { logits } = await session.run({ input_ids: row(ids), position_ids: row(ids.map((_, i) => i)) });
  const copy = { d_vocab: logits.dims[1], logits: logits.data.slice() };
  await session.release();
  return copy;
}

/**
 * The output's 50 best and 100 others against all that the other engine gave: each logit, their mean, ln Σ exp, the order
 * of the first ten.
 * @param {Tables} ours @param {{d_vocab: number, logits: Float32Array}} theirs @returns {number} the worst |Δ| / max|logit|
 */
function compare(ours, { d_vocab, logits }) {
  const n = logits.length / d_vocab;
  let worst = 0;
  for (let p = 0; p < n; p++) {
    const z = logits.subarray(p * d_vocab, (p + 1) * d_vocab);
    const size = z.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const near = (/** @type {number} */ got, /** @type {number} */ expected, /** @type {string} */ what) => {
      const error = Math.abs(got - expected) / size;
      assert.ok(error <= 2e-4, `${what} at position ${p}: ${got}, not ${expected}`);
      worst = Math.max(worst, error);
    };
    for (const list of ['top', 'track']) {
      const k = ours[`${list}_logit`].data.length / n;
      for (let i = 0; i < k; i++) {
        const id = list === 'top' ? ours.top_id.data[p * k + i] : ours.track_id.data[i];
        near(ours[`${list}_logit`].data[p * k + i], z[id], `token ${id}`);
      }
    }
    near(ours.mean_logit.data[p], z.reduce((sum, v) => sum + v, 0) / d_vocab, 'the mean');
    near(ours.log_z.data[p], Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0)), 'ln Σ exp');
    const best = Array.from(z.keys())
      .sort((a, b) => z[b] - z[a] || a - b)
      .slice(0, 10);
    const k = ours.top_id.data.length / n;
    best.forEach((id, i) => {
      const got = ours.top_id.data[p * k + i];
      // Two that lie closer than the tolerance may change places.
      assert.ok(
        got === id || Math.abs(z[got] - z[id]) <= 4e-4 * size,
        `place ${i} at position ${p}: ${got}, not ${id}`,
      );
    });
  }
  return worst;
}

/** @param {number} n_layer @param {number} d_vocab */
const output = (n_layer, d_vocab) => ({
  rows: [`blocks.${n_layer - 1}.hook_resid_post`],
  top: 50,
  track: Array.from({ length: 100 }, (_, i) => (i * 7919 + 13) % d_vocab),
});

/** @type {Record<string, import('./checkpoint.mjs').Variant | string>} a type of GGUF where it is a text */
const ALL = {
  'OpenAI’s own: no prefix, mask buffers in F32, data at an odd address': { masks: 'F32', odd: true },
  'prefix transformer., masks in U8, an lm_head that repeats the embedding': {
    prefix: 'transformer.',
    masks: 'U8',
    head: true,
  },
  'nn.Linear’s orientation, masks in BOOL': { linear: true, masks: 'BOOL' },
  F16: { dtype: 'F16' },
  'BF16 in three files with an index': { dtype: 'BF16', files: 3 },
  'GGUF, F32': 'f32',
  'GGUF, F16': 'f16',
};
/** @type {typeof ALL} */
const PLAIN = { 'as it was published': {}, 'GGUF, F32': 'f32' };
const ODD = { 'as it was published': {} }; // GGUF has no words for it
/** @type {Record<string, typeof ALL>} */
const FORMS = full
  ? { 'two-layers': ALL, 'own-head': ALL, odd: ODD, gpt2: ALL, 'gpt2-medium': PLAIN, distilgpt2: PLAIN }
  : {
      'two-layers': ALL,
      'own-head': { ...PLAIN, 'nn.Linear’s orientation, F16': { linear: true, dtype: 'F16' } },
      odd: ODD,
    };
/** @type {Record<string, string>} */
const ABOUT = {
  'two-layers': 'two layers',
  'own-head': 'two layers, an lm_head of its own, n_inner 1,536',
  odd: 'two layers, exact GELU, attention scaled by layer, 50,300 tokens',
};

for (const [name, forms] of Object.entries(FORMS))
  test(`${ABOUT[name] ?? name}: ONNX Runtime’s logits`, {
    skip: withoutRuntime,
  }, async (t) => {
    make([name]);
    /** @type {Awaited<ReturnType<typeof logitsOf>>} */
    let theirs;
    /** @type {Tables | undefined} */
    let first;
    let worst = 0;
    for (const [form, variant] of Object.entries(forms)) {
      await t.test(form, async () => {
        const files =
          typeof variant === 'string'
            ? gguf(join(models, converted(name, variant)))
            : checkpoint(join(models, name), variant);
        const info = open(files);
        const ids = tokens(PROMPTS.join('\n'));
        theirs ??= await logitsOf(name, ids);
        assert.equal(info.d_vocab, theirs.d_vocab);
        const ours = tables({ ids, bos: false }, output(info.n_layer, info.d_vocab));
        worst = Math.max(worst, compare(ours, theirs));
        // The files hold the same numbers, so it does not matter at all which one it was.
        first ??= ours;
        for (const table of ['top_id', 'top_logit', 'track_logit', 'log_z'])
          assert.deepEqual(ours[table].data, first[table].data);
      });
    }
    console.log(`measured: ${name} against ONNX Runtime: max|Δ| / max|logit| ${worst.toExponential(1)}`);
  });

// ---- llama.cpp ----

// [type of ours, type of theirs, tolerance of a log-probability]. llama.cpp rounds what meets Q8_0 to 8 bits as well, so
// there the weights are held against the same ones in F32, and the whole with a figure of its own.
/** @type {[string, string, number][]} */
const Q8 = [
  ['q8_0', 'q8_0-f32', 1e-2],
  ['q8_0', 'q8_0', 5e-2],
];
/** @type {Record<string, [string, string, number][]>} */
const CONVERTED = {
  'two-layers': [['f32', 'f32', 1e-2], ['f16', 'f16', 1e-2], ...Q8],
  ...(full
    ? {
        'own-head': [['f32', 'f32', 1e-2]],
        gpt2: [['f32', 'f32', 1e-2], ...Q8],
        'gpt2-medium': [['f32', 'f32', 1e-2], ...Q8],
        distilgpt2: [['f32', 'f32', 1e-2], ...Q8],
      }
    : {}),
};

/** What we say comes after a prompt: 50 tokens, best first. @param {string} prompt @param {number} n_layer */
function best(prompt, n_layer) {
  const ids = tokens(prompt);
  const read = { rows: [`blocks.${n_layer - 1}.hook_resid_post`], positions: [-1], top: 50 };
  const { top_id, top_logit, log_z } = tables({ ids, bos: false }, read);
  const ours = /** @type {number[]} */ ([...top_id.data]);
  const logprob = new Map(ours.map((id, k) => [id, top_logit.data[k] - log_z.data[0]]));
  return { ids, ours, logprob };
}

/** Whether a token alone is UTF-8: others its server cannot put into its answer, and fails. @param {import('#lens').VocabularyTable} vocabulary @param {number} id */
function isText({ bytes, offsets }, id) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(offsets[id], offsets[id + 1])) !== '';
  } catch {
    return false;
  }
}

test('llama.cpp opens what lens convert writes, and says what we say', { skip: withoutLlama }, async (t) => {
  make(Object.keys(CONVERTED));
  const other = await llama(packages, models, join(root, 'build/peers-page'));
  after(() => other.end());
  for (const [name, pairs] of Object.entries(CONVERTED))
    for (const [type, theirType, tolerance] of pairs)
      await t.test(`${name}, ${theirType}`, async () => {
        const file = converted(name, theirType);
        const { n_layer } = open(gguf(join(models, name, `model-${type}.gguf`)));
        const vocabulary = ok(engine.vocabulary('m'));
        const asked = PROMPTS.map((prompt) => ({ prompt, ...best(prompt, n_layer) }))
          .filter(({ ours }) => ours.slice(0, 20).every((id) => isText(vocabulary, id)))
          .slice(0, 4);
        assert.equal(asked.length, 4);
        const theirs = await other.next(
          file,
          asked.map(({ prompt }) => prompt),
          10,
        );
        let worst = 0;
        for (const [i, { prompt, ids, ours, logprob }] of asked.entries()) {
          assert.equal(ids.length, theirs[i].n_token);
          for (const [place, { id, logprob: expected }] of theirs[i].top.entries()) {
            const got = logprob.get(id);
            assert.ok(
              got !== undefined && Math.abs(got - expected) <= tolerance,
              `“${prompt}”, token ${id}: ${got}, not ${expected}`,
            );
            worst = Math.max(worst, Math.abs(got - expected));
            const here = /** @type {number} */ (logprob.get(ours[place]));
            assert.ok(
              ours[place] === id || Math.abs(here - got) <= 2 * tolerance,
              `“${prompt}”, place ${place}: ${ours[place]}, not ${id}`,
            );
          }
        }
        console.log(
          `measured: ${name}, ${type} against ${theirType} of llama.cpp: max|Δ ln p| of its top 10 ${worst.toExponential(1)}`,
        );
      });
});
