// Models that the browser keeps, in its Cache API: each file in parts as they came, each part with its sha256, and an entry
// that says which model they are and whether it is whole. Of a model whose loading ended early the parts stay, so that the
// next try goes on where they end; of one such model at most. A part that is no longer what it was counts as missing.
// Tabs share all this: whoever brings a model holds a lock of its name meanwhile, and no other tab writes or tidies it away.
// Storage may be absent, forbidden or full; then nothing is kept, and that is told.
import { trouble } from '../strings.js';
import { holdsWeights } from './arrival.js';
import { LensError } from './errors.js';
import { keptSource } from './sources.js';

/**
 * @typedef {{ref: string, title: string, bytes: number, files: Kind[], whole: boolean}} Saved
 *   ref: without a precision; the files are as they came; not whole: only a beginning of them
 * @typedef {{name: string, size: number, sha256?: string, tag?: string | null}} Kind  tag: the ETag of weights whose sha256 nobody gives
 * @typedef {'saved' | 'refused' | 'elsewhere'} Kept  by the browser; elsewhere: another tab is about it
 */

const CACHE = 'logit-lens-models';
const INDEX = 'model.json';
const PART = 8 << 20;
const SUM = 'X-SHA256';

/** Where this page keeps its models; another copy of it on this host has its own. */
const shelf = () => new URL('models/saved/', location.href.split('#')[0]);

/** @param {string} ref @param {string} name */
const address = (ref, name) => new URL(`${encodeURIComponent(ref)}/${name}`, shelf());

/** @returns {Promise<Cache | null>} */
async function open() {
  try {
    return await caches.open(CACHE);
  } catch {
    return null;
  }
}

/** @param {Cache} cache @returns {Promise<Saved[]>} */
async function indexes(cache) {
  const found = (await cache.keys()).filter((k) => k.url.startsWith(shelf().href) && k.url.endsWith(`/${INDEX}`));
  const read = async (/** @type {Request} */ k) => {
    try {
      return await (await cache.match(k))?.json();
    } catch {
      await clear(cache, new URL('.', k.url).href); // nobody could find its parts again
    }
  };
  return (await Promise.all(found.map(read))).filter((saved) => saved !== undefined);
}

/** @param {Cache | null} cache @param {string} folder */
async function clear(cache, folder) {
  for (const key of (await cache?.keys()) ?? []) if (key.url.startsWith(folder)) await cache?.delete(key);
}

/** @returns {Promise<Saved[]>} */
export async function savedModels() {
  try {
    const cache = await open();
    return cache ? await indexes(cache) : [];
  } catch {
    return [];
  }
}

/** The parts of a file that are there, in order. @param {Cache | null} cache @param {string} ref @param {string} name */
async function* stored(cache, ref, name) {
  for (let i = 0; ; i++) {
    const part = await cache?.match(address(ref, `${name}/${i}`));
    if (!part) return;
    yield part;
  }
}

/** Their bytes, as far as they are what they were. @param {Cache | null} cache @param {string} ref @param {string} name */
async function* parts(cache, ref, name) {
  for await (const part of stored(cache, ref, name)) {
    const bytes = await part.arrayBuffer().catch(() => null);
    if (!bytes || (await sumOf(bytes)) !== part.headers.get(SUM)) return;
    yield new Uint8Array(bytes);
  }
}

/** @param {BufferSource} bytes */
async function sumOf(bytes) {
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {Saved} saved
 * @param {() => Promise<void>} remove  it turned out to be damaged
 * @returns {import('./sources.js').Source[]} Error: saved_damaged
 */
export function savedSources({ ref, title, files }, remove) {
  return files.map(({ name, size }) =>
    keptSource(name, size, async function* () {
      let at = 0;
      for await (const part of parts(await open(), ref, name)) {
        at += part.length;
        yield part;
      }
      if (at === size) return;
      await remove();
      throw new LensError('saved_damaged', trouble.savedDamaged(title, name));
    }),
  );
}

/**
 * Takes the lock of a model's name, until the promise that `use` gives is settled.
 * @template T @param {string} ref @param {() => Promise<T>} use
 * @returns {Promise<T | null>} null, and `use` is not called, where another tab has it
 */
function locked(ref, use) {
  return navigator.locks.request(address(ref, INDEX).href, { ifAvailable: true }, (lock) => (lock ? use() : null));
}

/** By what an earlier try's beginning of a file is known to be of the same. @param {import('./sources.js').Source[]} sources @returns {Kind[]} */
export function kindsOf(sources) {
  return sources.map(({ name, size, sha256, tag }) => ({
    ...{ name, size, sha256 },
    ...(holdsWeights(name) && sha256 === undefined ? { tag } : {}),
  }));
}

/** @param {string} ref */
export async function removeSaved(ref) {
  const cache = await open();
  // The index first: what is left after that is rubbish, not half a model.
  await cache?.delete(address(ref, INDEX));
  await clear(cache, address(ref, '').href);
}

/** Keeps a model while it comes. What fails here never stops the loading. */
export class Saving {
  #saved;
  /** @type {Cache | null} */
  #cache = null;
  #name = '';
  #part = new Uint8Array(PART);
  #filled = 0; // of #part
  #n = 0; // parts of this file that are kept
  /** @type {(() => void) | null} lets go of the name; null: it is not held */
  #release = null;
  /** @type {Kept} so far */
  #kept = 'saved';

  /** @param {Omit<Saved, 'whole'>} saved what it will be */
  constructor(saved) {
    this.#saved = saved;
  }

  async begin() {
    const { ref, files, bytes } = this.#saved;
    this.#cache = await open();
    try {
      if (!this.#cache) throw new Error('no storage');
      if (!(await this.#hold())) {
        this.#kept = 'elsewhere';
        return;
      }
      const shape = JSON.stringify(files);
      const before = (await indexes(this.#cache)).filter((saved) => !saved.whole || saved.ref === ref);
      for (const old of before) {
        if (old.ref !== ref) await locked(old.ref, () => removeSaved(old.ref));
        else if (JSON.stringify(old.files) !== shape) await removeSaved(ref);
      }
      const { quota = 0, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
      // What an earlier try left counts as used.
      if (quota > 0 && bytes > quota - usage && before.length === 0) throw new Error('no room');
      await this.#index(false);
    } catch {
      this.#kept = 'refused';
    }
  }

  /** Takes the lock of the model's name until #release. @returns {Promise<boolean>} whether it could be had */
  #hold() {
    return new Promise((resolve, reject) => {
      const use = () =>
        new Promise((/** @type {(value: true) => void} */ done) => {
          this.#release = () => done(true);
          resolve(true);
        });
      locked(this.#saved.ref, use).then((held) => held ?? resolve(false), reject);
    });
  }

  /** Goes on with this file: what an earlier try left of it. @param {string} name @param {number} size */
  async *resume(name, size) {
    this.#name = name;
    this.#n = this.#filled = 0;
    if (this.#kept !== 'saved') return;
    let at = 0;
    for await (const part of parts(this.#cache, this.#saved.ref, name)) {
      at += part.length;
      if (at > size) break;
      this.#n++;
      yield part;
    }
    for (let n = this.#n; await this.#cache?.delete(address(this.#saved.ref, `${name}/${n}`)); n++); // behind a damaged one
  }

  /** What comes next of the file. @param {Uint8Array} bytes */
  async write(bytes) {
    for (let from = 0; from < bytes.length && this.#kept === 'saved'; ) {
      const some = bytes.subarray(from, from + PART - this.#filled);
      this.#part.set(some, this.#filled);
      this.#filled += some.length;
      from += some.length;
      if (this.#filled === PART) await this.#flush();
    }
  }

  endFile() {
    return this.#flush();
  }

  async #flush() {
    if (this.#filled === 0 || this.#kept !== 'saved') return;
    const part = this.#part.slice(0, this.#filled);
    this.#filled = 0;
    try {
      const headers = {
        'Content-Type': 'application/octet-stream',
        'Content-Length': String(part.length),
        [SUM]: await sumOf(part),
      };
      const where = address(this.#saved.ref, `${this.#name}/${this.#n}`);
      await this.#cache?.put(where, new Response(part, { headers }));
      this.#n++;
    } catch {
      this.#kept = 'refused';
    }
  }

  /** @param {boolean} whole */
  async #index(whole) {
    const headers = { 'Content-Type': 'application/json' };
    const index = new Response(JSON.stringify({ ...this.#saved, whole }), { headers });
    await this.#cache?.put(address(this.#saved.ref, INDEX), index);
  }

  /** Whether every byte of every file is there. */
  async #complete() {
    for (const { name, size } of this.#saved.files) {
      let bytes = 0;
      for await (const part of stored(this.#cache, this.#saved.ref, name))
        bytes += Number(part.headers.get('Content-Length'));
      if (bytes !== size) return false;
    }
    return true;
  }

  /** @returns {Promise<Kept>} */
  async finish() {
    try {
      if (this.#kept === 'saved') {
        // Meanwhile it may have been removed, here or in another tab.
        if (!(await this.#complete())) throw new Error('removed');
        await this.#index(true);
      }
    } catch {
      this.#kept = 'refused';
    }
    await this.#end();
    return this.#kept;
  }

  /** The next try goes on with what came so far. */
  async pause() {
    await this.#flush();
    await this.#end();
  }

  /** Nothing of it stays. */
  async abandon() {
    this.#kept = 'refused';
    await this.#end();
  }

  /** Lets go of the name, and of what is of no use under it. */
  async #end() {
    if (this.#release && this.#kept === 'refused') await removeSaved(this.#saved.ref).catch(() => {});
    this.#release?.();
    this.#release = null;
  }
}
