// A model on its way into the engine: its headers are looked at first, then its bytes go piece by piece into the worker,
// into the browser's storage, and nowhere else.
import { trouble } from '../strings.js';
import { LensError } from './errors.js';

/**
 * @typedef {import('./sources.js').Source} Source
 * @typedef {import('#lens').Plan} Plan
 * @typedef {import('#lens').Precision} Precision
 * @typedef {import('./client.js').Client} Client
 * @typedef {{name: string, bytes: Uint8Array<ArrayBuffer>, size?: number}} Head
 * @typedef {{sources: Source[], heads: Head[], plan: Plan, bytes: number}} Looked  bytes: of all files
 * @typedef {{title: string, tensors: Record<string, string>}} Manifest  sha256 of each tensor of a published model
 */

const PIECE = 1 << 20;
const MOST_OF_A_HEADER = 128 << 20;
export const MOST_OF_A_SMALL_FILE = 64 << 20; // the largest tokenizer.json that is about has half of that

/** @param {string} name */
export const holdsWeights = (name) => /\.(safetensors|gguf)$/i.test(name);

/**
 * Reads the headers, as far as needed.
 * @param {Client} client @param {string} ref @param {Source[]} sources @param {AbortSignal} signal
 * @param {(loaded: number, total: number) => void} [told] of small files, which come whole
 * @returns {Promise<Looked>} throws what cannot be opened as a sentence
 */
export async function look(client, ref, sources, signal, told) {
  const bytes = sources.reduce((sum, s) => sum + s.size, 0);
  for (const { name, size } of sources)
    if (!holdsWeights(name) && size > MOST_OF_A_SMALL_FILE)
      throw new LensError('load_large', trouble.large(name, size));
  const loaded = sources.map(() => 0);
  for (let n = 1; ; n *= 4) {
    const limit = (/** @type {string} */ name) => (/\.gguf$/i.test(name) ? 2 << 20 : 1 << 16) * n;
    const heads = await Promise.all(
      sources.map(async (source, i) => {
        const { name, size } = source;
        const tell = (/** @type {number} */ n) => {
          loaded[i] = n;
          told?.(
            loaded.reduce((a, b) => a + b),
            bytes,
          );
        };
        if (!holdsWeights(name)) return { name, bytes: await source.head(size, signal, tell) };
        return { name, bytes: await source.head(Math.min(size, limit(name)), signal, tell), size };
      }),
    );
    try {
      const plan = await client.inspect(ref, heads);
      return { sources, heads, plan, bytes };
    } catch (e) {
      const short = e instanceof LensError && e.code === 'head_short';
      if (!short || (1 << 16) * n > MOST_OF_A_HEADER) throw e;
    }
  }
}

/**
 * Brings the bytes. The model is there, under the name that `named` gives it, when this returns.
 * @param {Client} client @param {string} ref
 * @param {Looked} looked
 * @param {object} how
 * @param {Precision} how.precision
 * @param {AbortSignal} how.signal
 * @param {(loaded: number, total: number) => void} how.progress
 * @param {import('./saved.js').Saving | null} how.saving
 * @param {Manifest | null} how.manifest
 * @param {(sha256: string[]) => string} how.named  by the sha256 of the files with weights
 */
export async function arrive(client, ref, looked, { precision, signal, progress, saving, manifest, named }) {
  const { sources, heads, bytes } = looked;
  let loaded = 0;
  progress(0, bytes);
  try {
    await abortable(client.beginLoad(ref, heads, precision, manifest !== null), signal);
    await saving?.begin();
    for (const [i, source] of sources.entries()) {
      if (holdsWeights(source.name)) {
        for await (const { at, piece } of pieces(source, chunks(source, saving, signal))) {
          loaded += piece.length;
          // Whoever sent another header before would have put every weight in a wrong place.
          if (!continues(heads[i].bytes, at, piece)) throw new LensError('load_range', trouble.changed(source.name));
          await abortable(client.put(ref, i, at, piece), signal);
          progress(loaded, bytes);
        }
      } else {
        for await (const _ of chunks({ ...source, stream: (_, from) => rest(heads[i].bytes, from) }, saving, signal));
        loaded += source.size;
        progress(loaded, bytes);
      }
      await saving?.endFile();
    }
    const digests = await abortable(client.digests(ref), signal);
    const sums = sources.map((source, i) => (holdsWeights(source.name) ? digests.files[i] : null));
    for (const [i, source] of sources.entries())
      if (source.sha256 && sums[i] && source.sha256 !== sums[i])
        throw new LensError('load_hash', trouble.wrongHash(source.name));
    const name = named(/** @type {string[]} */ (sums.filter((s) => s !== null)));
    const info = await abortable(client.finishLoad(ref, name), signal);
    return { name, info, verified: verified(sources, sums, digests.tensors, manifest) };
  } catch (e) {
    // What came is good for the next try, unless it is the bytes themselves that are wrong. A weight may be so for a precision alone.
    if (e instanceof LensError && (isWrong(e.code) || (e.code === 'tensor_value' && precision === 'as_stored')))
      await saving?.abandon();
    else await saving?.pause();
    client.cancelLoad(ref).catch(() => {});
    throw e;
  }
}

/**
 * What the bytes were compared with.
 * @param {Source[]} sources @param {(string | null)[]} sums @param {Record<string, string>} tensors @param {Manifest | null} manifest
 * @returns {{as: 'published', title: string} | {as: 'sha256' | 'saved' | 'length'}}
 */
function verified(sources, sums, tensors, manifest) {
  if (manifest && Object.entries(manifest.tensors).every(([name, sum]) => tensors[name] === sum))
    return { as: 'published', title: manifest.title };
  if (sources.every((s) => s.saved)) return { as: 'saved' };
  return sources.every((s, i) => sums[i] === null || s.sha256 !== undefined) ? { as: 'sha256' } : { as: 'length' };
}

/** Whether after this error nothing is of use of what came, or was looked at. @param {string} code */
export const isWrong = (code) => ['load_hash', 'load_length', 'load_short', 'load_range'].includes(code);

/** A file's bytes: what an earlier try left, then what is still to come, which is kept. @param {Pick<Source, 'name' | 'size' | 'stream'>} source @param {import('./saved.js').Saving | null} saving @param {AbortSignal} signal */
async function* chunks({ name, size, stream }, saving, signal) {
  let at = 0;
  for await (const part of saving?.resume(name, size) ?? []) {
    if (signal.aborted) throw signal.reason;
    at += part.length;
    yield part;
  }
  for await (const chunk of at < size ? stream(signal, at) : []) {
    await saving?.write(chunk);
    yield chunk;
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {number} [from] */
async function* rest(bytes, from = 0) {
  yield bytes.slice(from);
}

/** A file in pieces of a megabyte, however small they come. @param {Source} source @param {AsyncGenerator<Uint8Array<ArrayBuffer>>} chunks */
async function* pieces(source, chunks) {
  let piece = new Uint8Array(PIECE);
  let filled = 0;
  let at = 0;
  for await (const chunk of chunks)
    for (let from = 0; from < chunk.length; ) {
      const part = chunk.subarray(from, from + PIECE - filled);
      piece.set(part, filled);
      filled += part.length;
      from += part.length;
      if (filled < PIECE) break;
      yield { at, piece };
      at += filled;
      piece = new Uint8Array(PIECE);
      filled = 0;
    }
  if (filled > 0) yield { at, piece: piece.slice(0, filled) };
  if (at + filled !== source.size)
    throw new LensError('load_short', trouble.cutOff(source.name, at + filled, source.size));
}

/** Whether a piece says what is known of the file's beginning. @param {Uint8Array} known @param {number} at @param {Uint8Array} piece */
function continues(known, at, piece) {
  return known.subarray(at, at + piece.length).every((byte, i) => byte === piece[i]);
}

/** @template T @param {Promise<T>} promise @param {AbortSignal} signal @returns {Promise<T>} */
export function abortable(promise, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
