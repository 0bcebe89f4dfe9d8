// Which models can be opened, and the one that is being looked at: the model menu's state, and where each model's files lie.
//
// A model may be in four places, of which the first that has it wins: in the worker (Residents); saved by the browser under
// its very ref (saved.js); known in this visit, where its sources were found before, also files of one's own (#known); beside
// the page or on the hub. Residents.keep lets go of what no Experiment asks for. What is saved is deleted by `remove`, by the
// user's word or because it is damaged, and by Saving: of the model that comes, when what came is wrong or has gaps, and of
// one that came in part when another begins to come.
import { holdsWeights, isWrong, look, MOST_OF_A_SMALL_FILE } from '../engine/arrival.js';
import { LensError, troubleOf } from '../engine/errors.js';
import { hubSources } from '../engine/hub.js';
import { fetchBytes, fetchJson, pathOf } from '../engine/loader.js';
import { placeOf, placeTyped, precisionOf, refOf } from '../engine/refs.js';
import { removeSaved, savedModels, savedSources } from '../engine/saved.js';
import { fileSource, netSource, request } from '../engine/sources.js';
import { trouble } from '../strings.js';

/**
 * @typedef {import('../engine/loader.js').Catalog} Catalog
 * @typedef {import('../engine/saved.js').Saved} Saved
 * @typedef {import('../engine/sources.js').Source} Source
 * @typedef {import('../engine/arrival.js').Looked} Looked
 * @typedef {import('#lens').Precision} Precision
 * @typedef {import('../engine/client.js').Client} Client
 *
 * @typedef {object} Found  where a model's files lie
 * @property {string} base     its ref, without a precision; of dropped files the hash is still missing
 * @property {string} title
 * @property {string} about
 * @property {string} file     how a command line calls it
 * @property {Source[]} sources
 * @property {boolean} remote  comes from the hub: worth keeping
 *
 * @typedef {object} Shown
 * @property {Saved[]} saved
 * @property {Saved | null} begun  what came of one whose loading ended early
 * @property {string | null} asking  what is being looked at
 * @property {{found: Found, looked: Looked, precision: Precision, asked: Precision | null} | null} seen  asked: by the link
 * @property {string | null} problem
 * @property {string | null} again   the ref of what has to be looked at again because of it
 * @property {string | null} wanted  the ref of a link whose model is not here
 */

const MOST_SHARDS = 1000;
const COMMIT = /^[0-9a-f]{40}$/;

export class Shelf {
  /** @type {Shown} */
  state = { saved: [], begun: null, asking: null, seen: null, problem: null, again: null, wanted: null };
  /** @type {Catalog} */
  catalog = {};

  #base;
  #engine;
  #changed;
  /** @type {Map<string, Found>} of this visit, by ref without precision */
  #known = new Map();
  /** @type {import('./experiment.js').Experiment | null} */
  #wanted = null;
  /** @type {File[]} dropped, but no model yet */
  #loose = [];
  #stop = new AbortController();

  /** @param {URL} base the page's own folder @param {() => Promise<Client>} engine @param {() => void} changed */
  constructor(base, engine, changed) {
    this.#base = new URL('models/', base);
    this.#engine = engine;
    this.#changed = changed;
  }

  /** Learns what the browser keeps. */
  async refresh() {
    const kept = await savedModels();
    this.#update({ saved: kept.filter((s) => s.whole), begun: kept.find((s) => !s.whole) ?? null });
  }

  /** Whether a model can be loaded without asking anybody. @param {string} ref */
  has(ref) {
    const { base } = precisionOf(ref);
    return (
      Boolean(this.catalog[base]?.files) ||
      this.#known.has(base) ||
      placeOf(base).kind === 'beside' ||
      this.savedOf(base) !== undefined
    );
  }

  /** What the browser keeps of a model; of one named by a branch, the commit it was. @param {string} base */
  savedOf(base) {
    const { saved } = this.state;
    return saved.find((s) => s.ref === base) ?? saved.find((s) => answers(base, s.ref));
  }

  /** What the catalog says of a model, also of another revision. @param {string} base */
  entryOf(base) {
    const place = placeOf(base);
    const same = (/** @type {string} */ key) => {
      const other = placeOf(key);
      return other.kind === 'hub' && place.kind === 'hub' && other.repo === place.repo;
    };
    return this.catalog[base] ?? Object.entries(this.catalog).find(([key]) => same(key))?.[1];
  }

  /** The Experiment of a link whose model is not here. */
  get waiting() {
    return this.#wanted;
  }

  /** @param {string} ref @param {AbortSignal} signal @returns {Promise<Found>} */
  async find(ref, signal) {
    const { base } = precisionOf(ref);
    const saved = this.state.saved.some((s) => s.ref === base);
    const known = this.#known.get(base);
    if (known && !saved) return known;
    const found = await this.#find(base, signal);
    this.#known.set(found.base, found);
    return found;
  }

  /** @param {Found} found as it is called since its bytes are known */
  know(found) {
    this.#known.set(found.base, found);
  }

  /** Whether a first BOS is what the model is used to. @param {string} ref */
  opensWithBos(ref) {
    return this.entryOf(precisionOf(ref).base)?.bos ?? true;
  }

  /** A link asks for a model that is not here. @param {string} ref @param {import('./experiment.js').Experiment} experiment */
  want(ref, experiment) {
    this.#wanted = experiment;
    this.#update({ wanted: ref });
  }

  /** The Experiment that waits for this model. @param {string} ref */
  wantedWith(ref) {
    if (!this.#wants(precisionOf(ref).base)) return null;
    const experiment = this.#wanted;
    this.#wanted = null;
    this.#update({ wanted: null });
    return experiment;
  }

  /** @param {string} base */
  #wants(base) {
    return this.state.wanted !== null && answers(precisionOf(this.state.wanted).base, base);
  }

  // Looking

  /** @param {string} text a ref, or what somebody typed */
  lookAt(text) {
    const catalogued = this.catalog[text];
    return this.#look(text, async (signal) =>
      this.find(catalogued || this.has(text) ? text : refOf(placeTyped(text)), signal),
    );
  }

  /** Files or a folder, dropped or chosen: a model, or what was missing of one. @param {File[]} files */
  async take(files) {
    // What comes without weights belongs to what came before.
    const weighty = files.some((f) => holdsWeights(f.name));
    const known = ['config.json', 'tokenizer.json', 'vocab.json', 'merges.txt', 'adapter_config.json'];
    const all = weighty ? files : [...this.#loose.filter((f) => !files.some((g) => g.name === f.name)), ...files];
    this.#loose = all;
    const name = all.find((f) => holdsWeights(f.name))?.name ?? files[0]?.name ?? '';
    await this.#look(name, async () => {
      const byName = new Map(all.map((f) => [f.name, f]));
      if (!all.some((f) => holdsWeights(f.name)))
        throw new LensError('file_missing', trouble.noWeightsDropped(files.map((f) => f.name)));
      const gguf = all.find((f) => /\.gguf$/i.test(f.name));
      const names = gguf
        ? [gguf.name]
        : [...byName.keys()].filter((n) => known.includes(n) || /\.safetensors(\.index\.json)?$/.test(n));
      const folder = files[0].webkitRelativePath?.split('/')[0];
      const title = folder || (gguf ?? all.find((f) => holdsWeights(f.name)))?.name || '';
      return {
        base: `file:${title}`,
        title,
        about: '',
        file: title,
        sources: names.map((n) => fileSource(/** @type {File} */ (byName.get(n)))),
        remote: false,
      };
    });
  }

  /** Files that are a tokenizer and nothing else. @param {File[]} files */
  static tokenizerOnly(files) {
    return files.length > 0 && files.every((f) => ['tokenizer.json', 'vocab.json', 'merges.txt'].includes(f.name));
  }

  /** @param {Precision} precision */
  choose(precision) {
    const { seen } = this.state;
    if (seen) this.#update({ seen: { ...seen, precision } });
  }

  forget() {
    this.#stop.abort();
    this.#update({ asking: null, seen: null, problem: null, again: null });
  }

  /** @param {unknown} e @param {string | null} base  the ref of what it is about */
  fail(e, base = null) {
    const { code, message } = troubleOf(e);
    const stale = base !== null && placeOf(base).kind !== 'file' && (code === 'saved_damaged' || isWrong(code));
    this.#update({ asking: null, problem: message, again: stale ? base : null, ...(stale ? { seen: null } : {}) });
  }

  /** @param {Saved} saved */
  async remove(saved) {
    await removeSaved(saved.ref);
    this.#known.delete(saved.ref);
    await this.refresh();
  }

  /**
   * @param {string} asking
   * @param {(signal: AbortSignal) => Promise<Found>} find
   */
  async #look(asking, find) {
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#update({ asking, problem: null, again: null, seen: null });
    try {
      const found = await find(signal);
      const client = await this.#engine();
      const looked = await look(client, found.title, found.sources, signal);
      if (signal.aborted) return;
      const wanted = this.#wants(found.base) ? precisionOf(String(this.state.wanted)).precision : null;
      const asked = wanted ?? precisionOf(asking).precision;
      // Half a gigabyte and more is a lot for a page: smaller unless somebody wants it otherwise.
      const large = asked === 'as_stored' && looked.plan.kept.as_stored > roomFor();
      const choices = choicesOf(looked.plan);
      if (choices.length === 0) throw new LensError('no_room', trouble.noRoom(found.title, looked.plan.kept.q8_0));
      const precision = choices.find((p) => p === (large ? 'q8_0' : asked)) ?? choices[choices.length - 1];
      this.#update({ asking: null, seen: { found, looked, precision, asked: wanted } });
    } catch (e) {
      if (!signal.aborted) this.fail(e, asking);
    }
  }

  // Finding

  /** @param {string} base @param {AbortSignal} signal @returns {Promise<Found>} */
  async #find(base, signal) {
    const entry = this.entryOf(base);
    const place = placeOf(base);
    const { title = place.kind === 'hub' ? place.repo : base, about = '' } = entry ?? {};
    if (entry?.files) {
      const sources = entry.files.map((name) =>
        netSource(new URL(entry.path + name, this.#base), {
          name,
          size: entry.bytes?.[name] ?? 0,
          label: `models/${entry.path}${name}`,
        }),
      );
      return { base, title, about, file: pathOf(entry), sources, remote: false };
    }
    const saved = this.savedOf(base);
    const file = place.kind === 'hub' ? place.repo : base;
    const ofSaved = (/** @type {Saved} */ s) => {
      const sources = savedSources(s, () => this.remove(s));
      return { base: s.ref, title: s.title, about, file, sources, remote: false };
    };
    if (saved?.ref === base) return ofSaved(saved);
    if (place.kind === 'hub') {
      try {
        const { revision, sources } = await hubSources(place, signal);
        // What is opened is what stood there today, whatever stands there tomorrow.
        const pinned = refOf({ ...place, revision });
        if (saved?.ref === pinned) return ofSaved(saved);
        return { base: pinned, title, about, file, sources, remote: true };
      } catch (e) {
        if (saved && e instanceof LensError && e.code === 'load_unreachable') return ofSaved(saved);
        throw e;
      }
    }
    if (place.kind === 'beside')
      return {
        base,
        title: place.name,
        about,
        file: `models/${place.name}`,
        sources: await this.#beside(place.name, signal),
        remote: false,
      };
    if (place.kind === 'file') throw new LensError('model_missing', trouble.wantsFile(place.name));
    throw new LensError('link_model', trouble.linkModel(base));
  }

  /** A GGUF or a Hugging Face folder in models/: a static host lists no folder, so the usual names are tried. @param {string} name @param {AbortSignal} signal */
  async #beside(name, signal) {
    const source = async (/** @type {string} */ path) => {
      const label = `models/${path}`;
      const url = new URL(path, this.#base);
      const short = path.split('/').pop() ?? path;
      if (!holdsWeights(path)) {
        const bytes = await fetchBytes(url, { name: label, most: MOST_OF_A_SMALL_FILE, signal });
        return fileSource(new File([bytes], short));
      }
      const response = await request(url, { name: label, until: 1, signal });
      const { status, headers } = response;
      const said =
        status === 206 ? /\/(\d+)$/.exec(headers.get('Content-Range') ?? '')?.[1] : headers.get('Content-Length');
      const size = Number(said ?? 0);
      response.body?.cancel().catch(() => {});
      if (!Number.isSafeInteger(size) || size === 0) throw new LensError('load_length', trouble.noLength(label));
      return netSource(url, { name: short, size, label });
    };
    if (/\.gguf$/i.test(name)) return [await source(name)];
    const maybe = async (/** @type {string} */ file) => {
      try {
        return await source(`${name}/${file}`);
      } catch (e) {
        if (e instanceof LensError && ['load_http', 'load_html'].includes(e.code)) return null;
        throw e;
      }
    };
    const sources = [await source(`${name}/config.json`)];
    const tokenizer = await maybe('tokenizer.json');
    sources.push(
      ...[tokenizer, ...(tokenizer ? [] : [await maybe('vocab.json'), await maybe('merges.txt')])].filter(
        (s) => s !== null,
      ),
    );
    const whole = await maybe('model.safetensors');
    if (whole) return [...sources, whole];
    const file = `${name}/model.safetensors.index.json`;
    const index = await fetchJson(new URL(file, this.#base), `models/${name}/model.safetensors`);
    const shards = [...new Set(Object.values(index?.weight_map ?? {}).map(String))];
    const stranger = shards.find((shard) => !/^[\w-][\w.-]*\.safetensors$/.test(shard));
    if (stranger !== undefined) throw new LensError('index_name', trouble.indexName(`models/${file}`, stranger));
    if (shards.length > MOST_SHARDS)
      throw new LensError('index_many', trouble.indexMany(`models/${file}`, MOST_SHARDS));
    return [...sources, ...(await Promise.all(shards.map((shard) => source(`${name}/${shard}`))))];
  }

  /** @param {Partial<Shown>} patch */
  #update(patch) {
    this.state = { ...this.state, ...patch };
    this.#changed();
  }
}

/** Bytes of weights that are taken without a word: less on a small device. */
export function roomFor() {
  const memory = /** @type {any} */ (navigator).deviceMemory ?? 8; // in GB, where the browser tells
  return memory <= 4 ? 3e8 : 7e8;
}

const MEMORY = 2 ** 32; // wasm32's, in bytes
const REST = 5e8; // of it, by estimate: a lens, what is read, and what a load holds beside the weights

/**
 * How a model's weights may be kept, the largest first: what saves something, and leaves room for a run of the whole context,
 * of which each block keeps resid_pre, resid_mid, k and v (core/model/activations.h). Where none does, the smallest, for
 * short prompts; none at all where the weights alone are too many.
 * @param {Pick<import('#lens').Plan, 'kept' | 'n_ctx' | 'n_layer' | 'd_model'>} plan @returns {Precision[]}
 */
export function choicesOf({ kept, n_ctx, n_layer, d_model }) {
  const run = Float32Array.BYTES_PER_ELEMENT * 4 * n_ctx * n_layer * d_model;
  const all = /** @type {Precision[]} */ (['as_stored', 'f16', 'q8_0']).filter(
    (p) => p === 'as_stored' || kept[p] < kept.as_stored,
  );
  const fit = all.filter((p) => kept[p] + run + REST <= MEMORY);
  return fit.length > 0 ? fit : all.slice(-1).filter((p) => kept[p] + REST <= MEMORY);
}

/** Refuses a precision for which there is no room, before its bytes come. @param {string} title @param {import('#lens').Plan} plan @param {Precision} precision */
export function checkRoom(title, plan, precision) {
  const choices = choicesOf(plan);
  const smallest = choices.at(-1);
  // What a rounded copy would not save costs nothing either.
  if (choices.some((p) => plan.kept[p] >= plan.kept[precision])) return;
  throw new LensError(
    'no_room',
    smallest ? trouble.noRoomAs(title, precision, smallest) : trouble.noRoom(title, plan.kept.q8_0),
  );
}

/** Whether a model is what a ref asks for: that one, or of a branch any commit. @param {string} asked @param {string} base both without a precision */
function answers(asked, base) {
  if (asked === base) return true;
  const [place, other] = [placeOf(asked), placeOf(base)];
  if (place.kind !== 'hub' || other.kind !== 'hub' || COMMIT.test(place.revision)) return false;
  return other.repo === place.repo && other.file === place.file;
}

/** Whether the device asks to be spared bytes. */
export function isMetered() {
  return /** @type {any} */ (navigator).connection?.saveData === true;
}
