// The worker: sole owner of the wasm module. It fetches nothing; wasm and model files come by message. The module's threads
// are workers that start from this same script.
import * as Comlink from 'comlink';
import createLens from '#lens';
import { Digest } from './digest.js';
import { Session } from './session.js';

/**
 * @typedef {import("./readout.js").Table} Table
 * @typedef {import("#lens").CheckpointFile} File
 * @typedef {import("#lens").Precision} Precision
 */

// Where a browser has what threads need and yet does not start them, nothing fails: it waits.
const THREADS_WITHIN_MS = 5000;

/** @type {Session | null} */
let session = null;

// A message to oneself queues behind the messages already waiting.
const { port1, port2 } = new MessageChannel();
/** @type {(() => void)[]} */
const paused = [];
port1.onmessage = () => paused.shift()?.();
const pause = () =>
  new Promise((/** @type {(value: void) => void} */ resume) => {
    paused.push(resume);
    port2.postMessage(null);
  });

/** @param {Table[]} tables */
const moved = (tables) => [...new Set(tables.map((t) => /** @type {ArrayBuffer} */ (t.data.buffer)))];

const api = {
  /** @param {ArrayBuffer} wasmBinary @param {number} threads @returns {Promise<boolean>} whether this browser can run it */
  async begin(wasmBinary, threads) {
    if (typeof WebAssembly !== 'object' || !WebAssembly.validate(wasmBinary)) return false;
    const starting = createLens({ wasmBinary, threads });
    const module = await (threads > 1 ? Promise.race([starting, after(THREADS_WITHIN_MS)]) : starting);
    if (!module) return false;
    module.useThreads(threads);
    session = new Session(new module.Engine(), pause);
    return true;
  },

  /** @param {string} ref @param {File[]} files */
  load: (ref, files) => begun().load(ref, files),

  /** @param {string} ref @param {File[]} files */
  inspect: (ref, files) => begun().inspect(ref, files),

  /** @param {string} ref @param {File[]} files @param {Precision} precision @param {boolean} tensors */
  beginLoad: (ref, files, precision, tensors) => begun().beginLoad(ref, files, precision, Digest.begin, tensors),

  /** @param {string} ref @param {number} file @param {number} offset @param {Uint8Array} bytes */
  put: (ref, file, offset, bytes) => begun().put(ref, file, offset, bytes),

  /** @param {string} ref */
  digests: (ref) => begun().digests(ref),

  /** @param {string} ref @param {string} name */
  finishLoad: (ref, name) => begun().finishLoad(ref, name),

  /** @param {string} ref */
  cancelLoad: (ref) => begun().cancelLoad(ref),

  /** @param {string} ref @param {File[]} files */
  giveTokenizer: (ref, files) => begun().giveTokenizer(ref, files),

  /** @param {string} ref */
  release: (ref) => begun().release(ref),

  /** @param {string} ref @param {string} name @param {{name: string, bytes: Uint8Array}[]} files */
  loadLens: (ref, name, files) => begun().loadLens(ref, name, files),

  /** @param {string} ref */
  vocabulary: (ref) => begun().vocabulary(ref),

  /** @param {string} ref @param {string} text */
  tokenize: (ref, text) => begun().tokenize(ref, text),

  /** @param {string} text */
  parse: (text) => begun().parse(text),

  /**
   * @param {string} text
   * @param {string | null} lane
   * @param {((partial: import("./session.js").Partial) => void) | null} report
   */
  async run(text, lane, report) {
    const outcome = await begun().run(
      text,
      lane,
      report && ((partial) => report(Comlink.transfer(partial, moved(partial.tables)))),
    );
    return outcome.ok && 'tables' in outcome.ok ? Comlink.transfer(outcome, moved(outcome.ok.tables)) : outcome;
  },
};

/** @typedef {typeof api} WorkerApi */

function begun() {
  if (!session) throw new Error('the engine has not begun');
  return session;
}

/** @param {number} ms @returns {Promise<void>} */
const after = (ms) => new Promise((done) => setTimeout(done, ms));

// A thread listens to its module alone (this is the name that Emscripten gives it).
if (!self.name.startsWith('em-pthread')) Comlink.expose(api);
