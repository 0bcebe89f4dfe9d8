// Which of the engine's builds (wasm/CMakeLists.txt) runs here, decided before any of them is fetched.
import { relaxedSimd, threads } from 'wasm-feature-detect';
import { abortable } from './arrival.js';
import { Client } from './client.js';
import { fetchBytes } from './loader.js';

/** Each is a worker, NAME.js, and its NAME.wasm. */
export const BUILDS = ['lens', 'lens-relaxed', 'lens-threads', 'lens-relaxed-threads'];

const MOST_THREADS = 8;

/**
 * What may run here, the best first.
 * @param {number} most threads
 * @returns {Promise<{build: string, threads: number}[]>}
 */
async function candidates(most) {
  const build = (await relaxedSimd()) ? 'lens-relaxed' : 'lens';
  const several = most > 1 && globalThis.crossOriginIsolated && (await threads()) && sharesMemory();
  return [...(several ? [{ build: `${build}-threads`, threads: most }] : []), { build, threads: 1 }];
}

/** Whether there may be a shared memory as large as the engine's may grow. */
function sharesMemory() {
  try {
    return Boolean(new WebAssembly.Memory({ initial: 1, maximum: 1 << 16, shared: true }));
  } catch {
    return false;
  }
}

/**
 * The engine that runs best here. One whose threads do not start gives way to one without.
 * @param {URL} base the page's own folder
 * @param {object} how
 * @param {AbortSignal} how.signal
 * @param {(e: import("./errors.js").LensError) => void} how.onDeath told once; also where it dies before it has begun
 * @param {number} [how.threads] at most; one a core unless told
 * @returns {Promise<{client: Client, build: string, threads: number}>}
 */
export async function startEngine(base, { signal, onDeath, threads = navigator.hardwareConcurrency }) {
  const left = await candidates(Math.min(threads, MOST_THREADS));
  for (;;) {
    const next = /** @type {(typeof left)[0]} */ (left.shift());
    let settled = left.length === 0; // it is this one or none
    const name = `${next.build}.wasm`;
    const wasm = await fetchBytes(new URL(name, base), { name, signal });
    const client = new Client(new URL(`${next.build}.js`, base), (e) => settled && onDeath(e));
    try {
      await abortable(client.begin(wasm, next.threads), signal);
      settled = true;
      return { client, ...next };
    } catch (e) {
      client.end();
      if (settled || signal.aborted) throw e;
    }
  }
}

/**
 * Where the host does not allow threads but the browser could, they are allowed from the next visit on (sw.js).
 * @param {URL} base the page's own folder
 */
export function allowThreads(base) {
  if (globalThis.crossOriginIsolated || !globalThis.isSecureContext || navigator.hardwareConcurrency < 2) return;
  navigator.serviceWorker?.register(new URL('sw.js', base)).catch(() => {}); // then it stays as it is
}
