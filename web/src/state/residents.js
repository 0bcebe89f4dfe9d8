// The models in the worker: each is brought once, with what was checked of it, and let go when nobody asks for it.
import { arrive, look } from '../engine/arrival.js';
import { fetchJson } from '../engine/loader.js';
import { precisionOf, withPrecision } from '../engine/refs.js';
import { kindsOf, Saving } from '../engine/saved.js';
import { Vocabulary } from '../engine/vocabulary.js';
import { page } from '../strings.js';
import { checkRoom } from './shelf.js';

/**
 * @typedef {import('../engine/arrival.js').Looked} Looked
 * @typedef {import('../engine/client.js').Client} Client
 * @typedef {import('./shelf.js').Found} Found
 * @typedef {import('#lens').ModelInfo} ModelInfo
 * @typedef {import('#lens').Precision} Precision
 *
 * @typedef {object} Model
 * @property {string} title
 * @property {string} about
 * @property {string} file      its path beside the page, or how a command line may call it
 * @property {ModelInfo} info
 * @property {Vocabulary} vocabulary
 * @property {string} [kept]    what was checked, and where it is kept
 * @property {string | null} [published]  where its tensors are a published model's, the file with what is known of that one
 *
 * @typedef {object} Loading  what is on its way
 * @property {string} what
 * @property {number} loaded
 * @property {number | null} total
 * @property {number | null} rate   bytes a second
 * @property {boolean} [slowed]     the tab was in the background meanwhile
 */

const TELL_AFTER_MS = 100;
const RATE_OVER_MS = 5000;

export class Residents {
  #models;
  #shelf;
  #engine;
  #tell;
  /** @type {Map<string, Promise<Model>>} by ref */
  #here = new Map();

  /**
   * @param {URL} models the folder
   * @param {import('./shelf.js').Shelf} shelf
   * @param {() => Client} engine throws where there is none
   * @param {(loading: Loading) => void} tell
   */
  constructor(models, shelf, engine, tell) {
    this.#models = models;
    this.#shelf = shelf;
    this.#engine = engine;
    this.#tell = tell;
  }

  /** Brings a model, once. @param {string} ref @param {AbortSignal} signal @returns {Promise<Model>} */
  get(ref, signal) {
    let made = this.#here.get(ref);
    if (!made) {
      made = this.#load(ref, signal);
      this.#here.set(ref, made);
      made.catch(() => this.#here.get(ref) === made && this.#here.delete(ref)); // the next to ask for it tries anew
    }
    return made;
  }

  /** @param {string} ref @param {AbortSignal} signal */
  async #load(ref, signal) {
    const { precision } = precisionOf(ref);
    const found = await this.#shelf.find(ref, signal);
    const { title, sources } = found;
    const total = sources.reduce((sum, s) => sum + s.size, 0);
    this.#tell({ what: page.loading(title), loaded: 0, total, rate: null });
    const looked = await look(this.#engine(), ref, sources, signal, this.#progress(title));
    checkRoom(title, looked.plan, precision);
    return this.#arrive(found, looked, precision, signal);
  }

  /** Brings a model whose headers are known; an earlier one under its ref stays until it is here. @param {Found} found @param {Looked} looked @param {Precision} precision @param {AbortSignal} signal */
  async open(found, looked, precision, signal) {
    const model = await this.#arrive(found, looked, precision, signal);
    this.#here.set(model.info.ref, Promise.resolve(model));
    return model;
  }

  /** @param {Found} found @param {Looked} looked @param {Precision} precision @param {AbortSignal} signal @returns {Promise<Model>} */
  async #arrive(found, looked, precision, signal) {
    const client = this.#engine();
    const { title, about, file } = found;
    // Wherever it comes from, it may be one whose tensors are known.
    const known = Object.values(this.#shelf.catalog).find((e) => e.tensors && e.n_param === looked.plan.n_param);
    const manifest = known?.tensors ? await this.#beside(known.tensors) : null;
    const { sources, bytes } = looked;
    const saving = found.remote ? new Saving({ ref: found.base, title, bytes, files: kindsOf(sources) }) : null;
    let { base } = found;
    const { info, verified } = await arrive(client, withPrecision(base, precision), looked, {
      ...{ precision, signal, saving, manifest },
      progress: this.#progress(title),
      named: (sums) => {
        if (base.startsWith('file:')) base = `file:${title}@${sums[0].slice(0, 12)}`;
        return withPrecision(base, precision);
      },
    });
    this.#tell({ what: page.preparing(title), loaded: 1, total: 1, rate: null });
    const kept = saving ? await saving.finish() : null;
    if (saving) await this.#shelf.refresh();
    this.#shelf.know({ ...found, base });
    const table = info.has_tokenizer ? await client.vocabulary(info.ref) : null;
    return {
      ...{ title, about, file, info },
      kept: page.keptAs(verified, kept),
      published: verified.as === 'published' ? known?.published : null,
      vocabulary: new Vocabulary(table, info.bos),
    };
  }

  /** Gives a model that came without a tokenizer one. @param {string} ref @param {File[]} files */
  async giveTokenizer(ref, files) {
    const given = await Promise.all(
      files.map(async (f) => ({ name: f.name, bytes: new Uint8Array(await f.arrayBuffer()) })),
    );
    const client = this.#engine();
    const info = await client.giveTokenizer(ref, given);
    const model = await /** @type {Promise<Model>} */ (this.#here.get(ref));
    const vocabulary = new Vocabulary(await client.vocabulary(ref), info.bos);
    this.#here.set(ref, Promise.resolve({ ...model, info, vocabulary }));
  }

  /** What is published of a model whose tensors are. @param {Model} model @returns {Promise<import('./published.js').Published>} */
  published(model) {
    return this.#beside(/** @type {string} */ (model.published));
  }

  /** Whoever is not asked for makes room. @param {string[]} asked refs @returns {string[]} those that went */
  keep(asked) {
    const gone = [...this.#here.keys()].filter((ref) => !asked.includes(ref));
    for (const ref of gone) {
      this.#here.delete(ref);
      this.#engine()
        .release(ref)
        .catch(() => {});
    }
    return gone;
  }

  /** The worker is gone, and they with it. */
  clear() {
    this.#here.clear();
  }

  /** @param {string} file beside the catalog */
  #beside(file) {
    return fetchJson(new URL(file, this.#models), `models/${file}`);
  }

  /** @param {string} title @returns {(loaded: number, total: number) => void} */
  #progress(title) {
    /** @type {{at: number, loaded: number}[]} */
    let lately = [];
    let slowed = false;
    return (loaded, total) => {
      const at = performance.now();
      const last = lately.at(-1);
      if (last && at - last.at < TELL_AFTER_MS) return;
      slowed ||= document.hidden;
      lately = [...lately.filter((then) => at - then.at < RATE_OVER_MS), { at, loaded }];
      const [then] = lately;
      const rate = at > then.at ? (1000 * (loaded - then.loaded)) / (at - then.at) : null;
      this.#tell({ what: page.loading(title), loaded, total, rate, slowed });
    };
  }
}
