// Hugging Face's hub: which files a model there consists of, and where they lie. Asked only when somebody opens one.
import { trouble } from '../strings.js';
import { LensError } from './errors.js';
import { netSource, request } from './sources.js';

/** @typedef {import('./sources.js').Source} Source */

// index.html's content security policy lets the page connect here and to where it redirects.
export const HUB = 'https://huggingface.co';

/**
 * The files to open of a model, by the hub's own list.
 * @param {{repo: string, revision: string, file: string | null}} place
 * @param {AbortSignal} signal
 * @returns {Promise<{revision: string, sources: Source[]}>} revision: the commit that it stands for now
 */
export async function hubSources({ repo, revision, file }, signal) {
  const name = `${repo}@${revision}`;
  const list = new URL(`${HUB}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`);
  let said;
  try {
    said = await (await request(list, { name, signal })).json();
  } catch (e) {
    if (signal.aborted) throw signal.reason;
    if (!(e instanceof LensError)) throw new LensError('hub_answer', trouble.hubAnswer(name));
    // The hub says 401 of what does not exist, lest it tell of what is private.
    throw /answered (401|403|404)/.test(e.message) ? new LensError('hub_missing', trouble.hubMissing(name)) : e;
  }
  const files = Array.isArray(said?.siblings) ? said.siblings : [];
  const commit = typeof said?.sha === 'string' && /^[0-9a-f]{40}$/.test(said.sha) ? said.sha : null;
  if (!commit || files.length === 0) throw new LensError('hub_answer', trouble.hubAnswer(name));
  /** @type {Map<string, {size: number, sha256?: string}>} */
  const known = new Map();
  for (const f of files)
    if (typeof f?.rfilename === 'string')
      known.set(f.rfilename, { size: f.lfs?.size ?? f.size, sha256: f.lfs?.sha256 ?? undefined });
  const wanted = chosen([...known.keys()], file, name);
  const believable = (/** @type {{size: unknown, sha256?: unknown}} */ { size, sha256 }) =>
    Number.isSafeInteger(size) && Number(size) >= 0 && (sha256 === undefined || /^[0-9a-f]{64}$/.test(String(sha256)));
  if (!wanted.every((path) => believable(/** @type {any} */ (known.get(path)))))
    throw new LensError('hub_answer', trouble.hubAnswer(name));
  return {
    revision: commit,
    sources: wanted.map((path) => {
      const { size, sha256 } = /** @type {{size: number, sha256?: string}} */ (known.get(path));
      const url = new URL(`${HUB}/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`);
      return netSource(url, { name: path.split('/').pop() ?? path, size, sha256, label: `${repo}/${path}` });
    }),
  };
}

/**
 * Which of a folder's files make the model: one GGUF, or safetensors with their config and tokenizer.
 * @param {string[]} names
 * @param {string | null} file the GGUF that was asked for
 * @param {string} where for messages
 * @returns {string[]}
 */
export function chosen(names, file, where) {
  if (file) {
    if (!names.includes(file)) throw new LensError('hub_file', trouble.hubFile(where, file));
    return [file];
  }
  const small = ['config.json', 'adapter_config.json'].filter((n) => names.includes(n));
  const tokenizer = names.includes('tokenizer.json')
    ? ['tokenizer.json']
    : ['vocab.json', 'merges.txt'].filter((n) => names.includes(n));
  const shards = names.filter((n) => /^model-\d+-of-\d+\.safetensors$/.test(n));
  const safetensors = names.includes('model.safetensors')
    ? ['model.safetensors']
    : shards.length > 0
      ? ['model.safetensors.index.json', ...shards].filter((n) => names.includes(n))
      : names.filter((n) => /^[^/]+\.safetensors$/.test(n));
  if (safetensors.length > 0) return [...small, ...tokenizer, ...safetensors];
  const ggufs = names.filter((n) => /^[^/]+\.gguf$/i.test(n));
  if (ggufs.length === 1) return ggufs;
  if (ggufs.length > 1) throw new LensError('hub_several', trouble.hubSeveral(where, ggufs));
  const pickled = names.some((n) => /\.(bin|pt|pth|ckpt|msgpack|h5|ot)$/.test(n));
  throw new LensError('hub_no_weights', pickled ? trouble.pickled(where) : trouble.noWeights(where));
}
