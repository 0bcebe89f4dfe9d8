// The lenses that a model has beside the raw one: files of the catalog, each fetched when it is first asked for, and a file of
// translators that was given to the page, which is called "yours".
import { fetchBytes } from '../engine/loader.js';

/**
 * @typedef {import('../engine/client.js').Client} Client
 * @typedef {{name: string, bytes: Uint8Array<ArrayBuffer>}} Given
 * @typedef {{lenses?: Record<string, string>, bytes?: Record<string, number>}} Entry  of the catalog
 */

export const YOURS = 'yours';
export const CALIBRATED = 'calibrated'; // with the norm recomputed alone

export class Lenses {
  #models;
  /** @type {Map<string, Given[]>} by the ref of their model */
  #yours = new Map();
  /** @type {Map<string, Promise<void>>} in this worker, by ref and name */
  #loaded = new Map();
  /** @type {Set<string>} those of them that could not be had */
  #failed = new Set();

  /** @param {URL} models the folder */
  constructor(models) {
    this.#models = models;
  }

  /** What can be chosen for a model. @param {string} ref @param {Entry | undefined} entry @returns {string[]} */
  names(ref, entry) {
    return ['raw', ...Object.keys(entry?.lenses ?? {}), ...(this.#yours.has(ref) ? [YOURS] : [])];
  }

  /** The file of a lens, as a command line may call it. @param {string} ref @param {string} name @param {Entry | undefined} entry */
  fileOf(ref, name, entry) {
    if (name === YOURS) return this.#yours.get(ref)?.[0].name ?? null;
    return entry?.lenses && Object.hasOwn(entry.lenses, name) ? `models/${entry.lenses[name]}` : null;
  }

  /**
   * Brings a lens to the engine, once, even where that fails; of one that nobody has, the engine says so itself.
   * @param {Client} client @param {string} ref of a loaded model @param {string} name @param {Entry | undefined} entry
   * @param {AbortSignal} signal
   */
  bring(client, ref, name, entry, signal) {
    if (!this.fileOf(ref, name, entry)) return Promise.resolve();
    const key = JSON.stringify([ref, name]);
    let brought = this.#loaded.get(key);
    if (!brought) {
      brought = this.#bring(client, ref, name, entry, signal);
      this.#loaded.set(key, brought);
      brought.catch(() => this.#failed.add(key));
    }
    return brought;
  }

  /** @param {Client} client @param {string} ref @param {string} name @param {Entry | undefined} entry @param {AbortSignal} signal */
  async #bring(client, ref, name, entry, signal) {
    const yours = name === YOURS && this.#yours.get(ref);
    const file = /** @type {string} */ (entry?.lenses?.[name]);
    const files = yours
      ? yours.map((f) => ({ name: f.name, bytes: f.bytes.slice() })) // a worker that is started again asks again
      : [{ name: file, bytes: await fetchBytes(new URL(file, this.#models), about(file, entry, signal)) }];
    await client.loadLens(ref, name, files);
  }

  /** Those that could not be had are brought anew when they are next asked for. */
  retry() {
    for (const key of this.#failed) this.#loaded.delete(key);
    this.#failed.clear();
  }

  /** Takes a reader's own lens for a model, if it is one. @param {Client} client @param {string} ref @param {File[]} files */
  async take(client, ref, files) {
    const given = await Promise.all(
      files.map(async (f) => ({ name: f.name, bytes: new Uint8Array(await f.arrayBuffer()) })),
    );
    await client.loadLens(
      ref,
      YOURS,
      given.map((f) => ({ ...f, bytes: f.bytes.slice() })),
    );
    this.#yours.set(ref, given);
    this.#loaded.set(JSON.stringify([ref, YOURS]), Promise.resolve());
  }

  /** The worker that had them is gone, or let go of one model. @param {string} [ref] */
  forget(ref) {
    for (const key of this.#loaded.keys())
      if (ref === undefined || JSON.parse(key)[0] === ref) this.#loaded.delete(key);
  }
}

/** @param {string} file @param {Entry | undefined} entry @param {AbortSignal} signal */
function about(file, entry, signal) {
  return { name: `models/${file}`, bytes: entry?.bytes?.[file], signal };
}

const LENS_KEY = /^(mean_log_prob$|\d+\.(weight|bias|jacobian)|(input|layer)_(adapters?|probes?)\.)/;
const MOST_HEADER = 1 << 20;

/**
 * Whether these files are a lens rather than a model: params.pt, as tuned-lens publishes it, or one .safetensors whose
 * tensors have the names of translators (core/lens/lens_file.h).
 * @param {File[]} files
 */
export async function isLens(files) {
  if (files.some((f) => f.name.endsWith('.pt'))) return true;
  const [file, ...others] = files.filter((f) => f.name.endsWith('.safetensors'));
  if (!file || others.length > 0) return false;
  try {
    const size = Number(new DataView(await file.slice(0, 8).arrayBuffer()).getBigUint64(0, true));
    if (size > MOST_HEADER) return false;
    const { __metadata__: _, ...tensors } = JSON.parse(await file.slice(8, 8 + size).text());
    return Object.keys(tensors).some((name) => LENS_KEY.test(name));
  } catch {
    return false; // whoever reads it as a model says what is wrong
  }
}
