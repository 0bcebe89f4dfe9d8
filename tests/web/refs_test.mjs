// How a link names a model, what somebody may type, and which files of a folder make one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { chosen } from '../../web/src/engine/hub.js';
import { hubOf, placeOf, placeTyped, precisionOf, refOf, withPrecision } from '../../web/src/engine/refs.js';

const COMMIT = '607a30d783dfa663caf39e06633721c8d4cfcd7e';

test('a ref says where its model lies, and comes back the same', () => {
  for (const [ref, place] of /** @type {[string, object][]} */ ([
    ['primer', { kind: 'catalog', key: 'primer' }],
    [`openai-community/gpt2@${COMMIT}`, { kind: 'hub', repo: 'openai-community/gpt2', revision: COMMIT, file: null }],
    ['a/b.c@main:x-Q8_0.gguf', { kind: 'hub', repo: 'a/b.c', revision: 'main', file: 'x-Q8_0.gguf' }],
    ['a/b@refs/pr/3', { kind: 'hub', repo: 'a/b', revision: 'refs/pr/3', file: null }],
    ['./school', { kind: 'beside', name: 'school' }],
    ['file:my model.gguf@0123456789ab', { kind: 'file', name: 'my model.gguf', hash: '0123456789ab' }],
  ])) {
    assert.deepEqual(placeOf(ref), place);
    assert.equal(refOf(placeOf(ref)), ref);
    for (const precision of /** @type {const} */ (['as_stored', 'f16', 'q8_0']))
      assert.deepEqual(precisionOf(withPrecision(ref, precision)), { base: ref, precision });
  }
  assert.equal(placeOf('../etc').kind, 'catalog');
  assert.equal(placeOf('./..').kind, 'catalog');
});

test('the address of a page of the hub is as good as a name', () => {
  for (const [typed, ref] of [
    ['openai-community/gpt2', 'openai-community/gpt2@main'],
    [' https://huggingface.co/openai-community/gpt2/ ', 'openai-community/gpt2@main'],
    [`https://huggingface.co/openai-community/gpt2/tree/${COMMIT}`, `openai-community/gpt2@${COMMIT}`],
    ['https://huggingface.co/a/b/blob/main/x.gguf', 'a/b@main:x.gguf'],
    ['./school', './school'],
  ])
    assert.equal(refOf(placeTyped(typed)), ref);
  for (const typed of ['', 'gpt2', 'a model', 'https://example.org/a/b/c', 'a/b/c'])
    assert.throws(() => placeTyped(typed), /names no model/);
});

test('code asks the hub for a folder of it alone', () => {
  assert.deepEqual(hubOf('a/b@main~q8_0'), { repo: 'a/b', revision: 'main' });
  for (const ref of ['primer', './a', 'a/b@main:x.gguf']) assert.equal(hubOf(ref), null);
});

test('of a folder, what makes the model is taken', () => {
  const gpt2 = ['README.md', 'config.json', 'model.safetensors', 'pytorch_model.bin', 'onnx/model.onnx', 'merges.txt'];
  assert.deepEqual(chosen([...gpt2, 'tokenizer.json', 'vocab.json'], null, 'x'), [
    'config.json',
    'tokenizer.json',
    'model.safetensors',
  ]);
  assert.deepEqual(chosen([...gpt2, 'vocab.json'], null, 'x'), [
    'config.json',
    'vocab.json',
    'merges.txt',
    'model.safetensors',
  ]);
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const index = 'model.safetensors.index.json';
  assert.deepEqual(chosen(['config.json', ...shards, index], null, 'x'), ['config.json', index, ...shards]);
  assert.deepEqual(chosen(['a.gguf', 'README.md'], null, 'x'), ['a.gguf']);
  assert.deepEqual(chosen(['a.gguf', 'b.gguf'], 'b.gguf', 'x'), ['b.gguf']);
  assert.throws(() => chosen(['a.gguf', 'b.gguf'], null, 'x'), /Add the one to open: x:a.gguf/);
  assert.throws(() => chosen(['a.gguf'], 'b.gguf', 'x'), /has no file b.gguf/);
  assert.throws(() => chosen(['config.json', 'pytorch_model.bin'], null, 'x'), /Convert it to safetensors/);
  assert.throws(() => chosen(['README.md'], null, 'x'), /no model in it to open/);
});
