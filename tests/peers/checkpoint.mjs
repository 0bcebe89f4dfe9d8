// A checkpoint as others might have written it: the tensors of one in OpenAI's layout, under other names, in another
// orientation, type and number of files. Bytes are made as they are asked for, so that a large model is never held.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {object} Variant
 * @property {string} [prefix]
 * @property {'F32' | 'F16' | 'BF16'} [dtype]   exact for weights of 8 bits
 * @property {boolean} [linear]                 nn.Linear's orientation, [out, in], in place of Conv1D's
 * @property {'F32' | 'U8' | 'BOOL'} [masks]    the buffers that old versions of transformers saved
 * @property {boolean} [head]                   an lm_head that repeats the embedding, if there is no other
 * @property {boolean} [odd]                    data that begin at an odd address
 * @property {number} [files]                   with an index, if more than one
 *
 * @typedef {{name: string, dtype: string, shape: number[], n_byte: number, bytes: () => Uint8Array}} Entry
 * @typedef {{name: string, head: Uint8Array, size: number, bytes: () => Iterable<Uint8Array>}} CheckpointFile  head: its beginning, enough to know what it holds
 */

const BYTES = { F32: 4, F16: 2, BF16: 2, U8: 1, BOOL: 1 };
const PROJECTION = /\.(attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)\.weight$/;

/** The F32 tensors of folder/model.safetensors. @param {string} folder @returns {Entry[]} */
function tensorsOf(folder) {
  const path = join(folder, 'model.safetensors');
  const read = (/** @type {number} */ at, /** @type {number} */ n) => {
    const file = openSync(path, 'r');
    const bytes = new Uint8Array(n);
    for (let done = 0; done < n; ) done += readSync(file, bytes, done, n - done, at + done);
    closeSync(file);
    return bytes;
  };
  const n = Number(new DataView(read(0, 8).buffer).getBigUint64(0, true));
  return Object.entries(JSON.parse(new TextDecoder().decode(read(8, n)))).map(
    ([name, { dtype, shape, data_offsets }]) => {
      const [begin, end] = data_offsets;
      return { name, dtype, shape, n_byte: end - begin, bytes: () => read(8 + n + begin, end - begin) };
    },
  );
}

/** @param {Uint8Array} bytes of F32, [n_row, n_col] @param {number[]} shape */
function transposed(bytes, [n_row, n_col]) {
  const from = new Float32Array(bytes.buffer);
  const to = new Float32Array(from.length);
  for (let r = 0; r < n_row; r++) for (let c = 0; c < n_col; c++) to[c * n_row + r] = from[r * n_col + c];
  return new Uint8Array(to.buffer);
}

/** Of F32 whose values F16, or BF16, holds too. @param {Uint8Array} bytes @param {'F16' | 'BF16'} dtype */
function narrowed(bytes, dtype) {
  const from = new Uint32Array(bytes.buffer);
  const to = new Uint16Array(from.length);
  for (let i = 0; i < from.length; i++) {
    const bits = from[i];
    if (dtype === 'BF16') to[i] = bits >>> 16;
    else if (bits << 1 !== 0) to[i] = ((bits >>> 16) & 0x8000) | (((bits >>> 13) & 0x3ffff) - (112 << 10));
  }
  return new Uint8Array(to.buffer);
}

/** @param {Entry} tensor @param {Variant} variant @returns {Entry} */
function written(tensor, { prefix = '', dtype = 'F32', linear = false }) {
  const turns = linear && PROJECTION.test(tensor.name);
  return {
    name: tensor.name === 'lm_head.weight' ? tensor.name : prefix + tensor.name,
    dtype,
    shape: turns ? [...tensor.shape].reverse() : tensor.shape,
    n_byte: (tensor.n_byte / 4) * BYTES[dtype],
    bytes: () => {
      const bytes = turns ? transposed(tensor.bytes(), tensor.shape) : tensor.bytes();
      return dtype === 'F32' ? bytes : narrowed(bytes, dtype);
    },
  };
}

/** @param {string} folder of a model by make_models.py @param {Variant} variant @returns {CheckpointFile[]} */
export function checkpoint(folder, variant) {
  const tensors = tensorsOf(folder);
  const entries = tensors.map((tensor) => written(tensor, variant));
  const { masks, prefix = '', files = 1 } = variant;
  if (masks)
    for (const { name } of tensors.filter((t) => /^h\.\d+\.ln_1\.bias$/.test(t.name))) {
      const n_byte = 1024 * 1024 * BYTES[masks];
      const mask = { dtype: masks, shape: [1, 1, 1024, 1024], n_byte, bytes: () => new Uint8Array(n_byte) };
      entries.push({ name: prefix + name.replace('ln_1.bias', 'attn.bias'), ...mask });
    }
  if (variant.head && !tensors.some((t) => t.name === 'lm_head.weight'))
    entries.push({ ...entries[tensors.findIndex((t) => t.name === 'wte.weight')], name: 'lm_head.weight' });
  const shards = Array.from({ length: files }, (_, i) => entries.filter((_, j) => j % files === i));
  const name = (/** @type {number} */ i) => (files === 1 ? 'model' : `model-0000${i + 1}-of-0000${files}`);
  const weights = shards.map((shard, i) => safetensors(`${name(i)}.safetensors`, shard, variant.odd ?? false));
  const small = ['config.json', 'vocab.json', 'merges.txt'].map((n) => wholeFile(n, readFileSync(join(folder, n))));
  if (files > 1) {
    const map = Object.fromEntries(shards.flatMap((shard, i) => shard.map((e) => [e.name, weights[i].name])));
    small.push(
      wholeFile('model.safetensors.index.json', new TextEncoder().encode(JSON.stringify({ weight_map: map }))),
    );
  }
  return [...small, ...weights];
}

/** @param {string} name @param {Uint8Array} bytes @returns {CheckpointFile} */
const wholeFile = (name, bytes) => ({ name, head: new Uint8Array(bytes), size: bytes.length, bytes: () => [] });

/** @param {string} name @param {Entry[]} entries @param {boolean} odd @returns {CheckpointFile} */
function safetensors(name, entries, odd) {
  /** @type {Record<string, object>} */
  const header = {};
  let end = 0;
  for (const { name, dtype, shape, n_byte } of entries) {
    header[name] = { dtype, shape, data_offsets: [end, end + n_byte] };
    end += n_byte;
  }
  let text = JSON.stringify(header);
  while (text.length % 8 !== (odd ? 3 : 0)) text += ' ';
  const head = new Uint8Array(8 + text.length);
  new DataView(head.buffer).setUint32(0, text.length, true);
  new TextEncoder().encodeInto(text, head.subarray(8));
  return {
    name,
    head,
    size: head.length + end,
    *bytes() {
      for (const entry of entries) yield entry.bytes();
    },
  };
}

/** @param {string} path of a GGUF @returns {CheckpointFile[]} */
export function gguf(path) {
  const bytes = new Uint8Array(readFileSync(path));
  const head = bytes.subarray(0, 8 << 20); // its vocabulary takes some
  return [{ name: 'model.gguf', head, size: bytes.length, bytes: () => [bytes.subarray(head.length)] }];
}
