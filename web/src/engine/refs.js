// How an Experiment names a model. A link holds these words, so they do not change:
//
//   primer                          an entry of models/catalog.json
//   owner/name@revision             of Hugging Face's hub; owner/name@revision:FILE.gguf where it holds several
//   ./NAME  or  ./NAME.gguf         a folder, or a file, in models/ beside the page
//   file:NAME@0123456789ab          a file of somebody's own, and the beginning of its sha256
//   …~f16  …~q8_0                   any of these, rounded to F16 or Q8_0 as it was opened
import { trouble } from '../strings.js';
import { LensError } from './errors.js';

/**
 * @typedef {import('#lens').Precision} Precision
 * @typedef {{kind: 'catalog', key: string} | {kind: 'hub', repo: string, revision: string, file: string | null}
 *         | {kind: 'beside', name: string} | {kind: 'file', name: string, hash: string}} Place
 */

/** @type {Precision[]} */
const ROUNDED = ['f16', 'q8_0'];
const HUB = /^([\w.-]+\/[\w.-]+)(?:@([^:]+?))?(?::(.+\.gguf))?$/;

/** @param {string} ref @returns {{base: string, precision: Precision}} */
export function precisionOf(ref) {
  const precision = ROUNDED.find((p) => ref.endsWith(`~${p}`));
  return precision ? { base: ref.slice(0, -precision.length - 1), precision } : { base: ref, precision: 'as_stored' };
}

/** @param {string} base @param {Precision} precision */
export function withPrecision(base, precision) {
  return precision === 'as_stored' ? base : `${base}~${precision}`;
}

/** @param {string} base a ref without its precision @returns {Place} */
export function placeOf(base) {
  if (base.startsWith('./') && /^[\w.-]+$/.test(base.slice(2)) && !/^\.+$/.test(base.slice(2)))
    return { kind: 'beside', name: base.slice(2) };
  const own = /^file:(.+)@([0-9a-f]{12})$/.exec(base);
  if (own) return { kind: 'file', name: own[1], hash: own[2] };
  const hub = HUB.exec(base);
  if (hub && !base.startsWith('.'))
    return { kind: 'hub', repo: hub[1], revision: hub[2] ?? 'main', file: hub[3] ?? null };
  return { kind: 'catalog', key: base };
}

/** What somebody types: also the address of a page of the hub. @param {string} text @returns {Place} */
export function placeTyped(text) {
  const short = text
    .trim()
    .replace(/^https?:\/\/(www\.)?(huggingface\.co|hf\.co)\//i, '')
    .replace(
      /\/(tree|blob|resolve)\/([^/]+)(\/(.*))?$/,
      (_, __, revision, ___, file) => `@${revision}${file?.endsWith('.gguf') ? `:${file}` : ''}`,
    )
    .replace(/\/$/, '');
  const place = placeOf(short);
  if (place.kind !== 'hub' && place.kind !== 'beside') throw new LensError('ref', trouble.ref(text));
  return place;
}

/** @param {Place} place @returns {string} */
export function refOf(place) {
  if (place.kind === 'hub') return `${place.repo}@${place.revision}${place.file ? `:${place.file}` : ''}`;
  if (place.kind === 'beside') return `./${place.name}`;
  if (place.kind === 'file') return `file:${place.name}@${place.hash}`;
  return place.key;
}

/** Where on the hub a model lies, if it does, as a folder of safetensors. @param {string} ref */
export function hubOf(ref) {
  const place = placeOf(precisionOf(ref).base);
  return place.kind === 'hub' && !place.file ? { repo: place.repo, revision: place.revision } : null;
}
