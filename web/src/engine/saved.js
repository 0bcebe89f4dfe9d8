// Models that the browser keeps, in its Cache API: the files as they came, and one entry that says which they are, written
// last, so that half a model is none. Storage may be absent, forbidden or full; then nothing is kept, and that is told.
import { keptSource } from './sources.js';

/**
 * @typedef {{ref: string, title: string, bytes: number, files: {name: string, size: number, sha256?: string}[]}} Saved
 *   ref: without a precision; the files are as they came
 */

const CACHE = 'logit-lens-models';
const INDEX = 'model.json';

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

/** @returns {Promise<Saved[]>} */
export async function savedModels() {
  try {
    const cache = await open();
    const keys = (await cache?.keys()) ?? [];
    const found = keys.filter((k) => new URL(k.url).pathname.endsWith(`/${INDEX}`));
    return await Promise.all(found.map(async (k) => (await cache?.match(k))?.json()));
  } catch {
    return [];
  }
}

/** @param {Saved} saved @returns {import('./sources.js').Source[]} */
export function savedSources({ ref, files }) {
  return files.map(({ name, size }) =>
    keptSource(name, size, async () => {
      const found = await (await open())?.match(address(ref, name));
      if (!found) throw new Error(`${name} is no longer saved`);
      return found;
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
  #ref;
  /** @type {Cache | null} */
  #cache = null;
  /** @type {{writer: WritableStreamDefaultWriter<Uint8Array>, put: Promise<unknown>} | null} */
  #file = null;
  failed = false;

  /** @param {string} ref */
  constructor(ref) {
    this.#ref = ref;
  }

  /** @param {number} bytes that the model takes */
  async begin(bytes) {
    this.#cache = await open();
    this.failed = this.#cache === null;
    try {
      const { quota = 0, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
      if (quota > 0 && bytes > quota - usage) this.failed = true;
      if (!this.failed) await removeSaved(this.#ref);
    } catch {
      // It will be seen when something is written.
    }
  }

  /** @param {string} name @param {number} size */
  beginFile(name, size) {
    if (this.failed || !this.#cache) return;
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': String(size) };
    const put = this.#cache.put(address(this.#ref, name), new Response(readable, { headers }));
    put.catch(() => {
      this.failed = true;
      writer.abort().catch(() => {}); // whoever waits to write need not
    });
    this.#file = { writer, put };
    writer.closed.catch(() => {});
  }

  /** @param {Uint8Array} bytes */
  async write(bytes) {
    if (this.failed || !this.#file) return;
    try {
      await this.#file.writer.ready;
      this.#file.writer.write(bytes).catch(() => {});
    } catch {
      this.failed = true;
    }
  }

  async endFile() {
    if (this.failed || !this.#file) return;
    try {
      await this.#file.writer.close();
      await this.#file.put;
      this.#file = null;
    } catch {
      this.failed = true;
    }
  }

  /** @param {Omit<Saved, 'ref'>} saved @returns {Promise<boolean>} whether the model is kept */
  async finish(saved) {
    if (!this.failed) {
      try {
        const index = new Response(JSON.stringify({ ref: this.#ref, ...saved }), {
          headers: { 'Content-Type': 'application/json' },
        });
        await this.#cache?.put(address(this.#ref, INDEX), index);
      } catch {
        this.failed = true;
      }
    }
    if (this.failed) await this.abandon();
    return !this.failed;
  }

  /** Nothing of it stays. */
  async abandon() {
    this.failed = true;
    await this.#file?.writer.abort().catch(() => {});
    await removeSaved(this.#ref).catch(() => {});
  }
}
