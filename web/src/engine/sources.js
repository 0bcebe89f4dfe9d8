// A checkpoint's files, wherever they lie, as bytes that come one after the other: over the network, where a connection
// that drops goes on at the byte, from a disk, or from what the browser keeps.
import { trouble } from '../strings.js';
import { LensError } from './errors.js';

/**
 * @typedef {object} Source
 * @property {string} name      without folders
 * @property {number} size      of the whole file
 * @property {string} [sha256]  where somebody says what it should be
 * @property {(n: number, signal: AbortSignal, told?: (loaded: number) => void) => Promise<Uint8Array<ArrayBuffer>>} head  the first n bytes, or all
 *   there are; told: of a file that comes whole for it
 * @property {(signal: AbortSignal, from?: number) => AsyncGenerator<Uint8Array<ArrayBuffer>>} stream  all of it, or what comes from that byte on
 * @property {string | null} [tag]  the ETag that its server gave, where there is one
 * @property {URL} [url]
 * @property {boolean} [saved]  held against what it was when this device saved it, while it is read
 */

/** Below this a file is fetched once and whole, and kept until it is used. */
const SMALL = 16e6;
const RETRIES = 6;
const RETRY_AFTER_MS = 400; // doubled each time
const PASSING = ['load_unreachable', 'load_server'];

/**
 * @param {URL} url
 * @param {{name: string, from?: number, until?: number, fresh?: boolean, signal?: AbortSignal}} about  name: how messages call it;
 *   from, until: the bytes that are wanted; fresh: past the browser's own cache, which would keep halves of files
 */
export async function request(url, { name, from = 0, until, fresh = false, signal }) {
  /** @type {Response} */
  let response;
  /** @type {Record<string, string>} */
  const headers = {};
  if (from > 0 || until !== undefined) headers.Range = `bytes=${from}-${until === undefined ? '' : until - 1}`;
  const cache = fresh || headers.Range ? 'no-store' : 'default';
  try {
    response = await fetch(url, { signal, headers, cache });
  } catch {
    if (signal?.aborted) throw signal.reason;
    throw new LensError('load_unreachable', trouble.unreachable(name, isElsewhere(url) ? url.host : null));
  }
  if (response.status === 429) {
    const seconds = Number(response.headers.get('Retry-After'));
    throw new LensError('load_busy', trouble.busy(name, seconds > 0 ? seconds : null));
  }
  if (response.status === 416 && from > 0) throw new LensError('load_range', trouble.shrunk(name));
  if (response.status >= 500) throw new LensError('load_server', trouble.http(name, response.status, isElsewhere(url)));
  if (!response.ok) throw new LensError('load_http', trouble.http(name, response.status, isElsewhere(url)));
  if (/^text\/html\b/i.test(response.headers.get('Content-Type') ?? ''))
    throw new LensError('load_html', trouble.html(name));
  return response;
}

/** @param {URL} url */
function isElsewhere(url) {
  return typeof location === 'object' && url.origin !== location.origin;
}

/**
 * @param {URL} url
 * @param {{name: string, size: number, sha256?: string, label?: string}} about  label: how messages call it
 * @returns {Source}
 */
export function netSource(url, { name, size, sha256, label = name }) {
  /** @type {Uint8Array<ArrayBuffer> | null} */
  let kept = null;
  /** @type {string | null} */
  let tag = null;
  /** @type {Ask} */
  const ask = async (signal, from, until) => {
    const response = await request(url, { name: label, from, until, fresh: size > SMALL, signal });
    const now = response.headers.get('ETag');
    // Who knows the sha256 need not ask whether two servers call one file alike.
    const changed = sha256 === undefined && tag !== null && now !== null && tag !== now;
    tag ??= now;
    const wrong = changed ? trouble.changed(label) : wrongRange(response, label, from, size);
    if (!wrong) return response;
    response.body?.cancel().catch(() => {});
    throw new LensError('load_range', wrong);
  };
  return {
    name,
    size,
    sha256,
    url,
    get tag() {
      return tag;
    },
    async head(n, signal, told) {
      if (kept) return kept.subarray(0, n);
      if (size > SMALL) return firstBytes(await ask(signal, 0, Math.min(n, size)), n, label);
      kept = await gathered(restOfFile(ask, label, size, signal, 0), size, told);
      return kept.subarray(0, n);
    },
    async *stream(signal, from = 0) {
      if (kept) yield kept.slice(from);
      else yield* restOfFile(ask, label, size, signal, from);
    },
  };
}

/** @typedef {(signal: AbortSignal, from: number, until?: number) => Promise<Response>} Ask  for some of a file's bytes */

/** What is wrong with what a server says of the bytes that it sends, where it says anything. @param {Response} response @param {string} label @param {number} from @param {number} size */
function wrongRange({ status, headers }, label, from, size) {
  const said = status === 206 ? headers.get('Content-Range') : null;
  if (said === null) return null; // to a page of another host it may be hidden
  const [, begin, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(said) ?? [];
  if (Number(begin) !== from) return trouble.otherRange(label);
  return total === '*' || Number(total) === size ? null : trouble.changed(label);
}

/** @param {Ask} ask @param {string} label @param {number} size @param {AbortSignal} signal @param {number} from */
async function* restOfFile(ask, label, size, signal, from) {
  let at = from;
  for (let tries = 0; at < size; ) {
    const before = at;
    let failed = null;
    try {
      const response = await ask(signal, at);
      // A server without ranges begins again at the start.
      let skip = response.status === 206 ? 0 : at;
      const begun = response.status !== 206;
      for await (const chunk of chunksOf(response)) {
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        if (fresh.length === 0) continue;
        at += fresh.length;
        if (at > size) throw new LensError('load_length', trouble.tooLong(label, size));
        yield fresh;
      }
      if (at < size && begun) throw new LensError('load_short', trouble.cutOff(label, at, size));
    } catch (e) {
      if (signal.aborted) throw signal.reason;
      failed = e instanceof LensError ? e : null;
      // What has begun goes on after a while; what never began is told at once.
      if (failed && !(at > 0 && PASSING.includes(failed.code))) throw e;
    }
    if (at >= size) break;
    tries = at > before ? 0 : tries + 1;
    // In the background a browser may halt what a page does; nothing is lost, and it is tried again when somebody looks.
    if (tries >= RETRIES && globalThis.document?.hidden) {
      await untilSeen(signal);
      tries = 0;
    }
    if (tries >= RETRIES)
      throw failed?.code === 'load_server' ? failed : new LensError('load_cut_off', trouble.cutOff(label, at, size));
    await pause(RETRY_AFTER_MS * 2 ** tries, signal);
  }
}

/** @param {Response} response @returns {AsyncGenerator<Uint8Array<ArrayBuffer>>} */
async function* chunksOf(response) {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {Response} response @param {number} n @param {string} label */
async function firstBytes(response, n, label) {
  try {
    return await beginning(chunksOf(response), n);
  } catch {
    throw new LensError('load_unreachable', trouble.unreachable(label, null));
  }
}

/** @param {AsyncGenerator<Uint8Array<ArrayBuffer>>} chunks @param {number} n */
async function beginning(chunks, n) {
  const parts = [];
  let size = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    size += chunk.length;
    if (size >= n) break;
  }
  return joined(parts, Math.min(size, n));
}

/** @param {AsyncGenerator<Uint8Array<ArrayBuffer>>} chunks @param {number} size @param {(loaded: number) => void} [told] */
async function gathered(chunks, size, told) {
  const whole = new Uint8Array(size);
  let at = 0;
  for await (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
    told?.(at);
  }
  return whole;
}

/** @param {Uint8Array[]} parts @param {number} size */
function joined(parts, size) {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part.subarray(0, size - at), at);
    at += Math.min(part.length, size - at);
  }
  return whole;
}

/** A file of the user's own. @param {File} file @returns {Source} */
export function fileSource(file) {
  const unreadable = () => new LensError('file_unreadable', trouble.unreadable(file.name));
  return {
    name: file.name,
    size: file.size,
    async head(n) {
      try {
        return new Uint8Array(await file.slice(0, n).arrayBuffer());
      } catch {
        throw unreadable();
      }
    },
    async *stream(signal) {
      const step = 4 << 20;
      for (let at = 0; at < file.size; at += step) {
        if (signal.aborted) throw signal.reason;
        /** @type {Uint8Array<ArrayBuffer>} */
        let piece;
        try {
          piece = new Uint8Array(await file.slice(at, at + step).arrayBuffer());
        } catch {
          throw unreadable();
        }
        yield piece;
      }
    },
  };
}

/** What the browser keeps of an earlier visit. @param {string} name @param {number} size @param {() => AsyncGenerator<Uint8Array<ArrayBuffer>>} parts @returns {Source} */
export function keptSource(name, size, parts) {
  return {
    name,
    size,
    saved: true,
    head: (n) => beginning(parts(), n),
    async *stream(signal) {
      for await (const part of parts()) {
        if (signal.aborted) throw signal.reason;
        yield part;
      }
    },
  };
}

/** Resolves when the tab is in front. @param {AbortSignal} signal @returns {Promise<void>} */
function untilSeen(signal) {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    signal.addEventListener('abort', () => reject(signal.reason), { signal: done.signal });
    document.addEventListener(
      'visibilitychange',
      () => {
        done.abort();
        resolve();
      },
      { signal: done.signal },
    );
  });
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
