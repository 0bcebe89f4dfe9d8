// The page's end of the worker: the same verbs as promises that throw LensErrors, and the news that it died.
import * as Comlink from 'comlink';
import { trouble } from '../strings.js';
import { LensError } from './errors.js';

/**
 * @typedef {import("./readout.js").Table} Table
 * @typedef {import("#lens").CheckpointFile} File
 * @typedef {import("#lens").Precision} Precision
 */

export class Client {
  #worker;
  #remote;
  /** @type {(e: LensError) => void} */
  #died = () => {};
  /** @type {Promise<never>} rejects when the worker dies */
  #death;
  #ended = false;

  /**
   * @param {URL} script of the worker
   * @param {(e: LensError) => void} onDeath told once, unless it was ended
   */
  constructor(script, onDeath) {
    this.#worker = new Worker(script, { name: 'logit-lens', type: 'module' });
    this.#remote = /** @type {Comlink.Remote<import("./worker.js").WorkerApi>} */ (Comlink.wrap(this.#worker));
    this.#death = new Promise((_, reject) => {
      this.#died = reject;
    });
    this.#death.catch((e) => this.#ended || onDeath(e));
    this.#worker.addEventListener('error', (e) => {
      e.preventDefault();
      this.#died(new LensError('crash', e.message || trouble.noWorker));
    });
    this.#worker.addEventListener('messageerror', () => this.#died(new LensError('crash', trouble.messageLost)));
  }

  /** @param {Uint8Array<ArrayBuffer>} wasm @param {number} threads */
  async begin(wasm, threads) {
    if (!(await this.#alive(this.#remote.begin(Comlink.transfer(wasm.buffer, [wasm.buffer]), threads))))
      throw new LensError('wasm_unsupported', trouble.noWasm);
  }

  /** A model whose files are here whole. @param {string} ref @param {{name: string, bytes: Uint8Array<ArrayBuffer>}[]} files given away */
  async load(ref, files) {
    return this.#value(await this.#alive(this.#remote.load(ref, givenAway(files))));
  }

  /** What a checkpoint's headers say. @param {string} ref @param {File[]} files */
  async inspect(ref, files) {
    return this.#value(await this.#alive(this.#remote.inspect(ref, files)));
  }

  /** Makes room for a model. @param {string} ref @param {File[]} files @param {Precision} precision @param {boolean} tensors whether each tensor is hashed */
  async beginLoad(ref, files, precision, tensors) {
    this.#value(await this.#alive(this.#remote.beginLoad(ref, files, precision, tensors)));
  }

  /** @param {string} ref @param {number} file @param {number} offset @param {Uint8Array<ArrayBuffer>} bytes given away */
  async put(ref, file, offset, bytes) {
    const given = Comlink.transfer(bytes, [bytes.buffer]);
    this.#value(await this.#alive(this.#remote.put(ref, file, offset, given)));
  }

  /** @param {string} ref */
  async digests(ref) {
    return this.#value(await this.#alive(this.#remote.digests(ref)));
  }

  /** @param {string} ref @param {string} name */
  async finishLoad(ref, name) {
    return this.#value(await this.#alive(this.#remote.finishLoad(ref, name)));
  }

  /** @param {string} ref */
  async cancelLoad(ref) {
    this.#value(await this.#alive(this.#remote.cancelLoad(ref)));
  }

  /** @param {string} ref @param {File[]} files */
  async giveTokenizer(ref, files) {
    return this.#value(await this.#alive(this.#remote.giveTokenizer(ref, files)));
  }

  /** @param {string} ref */
  async release(ref) {
    this.#value(await this.#alive(this.#remote.release(ref)));
  }

  /** @param {string} ref @param {string} name @param {{name: string, bytes: Uint8Array<ArrayBuffer>}[]} files given away */
  async loadLens(ref, name, files) {
    return this.#value(await this.#alive(this.#remote.loadLens(ref, name, givenAway(files))));
  }

  /** @param {string} ref */
  async vocabulary(ref) {
    return this.#value(await this.#alive(this.#remote.vocabulary(ref)));
  }

  /** @param {string} ref @param {string} text @returns {Promise<number[]>} without a BOS */
  async tokenize(ref, text) {
    return [...this.#value(await this.#alive(this.#remote.tokenize(ref, text)))];
  }

  /** @param {string} text @returns {Promise<any>} the Experiment */
  async parse(text) {
    return JSON.parse(this.#value(await this.#alive(this.#remote.parse(text))));
  }

  /**
   * @param {string} text
   * @param {{lane?: string | null, report?: (partial: {progress: number, tables: Table[]}) => void}} [options]
   * @returns {Promise<Table[] | null>} null where a newer Experiment of the same lane won
   */
  async run(text, { lane = null, report } = {}) {
    // A report comes through a channel of its own, and the last one may come after the outcome.
    let whole = false;
    const proxy = report ? Comlink.proxy((/** @type {any} */ partial) => whole || report(partial)) : null;
    const outcome = this.#value(await this.#alive(this.#remote.run(text, lane, proxy)));
    whole = true;
    return 'tables' in outcome ? outcome.tables : null;
  }

  end() {
    this.#ended = true;
    this.#remote[Comlink.releaseProxy]();
    this.#worker.terminate();
  }

  /** @template {Promise<any>} P @param {P} call @returns {Promise<Awaited<P>>} */
  #alive(call) {
    return Promise.race([call, this.#death]);
  }

  /** @template T @param {import("./session.js").Result<T>} result @returns {T} */
  #value(result) {
    if (result.error === undefined) return /** @type {T} */ (result.ok);
    const error = new LensError(result.error.code, result.error.message);
    // After a trap the module's memory is not to be trusted.
    if (error.code === 'crash') this.#died(error);
    throw error;
  }
}

/** @param {{name: string, bytes: Uint8Array<ArrayBuffer>}[]} files */
function givenAway(files) {
  return Comlink.transfer(
    files,
    files.map((f) => f.bytes.buffer),
  );
}
