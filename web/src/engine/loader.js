// What the page itself needs: wasm and lists, from its own folder, with every way to fail told in a sentence.
import { trouble } from '../strings.js';
import { LensError } from './errors.js';
import { request } from './sources.js';

/**
 * @typedef {{title: string, about: string, bos: boolean, path: string, files: string[], counts?: string, lenses?: Record<string, string>, lens_scores?: string, bytes?: Record<string, number>, n_param?: undefined, tensors?: undefined, published?: undefined}} OwnEntry
 *   A model beside the page, in models/. Beside the catalog, for who asks for them: counts, a TokenCounts file; lenses, files of
 *   translators by the lens' name; lens_scores, what models/fit_lenses.py measured of them
 * @typedef {{title: string, about: string, bos: boolean, n_param: number, size: number, tensors?: string, published?: string, files?: undefined, counts?: undefined, lenses?: undefined, lens_scores?: undefined, bytes?: undefined}} HubEntry
 *   A model of the hub, under its ref. size: about, in bytes; tensors, published: files beside the catalog, with each tensor's sha256, and figures that others published of it (state/published.js)
 * @typedef {OwnEntry | HubEntry} CatalogEntry
 * @typedef {{tokens: number, counts: number[]}} TokenCounts  how many tokens the weights were trained on, and each token's share of them, by id
 * @typedef {Record<string, CatalogEntry>} Catalog
 * @typedef {{prompt: string, look_at?: string}} Example
 * @typedef {(loaded: number, total: number | null) => void} Progress
 */

/** However much a server says that it sends. */
const ROOM_AT_FIRST = 64 << 20;

/**
 * @param {URL} url
 * @param {{name: string, bytes?: number, most?: number, progress?: Progress, signal?: AbortSignal}} about  name: how messages call it; bytes: its
 *   size, where known; most: more is not taken
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function fetchBytes(url, { name, bytes, most = Number.POSITIVE_INFINITY, progress = () => {}, signal }) {
  const response = await request(url, { name, signal });
  // What the server says of a compressed body is not the size of the file.
  const said = response.headers.get('Content-Encoding') ? null : Number(response.headers.get('Content-Length')) || null;
  const wanted = bytes ?? said;
  let buffer = new Uint8Array(Math.min(wanted ?? 1 << 16, ROOM_AT_FIRST));
  let size = 0;
  const check = (/** @type {number} */ n) => {
    if (n > most) throw new LensError('load_large', trouble.large(name, n));
  };
  check(wanted ?? 0);
  try {
    for (const reader = response.body?.getReader(); reader; ) {
      const { done, value } = await reader.read();
      if (done) break;
      if (size + value.length > buffer.length) {
        const larger = new Uint8Array(Math.max(2 * buffer.length, size + value.length));
        larger.set(buffer.subarray(0, size));
        buffer = larger;
      }
      buffer.set(value, size);
      size += value.length;
      check(size);
      progress(size, wanted);
    }
  } catch (e) {
    if (signal?.aborted) throw signal.reason;
    if (e instanceof LensError) throw e;
    throw new LensError('load_cut_off', trouble.cutOff(name, size, wanted));
  }
  if (wanted !== null && size !== wanted) throw new LensError('load_cut_off', trouble.cutOff(name, size, wanted));
  return size === buffer.length ? buffer : buffer.slice(0, size);
}

/** @param {URL} url @param {string} name @returns {Promise<any>} */
export async function fetchJson(url, name) {
  const text = new TextDecoder().decode(await fetchBytes(url, { name }));
  try {
    return JSON.parse(text);
  } catch {
    throw new LensError('load_json', trouble.json(name));
  }
}

/** @param {URL} models the folder @returns {Promise<Catalog>} */
export async function fetchCatalog(models) {
  const catalog = await fetchJson(new URL('catalog.json', models), 'models/catalog.json');
  const entries = catalog && typeof catalog === 'object' ? Object.values(catalog) : [];
  const own = (/** @type {any} */ e) => typeof e?.path === 'string' && Array.isArray(e.files);
  if (!own(entries[0]) || !entries.every((e) => own(e) || typeof e?.size === 'number'))
    throw new LensError('load_catalog', trouble.catalog);
  return catalog;
}

/** What opening a model brings, in bytes: its own files, not what is asked for later. @param {CatalogEntry} entry */
export function sizeOf(entry) {
  return entry.files ? entry.files.reduce((sum, file) => sum + (entry.bytes?.[file] ?? 0), 0) : entry.size;
}

/** Where a model lies beside the page: its file, or the folder of its files. @param {OwnEntry} entry */
export function pathOf({ path, files }) {
  return `models/${path}${files.length === 1 ? files[0] : ''}`;
}
