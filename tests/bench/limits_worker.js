// One thread of the limits.  {module} starts it; {name, repetitions, bytes, barrier, threads} runs a kernel, or `read` over
// `bytes` of memory, at the same moment as the other threads, and answers with its milliseconds.
import { PLACE } from './limits.mjs';

/** @type {any} */
let kernels;

/** @param {number} bytes */
function prepare(bytes) {
  const { memory } = kernels;
  const missing = Math.ceil((PLACE.read + bytes - memory.buffer.byteLength) / 65536);
  if (missing > 0) memory.grow(missing);
  // As int8 below 7 bits, as float32 between 6e-10 and 1: nothing denormal, which would be slow.
  const data = new Uint8Array(memory.buffer, 0, PLACE.out);
  for (let i = 0; i < data.length; i++) data[i] = 48 + ((i * 37) & 15);
  new Uint8Array(memory.buffer, PLACE.read, bytes).fill(1);
}

self.onmessage = async ({ data }) => {
  const { module, name, repetitions, bytes, barrier, threads } = data;
  if (module) {
    kernels = (await WebAssembly.instantiate(module)).exports;
    prepare(bytes);
    return postMessage(null);
  }
  const waiting = new Int32Array(barrier);
  Atomics.add(waiting, 0, 1);
  while (Atomics.load(waiting, 0) < threads);
  const started = performance.now();
  if (name === 'read') for (let i = 0; i < repetitions; i++) kernels.read(PLACE.read, PLACE.read + bytes);
  else kernels[name](repetitions);
  postMessage(performance.now() - started);
};
