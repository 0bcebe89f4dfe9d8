// What the catalog says of a model's size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sizeOf } from '../../web/src/engine/loader.js';

test('a model is as large as its own files: what is fetched later is not counted', () => {
  const own = {
    ...{ title: 'Own', about: '', bos: true, path: '', files: ['own.gguf'], lenses: { tuned: 'own.safetensors' } },
    bytes: { 'own.gguf': 800, 'own.counts.json': 7, 'own.safetensors': 100 },
  };
  assert.equal(sizeOf(own), 800);
  assert.equal(sizeOf({ title: 'Hub', about: '', bos: false, n_param: 1, size: 4 }), 4);
});
