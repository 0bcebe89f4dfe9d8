// The half of the harness that runs in the browser: loads one contestant, times its calls, checks its answers.
import { JOBS, prompt } from './jobs.mjs';
import { KERNELS, operations } from './limits.mjs';
import { check, summary } from './results.mjs';

/**
 * @typedef {{name: string, adapter: string, options: object, weights: string}} ContestantSpec
 * @typedef {{reps: number, budget_ms: number}} Effort at least three repetitions, up to `reps` within the budget
 */

/** @type {any} */
let adapter;
/** @type {ContestantSpec} */
let contestant;
/** @type {Record<string, any>} */
let reference;

/** @template {(...args: any[]) => any} F @param {F} call @returns {Promise<{ms: number, answer: Awaited<ReturnType<F>>}>} */
async function timed(call) {
  const started = performance.now();
  const answer = await call();
  return { ms: answer?.ms ?? performance.now() - started, answer };
}

// ---- The machine's limits ----

const limitsModule = WebAssembly.compileStreaming(fetch('limits.wasm'));

/** `threads` workers that have the kernels, and `bytes` each to read. @param {number} threads @param {number} bytes */
async function limitThreads(threads, bytes) {
  const workers = Array.from({ length: threads }, () => new Worker('limits_worker.js', { type: 'module' }));
  const ask = (/** @type {object} */ message) =>
    Promise.all(
      workers.map((worker) => {
        const answer = new Promise((/** @type {(ms: number) => void} */ resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
        });
        worker.postMessage(message);
        return answer;
      }),
    );
  await ask({ module: await limitsModule, bytes });
  return {
    /** Milliseconds of the slowest thread. @param {string} name @param {number} repetitions */
    time: async (name, repetitions) => {
      const barrier = new SharedArrayBuffer(4);
      return Math.max(...(await ask({ name, repetitions, bytes, barrier, threads })));
    },
    end: () => {
      for (const worker of workers) worker.terminate();
    },
  };
}

/** @param {number} threads @param {number} bytes read altogether */
async function limits(threads, bytes) {
  const { time, end } = await limitThreads(threads, bytes / threads);
  /** @type {import("./results.mjs").Limits} */
  const found = {};
  for (const name of [...Object.keys(KERNELS), 'read']) {
    const [work, unit] = name === 'read' ? [bytes / threads, 'GB/s'] : [operations(KERNELS[name]), KERNELS[name].unit];
    let repetitions = 1;
    while ((await time(name, repetitions)) < 40) repetitions *= 2;
    const rates = [];
    for (let i = 0; i < 7; i++) rates.push((work * repetitions * threads) / (await time(name, repetitions)) / 1e6);
    found[name] = { unit, ...summary(rates) };
  }
  end();
  return found;
}

/** @type {ReturnType<typeof limitThreads> | undefined} */
let calibrator;

/** One thread's madd kernel for 50 ms, GFLOP/s: who shares the core shows here, even another guest of the host. */
async function calibrate() {
  calibrator ??= limitThreads(1, 0);
  const { time } = await calibrator;
  const repetitions = 200;
  const rates = [];
  for (const started = performance.now(); performance.now() - started < 50; )
    rates.push((operations(KERNELS.f32_madd) * repetitions) / (await time('f32_madd', repetitions)) / 1e6);
  return summary(rates).median;
}

// ---- A contestant ----

/** @param {ContestantSpec} spec @param {number} threads */
async function load(spec, threads) {
  contestant = spec;
  reference = await (await fetch('/models/reference.json')).json();
  adapter = await import(`/page/adapters/${spec.adapter}.js`);
  const { ms, answer } = await timed(() => adapter.load({ ...spec.options, threads }));
  return answer?.unsupported ? answer : { ms };
}

/** @param {string} name @param {Effort} effort */
async function measure(name, { reps, budget_ms }) {
  const job = JOBS[name];
  let calls = 0;
  const call = () => {
    const ids = prompt(job, calls++);
    return timed(() => adapter[job.method](ids, job.method === 'lens' ? (job.kept ?? 0) : job.tokens));
  };
  // At least two calls and 1.5 s, so that the browser's compiler is done.
  const started = performance.now();
  const { answer } = await call();
  if (answer.unsupported) return answer;
  while (calls < 2 || performance.now() - started < 1500) await call();

  const before = await calibrate();
  const times = [];
  const begun = performance.now();
  while (times.length < 3 || (times.length < reps && performance.now() - begun < budget_ms))
    times.push((await call()).ms);
  const held = (/** @type {string} */ weights) =>
    reference[weights] ? check(answer, reference[weights], job.positions) : null;
  return {
    ...summary(times),
    calibration: [before, await calibrate()],
    check: held('f32'),
    check_own: held(contestant.weights),
  };
}

/** Bytes that the page and its workers hold; null where a worker that waits cannot be asked. */
async function memory() {
  const measured = /** @type {any} */ (performance).measureUserAgentSpecificMemory();
  const late = new Promise((resolve) => setTimeout(resolve, 10_000, null));
  return (await Promise.race([measured, late]))?.bytes ?? null;
}

Object.assign(window, { bench: { limits, calibrate, load, measure, memory } });
