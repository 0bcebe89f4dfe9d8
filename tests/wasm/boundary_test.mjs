// The wasm engine as the page's worker sees it: types, lengths, error objects, and numbers that outlive the heap's growth.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';

/** @typedef {import("#lens").Engine} Engine */
/** @typedef {import("../../web/src/engine/readout.js").Table} Table */

const root = new URL('../../', import.meta.url);
const build = new URL('build/wasm/wasm/', root);
const files = ['config.json', 'model.safetensors', 'vocab.json', 'merges.txt'].map((name) => ({
  name,
  bytes: new Uint8Array(readFileSync(new URL(`tests/golden/tiny/${name}`, root))),
}));
/** @param {object} run @param {object} [read] */
const experiment = (run, read = {}) =>
  JSON.stringify({
    v: 1,
    models: { m: 'tiny' },
    runs: { main: { model: 'm', bos: false, ...run } },
    reads: [{ what: 'lens', run: 'main', top: 3, ...read }],
  });

/** @type {Awaited<ReturnType<typeof import("#lens").default>>} */
let module;
before(async () => {
  const { default: createLens } = await import(new URL('lens.mjs', build).href);
  module = await createLens({ wasmBinary: readFileSync(new URL('lens.wasm', build)) });
});

/** An engine with the tiny model. */
function engine() {
  const made = new module.Engine();
  ok(made.load('tiny', files));
  return made;
}

/**
 * @template T
 * @param {{ok?: T, error?: {message: string}}} answer
 * @returns {T}
 */
function ok(answer) {
  assert.equal(answer.error, undefined, answer.error?.message);
  return /** @type {T} */ (answer.ok);
}

/**
 * Runs to the end and gives the tables by name.
 * @param {Engine} from @param {string} text
 */
function tables(from, text) {
  const job = ok(from.start(text));
  while (!ok(from.advance(job, 5)).done);
  const named = byName(ok(from.tables(job)));
  from.cancel(job);
  return named;
}

/** @param {Table[]} list @returns {Record<string, Table>} */
const byName = (list) => Object.fromEntries(list.map((table) => [table.name, table]));

test('a loaded model says its shape', () => {
  const info = ok(new module.Engine().load('tiny', files));
  const config = JSON.parse(readFileSync(new URL('tests/golden/tiny/config.json', root), 'utf8'));
  assert.equal(info.n_layer, config.n_layer);
  assert.equal(info.d_model, config.n_embd);
  assert.equal(info.d_vocab, config.vocab_size);
  assert.equal(info.has_tokenizer, true);
  assert.ok(info.n_param > 0);
});

test('tables are typed arrays as long as their dimensions say', () => {
  const lens = tables(engine(), experiment({ ids: [1, 2, 3, 4] }, { track: [5], sets: { a: [6, 7] } }));
  for (const table of Object.values(lens)) {
    assert.ok(table.data instanceof (table.dtype === 'i32' ? Int32Array : Float32Array), table.name);
    assert.equal(
      table.data.length,
      table.dims.map((dim) => dim.size).reduce((n, size) => n * size, 1),
      table.name,
    );
    for (const dim of table.dims) if (dim.labels) assert.equal(dim.labels.length, dim.size, table.name);
  }
  assert.deepEqual([...lens.token.data], [1, 2, 3, 4]);
  assert.equal(lens.kl.dims[0].labels?.[0], 'blocks.0.hook_resid_pre');
  assert.ok(Number.isNaN(lens.surprisal.data.at(-1)), 'nothing came after the last token');
  assert.equal(lens.change, undefined, 'nobody asked');
});

test('a cell tells of its answer and its input, and of the step from the row below where asked', () => {
  const lens = tables(engine(), experiment({ ids: [1, 2, 3, 4] }, { change: true, top: 50 }));
  const [rows, positions] = lens.answer_logit.dims.map((dim) => dim.size);
  for (let row = 0; row < rows; ++row)
    for (let position = 0; position < positions; ++position) {
      const cell = row * positions + position;
      const rank = lens.answer_rank.data[cell];
      if (rank <= 50) assert.equal(lens.answer_logit.data[cell], lens.top_logit.data[cell * 50 + rank - 1]);
      const input = lens.input_rank.data[cell];
      if (input <= 50) assert.equal(lens.top_id.data[cell * 50 + input - 1], position + 1);
      assert.equal(Number.isNaN(lens.change.data[cell]), row === 0);
    }
});

test('a read of named positions has only those, under their numbers', () => {
  const made = engine();
  const all = tables(made, experiment({ ids: [1, 2, 3, 4] }));
  const some = tables(made, experiment({ ids: [1, 2, 3, 4] }, { positions: [-1, 1] }));
  assert.deepEqual(some.kl.dims[1], { name: 'position', size: 2, labels: ['3', '1'] });
  assert.deepEqual([...some.token.data], [4, 2]);
  const [rows] = some.entropy.dims;
  for (let row = 0; row < rows.size; ++row) {
    assert.equal(some.entropy.data[row * 2], all.entropy.data[row * 4 + 3]);
    assert.equal(some.entropy.data[row * 2 + 1], all.entropy.data[row * 4 + 1]);
  }
});

test('token bytes and offsets cover the vocabulary', () => {
  const made = engine();
  const { bytes, offsets, special } = ok(made.vocabulary('tiny'));
  assert.equal(special.length + 1, offsets.length);
  assert.equal(offsets.at(-1), bytes.length);
  const text = 'Half an é\u0000';
  const spelled = [...ok(made.tokenize('tiny', text))].flatMap((id) => [...bytes.slice(offsets[id], offsets[id + 1])]);
  assert.deepEqual(spelled, [...new TextEncoder().encode(text)]);
});

test('tables outlive the growth of wasm memory', () => {
  const made = engine();
  const lens = tables(made, experiment({ ids: [1, 2, 3] }));
  const before = [...lens.top_logit.data];
  const others = Array.from({ length: 60 }, (_, i) => made.load(`copy ${i}`, files));
  assert.ok(others.every((other) => other.ok));
  assert.deepEqual([...lens.top_logit.data], before);
});

test('columns not read yet hold NaN and -1', () => {
  const made = engine();
  const job = ok(made.start(experiment({ ids: Array.from({ length: 20 }, (_, i) => i) })));
  const progress = ok(made.advance(job, 0));
  assert.equal(progress.done, false);
  assert.ok(progress.progress > 0 && progress.progress < 1);
  const list = byName(ok(made.tables(job)));
  assert.ok(list.kl.data.every(Number.isNaN));
  assert.ok(list.top_id.data.every((id) => id === -1));
  made.cancel(job);
  assert.equal(made.advance(job, 0).error?.code, 'no_job');
});

test('a job that is overtaken leaves its work, and the numbers are those of a fresh engine, bit for bit', () => {
  const ids = Array.from({ length: 20 }, (_, i) => (7 * i) % 100);
  const made = engine();
  for (const n of [20, 3, 12, 5, 20]) {
    const job = ok(made.start(experiment({ ids: ids.slice(0, n) })));
    for (let slice = 0; slice < 5; ++slice) made.advance(job, 0);
    made.cancel(job);
  }
  const [worn, fresh] = [made, engine()].map((from) => tables(from, experiment({ ids })));
  for (const name of Object.keys(fresh))
    assert.deepEqual(new Uint8Array(worn[name].data.buffer), new Uint8Array(fresh[name].data.buffer), name);
});

for (const [name, text, code] of [
  ['text that is not JSON', '{', 'json_syntax'],
  ['a newer version', '{"v":2}', 'experiment_version'],
  ['no version', '{}', 'experiment_version'],
  ['no model', '{"v":1}', 'experiment_key'],
  ['a model that is not loaded', experiment({ ids: [1] }).replace('"tiny"', '"other"'), 'model_missing'],
  ['an id beyond the vocabulary', experiment({ ids: [100000] }), 'token_id'],
  ['nothing to read', experiment({ ids: [] }), 'prompt_empty'],
  ['more than the context', experiment({ prompt: 'word '.repeat(5000) }), 'prompt_length'],
  ['an edit', experiment({ ids: [1], edits: [{ op: 'zero' }] }), 'not_built'],
  ['another lens', experiment({ ids: [1] }, { lens: 'tuned' }), 'lens_missing'],
  ['a text of two tokens to track', experiment({ ids: [1] }, { track: ['q!z?'] }), 'token_text'],
  ['a position beyond the run', experiment({ ids: [1, 2] }, { positions: [2] }), 'position'],
  ['brackets a thousand deep', '['.repeat(1000), 'json_depth'],
])
  test(`refused by name: ${name}`, () => {
    const answer = engine().start(text);
    assert.equal(answer.error?.code, code, JSON.stringify(answer));
    assert.ok(answer.error && answer.error.message.length > 20);
  });

test('a lens is loaded beside its model under a name', () => {
  const made = engine();
  const file = (/** @type {string} */ name) => ({
    name,
    bytes: new Uint8Array(readFileSync(new URL(`tests/golden/${name}`, root))),
  });
  const asked = experiment({ ids: [1, 2, 3] }, { lens: 'tuned', beside: 'raw' });
  assert.equal(made.start(asked).error?.code, 'lens_missing');
  assert.equal(made.loadLens('tiny', 'tuned', [file('tiny_expected.safetensors')]).error?.code, 'lens_format');
  assert.equal(made.loadLens('tiny', 'tuned', [file('tiny_tuned.safetensors')]).error, undefined);
  tables(made, experiment({ ids: [1, 2, 3] }, { lens: 'tuned' })); // columns without a lens beside are other columns
  const found = tables(made, asked);
  assert.equal(found.beside_kl.data.length, found.kl.data.length);
  assert.ok(found.beside_kl.data[0] > 0);
});

test('a broken model is refused by file and tensor, and the one before stays', () => {
  const made = engine();
  const cut = files.map((file) =>
    file.name === 'model.safetensors' ? { ...file, bytes: file.bytes.subarray(0, 5000) } : file,
  );
  const answer = made.load('broken', cut);
  assert.match(answer.error?.message ?? '', /model\.safetensors/);
  assert.ok(tables(made, experiment({ ids: [1, 2] })).kl);
});
