// The harness' own arithmetic and tables, and that our adapter asks the engine what it means to ask. Nothing is timed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Session } from '../../web/src/engine/session.js';
import * as ours from './adapters/ours.mjs';
import { JOBS, operations, prompt, text } from './jobs.mjs';
import { addShares, check, isDisturbed, summary, tables } from './results.mjs';

const root = new URL('../../', import.meta.url);

test('a median of an odd and of an even number', () => {
  assert.deepEqual(summary([5, 1, 3]), { median: 3, min: 1, max: 5, reps: 3 });
  assert.equal(summary([4, 1, 3, 2]).median, 2.5);
});

test('prompts differ from call to call behind what is kept, and only there', () => {
  const [first, second] = [0, 1].map((call) => prompt(JOBS['lens+1'], call));
  assert.deepEqual(first.slice(0, 63), second.slice(0, 63));
  assert.notEqual(first[63], second[63]);
  assert.notEqual(prompt(JOBS.lens16, 1)[0], prompt(JOBS.lens16, 0)[0]);
  for (const job of [JOBS.prefill16, JOBS['lens+1']])
    assert.equal(new Set(Array.from({ length: 100 }, (_, call) => String(prompt(job, call)))).size, 100);
  assert.equal(text(prompt({ method: 'lens', positions: 3 }, 0)), ' a h o');
});

test('operations: one more position of the lens is its blocks, its scores and thirteen unembeddings', () => {
  const [blocks, W_U] = [12 * 12 * 768 * 768, 768 * 50257];
  assert.equal(operations(JOBS['lens+1']), 2 * blocks + 4 * 12 * 768 * 64 + 2 * 13 * W_U);
  assert.equal(operations(JOBS.prefill16), 2 * blocks * 16 + 4 * 12 * 768 * ((16 * 17) / 2) + 2 * W_U);
  assert.equal(operations(JOBS.decode32), 2 * (blocks + W_U));
});

const expected = {
  top: [
    [7, 8, 9],
    [1, 2, 3],
  ],
  entropy: [
    [1, 1, 1],
    [2, 2, 2],
  ],
  text: ['x', 'y', 'z'],
};

test('answers are held against the reference, a shorter prompt against its beginning', () => {
  const lens = { ids: [7n, 0n, 5n, 0n, 1n, 0n, 2n, 0n], entropy: [1, 1.5, 2, 2] };
  assert.deepEqual(check(lens, expected, 2), { top1: 3, of: 4, entropy_diff: 0.5 });
  assert.deepEqual(check({ top: 2 }, expected, 2), { top1: 1, of: 1 });
  assert.deepEqual(check({ topText: 'x' }, expected, 2), { top1: 0, of: 1 });
  assert.equal(check({}, expected, 2), null);
});

test('a machine that was shared is told by its load or by its calibration', () => {
  const quiet = { ...summary([1]), calibration: [50, 49], others_cores: 0.1 };
  assert.equal(isDisturbed(quiet, 50), false);
  assert.equal(isDisturbed({ ...quiet, others_cores: 0.5 }, 50), true);
  assert.equal(isDisturbed(quiet, 60), true);
});

test('shares and tables of a run', () => {
  const measured = (/** @type {number} */ ms) => ({ ...summary([ms]), calibration: [50, 50] });
  /** @type {import("./results.mjs").Results} */
  const results = {
    date: '2026-01-02T03:04:05Z',
    machine: { cpu: 'a CPU', cores: 2 },
    versions: { Chromium: '1.2' },
    best_calibration: 50,
    limits: {
      1: {
        f32_mul_add: { median: 40, unit: 'GFLOP/s' },
        f32_madd: { median: 50, unit: 'GFLOP/s' },
        read: { median: 20, unit: 'GB/s' },
      },
    },
    contestants: {
      one: {
        weights: 'f32',
        by_threads: {
          1: {
            load_ms: 1234,
            results: {
              decode32: measured(50),
              lens64: { ...measured(2000), check: { top1: 831, of: 832, entropy_diff: 1e-5 } },
              'lens+1': { unsupported: 'no' },
            },
          },
        },
      },
    },
  };
  addShares(results);
  const { decode32, lens64 } = results.contestants.one.by_threads[1].results;
  assert.ok('gops' in lens64 && 'GBps' in decode32);
  assert.ok(Math.abs(/** @type {number} */ (lens64.share) - operations(JOBS.lens64) / 2000 / 1e6 / 50) < 1e-9);
  assert.ok(Math.abs(/** @type {number} */ (decode32.GBps) - 494.1e6 / 50e6) < 0.01);
  const written = tables(results);
  assert.match(written, /^2026-01-02 03:04 UTC; 2 cores, a CPU; Chromium 1\.2; calibration 50\.0 GFLOP\/s\.$/m);
  assert.match(written, /^\| one \| 1 \| 50\.0 \(49%\) \| 2000 \(75%\) \| – \| 1234 \| – \| – \|$/m);
  assert.match(written, /^\| one \| 99\.9%, 1\.0e-5 \| – \|$/m);
});

test('our adapter gives the tops of the float64 reference on the tiny model', async () => {
  const expected = safetensors('tests/golden/tiny_expected.safetensors');
  const ids = [...expected['full/ids'].data];
  const { run, n_layer } = await tinyEngine();
  ours.use(run, n_layer);

  // The recorded lens has the mid-block rows between.
  const { data, shape } = expected['full/recomputed/top_id'];
  const [rows, positions, top] = shape;
  const recorded = Array.from({ length: n_layer + 1 }, (_, row) =>
    ids.map((_, p) => data[(2 * row * positions + p) * top]),
  );
  assert.equal(rows, 2 * n_layer + 1);

  const answer = await ours.lens(ids);
  const got = recorded.map((row, r) => row.map((_, p) => answer.ids[(r * positions + p) * 10]));
  assert.deepEqual(got, recorded);
  for (const n of [3, positions]) assert.equal((await ours.prefill(ids.slice(0, n))).top, recorded[n_layer][n - 1]);
  assert.ok((await ours.decode(ids.slice(0, 5), 4)).ms > 0);
});

/** The wasm build with the tiny model under the adapter's name for it. */
async function tinyEngine() {
  const build = new URL('build/wasm/wasm/', root);
  const { default: createLens } = await import(new URL('lens.mjs', build).href);
  const module = await createLens({ wasmBinary: readFileSync(new URL('lens.wasm', build)) });
  const session = new Session(new module.Engine(), async () => {});
  const files = ['config.json', 'model.safetensors'].map((name) => ({
    name,
    bytes: new Uint8Array(readFileSync(new URL(`tests/golden/tiny/${name}`, root))),
  }));
  const info = session.load('m', files).ok;
  assert.ok(info);
  return {
    n_layer: info.n_layer,
    run: async (/** @type {string} */ experiment) => {
      const { ok, error } = await session.run(experiment, null, null);
      assert.ok(ok && 'tables' in ok, error?.message);
      return ok.tables;
    },
  };
}

/** @param {string} path @returns {Record<string, {shape: number[], data: Int32Array | Float32Array}>} */
function safetensors(path) {
  const file = readFileSync(new URL(path, root));
  const size = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, 8 + size).toString());
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return Object.fromEntries(
    entries.map(([name, { dtype, shape, data_offsets }]) => {
      const [begin, end] = data_offsets;
      const bytes = new Uint8Array(file.subarray(8 + size + begin, 8 + size + end)).buffer;
      return [name, { shape, data: dtype === 'I32' ? new Int32Array(bytes) : new Float32Array(bytes) }];
    }),
  );
}
