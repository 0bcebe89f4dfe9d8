// Each build of the engine computes the tiny model; what differs between them is rounding.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BUILDS } from '../../web/src/engine/builds.js';

const root = new URL('../../', import.meta.url);
const files = ['config.json', 'model.safetensors'].map((name) => ({
  name,
  bytes: new Uint8Array(readFileSync(new URL(`tests/golden/tiny/${name}`, root))),
}));
const text = JSON.stringify({
  v: 1,
  models: { m: 'tiny' },
  runs: { main: { model: 'm', bos: false, ids: Array.from({ length: 20 }, (_, i) => 7 * i) } },
  reads: [{ what: 'lens', run: 'main', top: 3 }],
});

/** @param {string} build */
async function tables(build) {
  const { default: createLens } = await import(new URL(`build/wasm/wasm/${build}.mjs`, root).href);
  const module = await createLens({ wasmBinary: readFileSync(new URL(`build/wasm/wasm/${build}.wasm`, root)) });
  /** @type {import("#lens").Engine} */
  const engine = new module.Engine();
  assert.equal(engine.load('tiny', files).error, undefined);
  const job = engine.start(text).ok ?? 0;
  while (!engine.advance(job, 100).ok?.done);
  return engine.tables(job).ok ?? [];
}

const plain = tables(BUILDS[0]);
for (const build of BUILDS.slice(1))
  test(`${build} computes what ${BUILDS[0]} computes`, async () => {
    const [expected, got] = [await plain, await tables(build)];
    for (const [i, { name, dtype, data }] of got.entries()) {
      if (dtype === 'i32') assert.deepEqual(data, expected[i].data, name);
      const largest = Math.max(...expected[i].data.map(Math.abs).filter((x) => !Number.isNaN(x)));
      for (const [k, value] of data.entries())
        assert.ok(
          Object.is(value, expected[i].data[k]) || Math.abs(value - expected[i].data[k]) <= 1e-5 * largest,
          name,
        );
    }
  });
