// Runs one engine's Jobs in slices, pausing between them, so that a newer prompt or a cancel gets through. Knows
// nothing of workers or pages: the worker hands it an engine and a way to pause.

/**
 * @typedef {import("#lens").Engine} Engine
 * @typedef {import("./readout.js").Table} Table
 * @typedef {import("#lens").CheckpointFile} File
 * @typedef {import("#lens").Precision} Precision
 * @typedef {{files: Record<number, string>, tensors: Record<string, string>}} Digests  by number, by name
 * @typedef {import("./errors.js").Trouble} Trouble
 * @typedef {{progress: number, tables: Table[]}} Partial
 * @typedef {{tables: Table[]} | {superseded: true}} Outcome
 */

/**
 * @template T
 * @typedef {{ok: T, error?: undefined} | {ok?: undefined, error: Trouble}} Result
 */

const SLICE_MS = 16;
const PARTIAL_AFTER_MS = 150;

export class Session {
  /** @type {Map<string, import("./digest.js").Digest>} of the models that are coming, by ref */
  #digests = new Map();
  #engine;
  #pause;
  #now;
  #turn = 0;
  /** @type {Map<string, number>} the latest turn of each lane */
  #latest = new Map();

  /**
   * @param {Engine} engine
   * @param {() => Promise<void>} pause lets waiting messages in
   * @param {() => number} [now] milliseconds
   */
  constructor(engine, pause, now = () => performance.now()) {
    this.#engine = engine;
    this.#pause = pause;
    this.#now = now;
  }

  /** @param {string} ref @param {{name: string, bytes: Uint8Array}[]} files */
  load(ref, files) {
    return guarded(() => this.#engine.load(ref, files));
  }

  /** @param {string} ref @param {File[]} files */
  inspect(ref, files) {
    return guarded(() => this.#engine.inspect(ref, files));
  }

  /**
   * From here on `put` is waited for.
   * @param {string} ref @param {File[]} files @param {Precision} precision
   * @param {(wanted: import("#lens").Plan["wanted"] | null) => Promise<import("./digest.js").Digest>} digest
   * @param {boolean} tensors whether each tensor's sha256 is wanted too
   */
  async beginLoad(ref, files, precision, digest, tensors) {
    const plan = tensors ? this.inspect(ref, files) : null;
    if (plan?.error) return { error: plan.error };
    const begun = guarded(() => this.#engine.beginLoad(ref, files, precision));
    if (!begun.error) this.#digests.set(ref, await digest(plan?.ok.wanted ?? null));
    return begun;
  }

  /** @param {string} ref @param {number} file @param {number} offset @param {Uint8Array} bytes */
  put(ref, file, offset, bytes) {
    return guarded(() => {
      this.#digests.get(ref)?.update(file, offset, bytes);
      return this.#engine.put(ref, file, offset, bytes);
    });
  }

  /** sha256 of what has come, in hexadecimal. @param {string} ref @returns {Result<Digests>} */
  digests(ref) {
    const digest = this.#digests.get(ref);
    digest?.end();
    return { ok: { files: digest?.files ?? {}, tensors: digest?.tensors ?? {} } };
  }

  /** @param {string} ref @param {string} name under which the model is there from now on */
  finishLoad(ref, name) {
    this.#digests.delete(ref);
    return guarded(() => this.#engine.finishLoad(ref, name));
  }

  /** @param {string} ref */
  cancelLoad(ref) {
    this.#digests.delete(ref);
    return guarded(() => this.#engine.cancelLoad(ref));
  }

  /** @param {string} ref @param {File[]} files */
  giveTokenizer(ref, files) {
    return guarded(() => this.#engine.giveTokenizer(ref, files));
  }

  /** @param {string} ref */
  release(ref) {
    return guarded(() => this.#engine.release(ref));
  }

  /** @param {string} ref @param {string} name @param {{name: string, bytes: Uint8Array}[]} files */
  loadLens(ref, name, files) {
    return guarded(() => this.#engine.loadLens(ref, name, files));
  }

  /** @param {string} ref */
  vocabulary(ref) {
    return guarded(() => this.#engine.vocabulary(ref));
  }

  /** @param {string} ref @param {string} text */
  tokenize(ref, text) {
    return guarded(() => this.#engine.tokenize(ref, text));
  }

  /** @param {string} text */
  parse(text) {
    return guarded(() => this.#engine.parse(text));
  }

  /**
   * Computes an Experiment. Within a lane a newer one wins: the older returns {superseded}. Without a lane it runs to
   * its end.
   * @param {string} text
   * @param {string | null} lane
   * @param {((partial: Partial) => void) | null} report what is finished so far, now and then
   * @returns {Promise<Result<Outcome>>}
   */
  async run(text, lane, report) {
    const turn = ++this.#turn;
    if (lane !== null) this.#latest.set(lane, turn);
    const superseded = () => lane !== null && this.#latest.get(lane) !== turn;

    // A burst of prompts that is already waiting need not be started one by one.
    await this.#pause();
    if (superseded()) return { ok: { superseded: true } };
    const started = guarded(() => this.#engine.start(text));
    if (started.error) return { error: started.error };
    const job = started.ok;
    try {
      let reported = this.#now();
      let columns = 0;
      for (;;) {
        const step = guarded(() => this.#engine.advance(job, SLICE_MS));
        if (step.error) return { error: step.error };
        if (step.ok.done) break;
        if (report && step.ok.columns > columns && this.#now() - reported >= PARTIAL_AFTER_MS) {
          const tables = guarded(() => this.#engine.tables(job));
          if (tables.error) return { error: tables.error };
          report({ progress: step.ok.progress, tables: tables.ok });
          reported = this.#now();
          columns = step.ok.columns;
        }
        await this.#pause();
        if (superseded()) return { ok: { superseded: true } };
      }
      const tables = guarded(() => this.#engine.tables(job));
      return tables.error ? { error: tables.error } : { ok: { tables: tables.ok } };
    } finally {
      guarded(() => this.#engine.cancel(job));
    }
  }
}

/**
 * The engine answers with errors; what it throws is its own end (a trap), told under the code `crash`.
 * @template T
 * @param {() => Result<T>} call
 * @returns {Result<T>}
 */
function guarded(call) {
  try {
    return call();
  } catch (e) {
    return { error: { code: 'crash', message: e instanceof Error ? e.message : String(e) } };
  }
}
