// llama.cpp as @wllama/wllama ships it, on the CPU. It takes text; of each job's letters one is one token.
import { text } from '../jobs.mjs';

/** @type {any} */
let wllama;

/** @param {{threads: number, file: string}} options */
export async function load({ threads, file }) {
  const esm = '/node_modules/@wllama/wllama/esm/';
  const { Wllama } = await import(`${esm}index.js`);
  const silent = { debug() {}, log() {}, warn() {}, error: console.error };
  wllama = new Wllama({ default: `${esm}wasm/wllama.wasm` }, { suppressNativeLog: true, logger: silent });
  const blob = await (await fetch(`/models/${file}`)).blob();
  await wllama.loadModel([blob], { n_threads: threads, n_gpu_layers: 0, n_ctx: 1024, n_parallel: 1, warmup: false });
}

/** @param {number[]} ids @param {number} tokens */
const complete = (ids, tokens) =>
  wllama.createCompletion({
    ...{ prompt: text(ids), max_tokens: tokens, temperature: 0, samplers: ['top_k'], top_k: 1 },
    ...{ cache_prompt: false, ignore_eos: true, timings_per_token: true },
  });

/** @param {number[]} ids */
export async function prefill(ids) {
  const { choices, usage } = await complete(ids, 1);
  if (usage.prompt_tokens !== ids.length) throw new Error(`it read ${usage.prompt_tokens} tokens, not ${ids.length}`);
  return { topText: choices[0].text };
}

/** @param {number[]} ids @param {number} tokens */
export async function decode(ids, tokens) {
  const { timings } = await complete(ids, tokens); // its own clock parts prompt and generation
  return { ms: timings.predicted_ms / timings.predicted_n };
}

export const lens = () => ({ unsupported: 'the residual stream is not in its interface' });
