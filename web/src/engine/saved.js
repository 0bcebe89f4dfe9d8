// Models that the browser keeps, in its Cache API: each file in parts as they came, and an entry that says which model
// they are and whether it is whole. Of a model whose loading ended early the parts stay, so that the next try goes on where
// they end; of one such model at most. Storage may be absent, forbidden or full; then nothing is kept, and that is told.
import { keptSource } from './sources.js';

/**
 * @typedef {{ref: string, title: string, bytes: number, files: {name: string, size: number, sha256?: string}[], whole: boolean}} Saved
 *   ref: without a precision; the files are as they came; not whole: only a beginning of them
 */

const CACHE = 'logit-lens-models';
const INDEX = 'model.json';
const PART = 8 << 20;

/** @param {string} ref @param {string} name */
const address = (ref, name) => new URL(`models/saved/${encodeURIComponent(ref)}/${name}`, location.href.split('#')[0]);

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
  const found = (await cache.keys()).filter((k) => new URL(k.url).pathname.endsWith(`/${INDEX}`));
  return Promise.all(found.map(async (k) => (await cache.match(k))?.json()));
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

/** Their bytes. @param {Cache | null} cache @param {string} ref @param {string} name */
async function* parts(cache, ref, name) {
  for await (const part of stored(cache, ref, name)) yield new Uint8Array(await part.arrayBuffer());
}

/** @param {Saved} saved @returns {import('./sources.js').Source[]} */
export function savedSources({ ref, files }) {
  return files.map(({ name, size }) =>
    keptSource(name, size, async function* () {
      yield* parts(await open(), ref, name);
    }),
  );
}

/** @param {string} ref */
export async function removeSaved(ref) {
  const cache = await open();
  const own = address(ref, '').href;
  // The index first: what is left after that is rubbish, not half a model.
  await cache?.delete(address(ref, INDEX));
  for (const key of (await cache?.keys()) ?? []) if (key.url.startsWith(own)) await cache?.delete(key);
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
  failed = false;

  /** @param {Omit<Saved, 'whole'>} saved what it will be */
  constructor(saved) {
    this.#saved = saved;
  }

  async begin() {
    const { ref, files, bytes } = this.#saved;
    this.#cache = await open();
    this.failed = this.#cache === null;
    if (!this.#cache) return;
    try {
      const shape = JSON.stringify(files);
      const before = (await indexes(this.#cache)).filter((saved) => !saved.whole || saved.ref === ref);
      for (const old of before)
        if (old.ref !== ref || old.whole || JSON.stringify(old.files) !== shape) await removeSaved(old.ref);
      const { quota = 0, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
      // What an earlier try left counts as used.
      if (quota > 0 && bytes > quota - usage && before.length === 0) this.failed = true;
      else await this.#index(false);
    } catch {
      this.failed = true;
    }
  }

  /** Goes on with this file: what an earlier try left of it. @param {string} name @param {number} size */
  async *resume(name, size) {
    this.#name = name;
    this.#n = this.#filled = 0;
    if (this.failed) return;
    let at = 0;
    for await (const part of parts(this.#cache, this.#saved.ref, name)) {
      at += part.length;
      if (at > size) return;
      this.#n++;
      yield part;
    }
  }

  /** What comes next of the file. @param {Uint8Array} bytes */
  async write(bytes) {
    for (let from = 0; from < bytes.length && !this.failed; ) {
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
    if (this.#filled === 0 || this.failed) return;
    const part = this.#part.slice(0, this.#filled);
    this.#filled = 0;
    const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': String(part.length) };
    try {
      const where = address(this.#saved.ref, `${this.#name}/${this.#n}`);
      await this.#cache?.put(where, new Response(part, { headers }));
      this.#n++;
    } catch {
      this.failed = true;
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

  /** @returns {Promise<boolean>} whether the model is kept */
  async finish() {
    try {
      // Meanwhile it may have been removed, here or in another tab.
      if (!this.failed && (await this.#complete())) await this.#index(true);
      else this.failed = true;
    } catch {
      this.failed = true;
    }
    if (this.failed) await this.abandon();
    return !this.failed;
  }

  /** The next try goes on with what came so far. */
  async pause() {
    await this.#flush();
    if (this.failed) await this.abandon();
  }

  /** Nothing of it stays. */
  async abandon() {
    this.failed = true;
    await removeSaved(this.#saved.ref).catch(() => {});
  }
}
