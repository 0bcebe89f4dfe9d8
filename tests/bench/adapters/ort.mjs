// onnxruntime-web's wasm execution provider, with the graphs of onnx_graphs.py.
import { SHAPE } from '../jobs.mjs';

/** @type {any} */
let ort;
/** @type {any} */
let session;
let graph = '';
/** @type {{kind: string, data: string}} */
let model;

/** @param {{threads: number, kind: string, data: string}} options */
export async function load({ threads, ...options }) {
  const dist = '/node_modules/onnxruntime-web/dist/';
  ort = await import(`${dist}ort.wasm.min.mjs`);
  Object.assign(ort.env.wasm, { wasmPaths: dist, numThreads: threads });
  ort.env.logLevel = 'error';
  model = options;
  await take('lm');
}

/** One graph at a time. @param {string} name */
async function take(name) {
  if (name === graph) return;
  await session?.release();
  session = await ort.InferenceSession.create(`/models/${name}_${model.kind}.onnx`, {
    executionProviders: ['wasm'],
    externalData: [{ path: model.data.split('/').at(-1), data: `/models/${model.data}` }],
  });
  graph = name;
}

/** @param {number[]} ids @param {number} from */
const inputs = (ids, from) => {
  const row = (/** @type {number[]} */ values) => new ort.Tensor('int64', values.map(BigInt), [1, ids.length]);
  return { input_ids: row(ids), position_ids: row(ids.map((_, i) => from + i)) };
};
const pastNames = [...Array(SHAPE.n_layer).keys()].flatMap((i) => [`k${i}`, `v${i}`]);

/** @param {number[]} ids @param {number} [from] @param {Record<string, any>} [previous] the answer before it */
async function step(ids, from = 0, previous) {
  const empty = [1, SHAPE.n_head, 0, SHAPE.d_model / SHAPE.n_head];
  const past = pastNames.map((name) => [
    `past_${name}`,
    previous?.[`present_${name}`] ?? new ort.Tensor('float32', new Float32Array(0), empty),
  ]);
  return session.run({ ...inputs(ids, from), ...Object.fromEntries(past) });
}

/** @param {Float32Array} logits */
function best(logits) {
  let id = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[id]) id = i;
  return id;
}

/** @param {number[]} ids */
export async function prefill(ids) {
  await take('lm');
  return { top: best((await step(ids)).logits.data) };
}

/** @param {number[]} ids @param {number} tokens */
export async function decode(ids, tokens) {
  await take('lm');
  let answer = await step(ids);
  const started = performance.now();
  for (let i = 0; i < tokens; i++) answer = await step([best(answer.logits.data)], ids.length + i, answer);
  return { ms: (performance.now() - started) / tokens };
}

/** @param {number[]} ids @param {number} kept */
export async function lens(ids, kept) {
  if (kept) return { unsupported: 'computes all positions again' };
  await take('lens');
  const answer = await session.run(inputs(ids, 0));
  return { ids: answer.ids.data, entropy: answer.entropy.data };
}
