// A server that plays Hugging Face's hub: a list of files, a redirect to another host, ranges, CORS, and whatever goes wrong on
// the way. And the built page, told that this is the hub.
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { fileServer } from '../../web/serve.mjs';

/**
 * @typedef {object} Fault  what happens to a file
 * @property {number} [cutAt]   the connection is cut after so many bytes, once
 * @property {number} [status]
 * @property {boolean} [html]   a web page comes in its place
 * @property {boolean} [closed] other pages may not read it (no CORS headers)
 * @property {number} [flip]    this byte is wrong
 * @property {number} [pace]    bytes a second
 * @property {boolean} [short]  the last byte is missing, and nobody says so
 * @property {(from: number, until: number, size: number) => string} [range]  what Content-Range says
 * @property {() => string} [tag]  what ETag says
 * @property {string} [elsewhere]  the hub sends whoever asks there
 * @property {{size?: number, lfs?: object | null}} [listed]  what the list says of it
 */

const root = resolve(import.meta.dirname, '../..');
export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

/** @param {Record<string, Record<string, Uint8Array>>} repos by owner/name, the files */
export async function startHub(repos) {
  /** @type {Map<string, Fault>} by owner/name/file, or owner/name for the list */
  const faults = new Map();
  /** @type {{path: string, range: string | null}[]} */
  const log = [];
  const open = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'Content-Range, ETag' };

  const cdn = createServer(async (request, response) => {
    const path = decodeURIComponent((request.url ?? '').slice(1));
    const fault = faults.get(path) ?? {};
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    log.push({ path, range: range ? range[0] : null });
    const [, repo, file] = /** @type {RegExpExecArray} */ (/^([^/]+\/[^/]+)\/(.+)$/.exec(path));
    let body = repos[repo]?.[file];
    const cors = fault.closed ? {} : open;
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { ...cors, 'Access-Control-Allow-Headers': 'range' }).end();
      return;
    }
    if (fault.status || !body) {
      response.writeHead(fault.status ?? 404, { ...cors, 'Retry-After': '7' }).end('no');
      return;
    }
    if (fault.html) {
      response.writeHead(200, { ...cors, 'Content-Type': 'text/html' }).end('<!doctype html><p>Log in');
      return;
    }
    if (fault.flip !== undefined) {
      body = body.slice();
      body[fault.flip] ^= 1;
    }
    if (fault.short) body = body.subarray(0, -1);
    const from = range ? Number(range[1]) : 0;
    const to = range?.[2] ? Math.min(Number(range[2]) + 1, body.length) : body.length;
    response.writeHead(range ? 206 : 200, {
      ...cors,
      'Content-Type': 'application/octet-stream',
      'Content-Length': to - from,
      ETag: fault.tag?.() ?? '"as it was"',
      ...(range ? { 'Content-Range': (fault.range ?? ranged)(from, to, repos[repo][file].length) } : {}),
    });
    const step = fault.pace ? Math.ceil(fault.pace / 20) : 1 << 18;
    for (let at = from; at < to && !response.destroyed; at += step) {
      if (fault.cutAt !== undefined && at >= fault.cutAt) {
        delete fault.cutAt;
        response.destroy();
        return;
      }
      // Sent before more is, and before a cut: what still waits would be lost with the connection.
      await new Promise((r) => response.write(body.subarray(at, Math.min(at + step, to)), r));
      await new Promise((r) => setTimeout(r, fault.pace ? 50 : 0));
    }
    response.end();
  });

  const hub = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    log.push({ path, range: null });
    const list = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/([^/]+)$/.exec(path);
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const name = list?.[1] ?? file?.[1] ?? '';
    const fault = (list && faults.get(name)) || {};
    const known = repos[name] && ['main', COMMIT].includes(list?.[2] ?? file?.[2] ?? '');
    const cors = fault.closed ? {} : open;
    if (fault.status || !known)
      return response.writeHead(fault.status ?? 401, { ...cors, 'Retry-After': '7' }).end('no');
    if (file) {
      const { elsewhere = addressOf(cdn) } = faults.get(`${name}/${file[3]}`) ?? {};
      return response.writeHead(302, { ...cors, Location: `${elsewhere}${name}/${file[3]}` }).end();
    }
    const siblings = Object.entries(repos[name]).map(([rfilename, bytes]) => ({
      rfilename,
      size: bytes.length,
      ...(/\.(safetensors|gguf)$/.test(rfilename)
        ? { lfs: { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') } }
        : {}),
      ...faults.get(`${name}/${rfilename}`)?.listed,
    }));
    response
      .writeHead(200, { ...cors, 'Content-Type': 'application/json' })
      .end(JSON.stringify({ id: name, sha: COMMIT, siblings }));
  });
  await Promise.all([listening(cdn), listening(hub)]);

  const site = join(root, 'build/hub-site');
  rmSync(site, { recursive: true, force: true });
  cpSync(join(root, 'build/site'), site, { recursive: true });
  const here = addressOf(hub).slice(0, -1);
  for (const file of readdirSync(site).filter((f) => /\.(js|html)$/.test(f))) {
    const text = readFileSync(join(site, file), 'utf8');
    writeFileSync(
      join(site, file),
      text
        .replaceAll('https://*.huggingface.co https://*.hf.co', addressOf(cdn).slice(0, -1))
        .replaceAll('https://huggingface.co', here),
    );
  }
  const page = fileServer(site);
  await listening(page);
  return {
    ...{ faults, log, site },
    address: addressOf(page),
    /** The hub goes away. */
    unplug: () => end(hub, cdn),
    close: () => end(hub, cdn, page),
  };
}

/** @type {NonNullable<Fault['range']>} */
const ranged = (from, until, size) => `bytes ${from}-${until - 1}/${size}`;

/** @param {import('node:http').Server} server */
const listening = (server) => new Promise((r) => server.listen(0, '127.0.0.1', () => r(null)));

/** @param {import('node:http').Server} server */
function addressOf(server) {
  return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/`;
}

/** @param {import('node:http').Server[]} servers */
function end(...servers) {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
}

/** The tiny model of tests/golden as a repository of the hub. @returns {Record<string, Uint8Array>} */
export function tinyRepo() {
  const folder = join(root, 'tests/golden/tiny');
  const names = ['config.json', 'model.safetensors', 'vocab.json', 'merges.txt'];
  return Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]));
}

/**
 * A seeded GPT-2 in OpenAI's own layout: Conv1D, no prefix, mask buffers, data at an odd offset.
 * @param {{n_layer?: number, d_model?: number, n_head?: number, n_ctx?: number, d_vocab?: number}} [shape]
 * @returns {Record<string, Uint8Array>}
 */
export function seededRepo({ n_layer = 2, d_model = 96, n_head = 4, n_ctx = 64, d_vocab = 50257 } = {}) {
  /** @type {[string, number[]][]} */
  const tensors = [
    ['wte.weight', [d_vocab, d_model]],
    ['wpe.weight', [n_ctx, d_model]],
  ];
  for (let l = 0; l < n_layer; l++) {
    tensors.push([`h.${l}.attn.bias`, [1, 1, n_ctx, n_ctx]]);
    for (const norm of ['ln_1', 'ln_2'])
      tensors.push([`h.${l}.${norm}.weight`, [d_model]], [`h.${l}.${norm}.bias`, [d_model]]);
    for (const [name, from, to] of /** @type {[string, number, number][]} */ ([
      ['attn.c_attn', d_model, 3 * d_model],
      ['attn.c_proj', d_model, d_model],
      ['mlp.c_fc', d_model, 4 * d_model],
      ['mlp.c_proj', 4 * d_model, d_model],
    ]))
      tensors.push([`h.${l}.${name}.weight`, [from, to]], [`h.${l}.${name}.bias`, [to]]);
  }
  tensors.push(['ln_f.weight', [d_model]], ['ln_f.bias', [d_model]]);
  const count = (/** @type {number[]} */ dims) => dims.reduce((a, b) => a * b, 1);
  const total = tensors.reduce((sum, [, dims]) => sum + count(dims), 0);
  const values = new Float32Array(total);
  let state = 1;
  for (let i = 0; i < total; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = state / 2 ** 33; // -0.25 to 0.25
  }
  /** @type {Record<string, object>} */
  const header = {};
  let at = 0;
  for (const [name, shape] of tensors) {
    const end = at + 4 * count(shape);
    if (/ln_.*weight/.test(name)) values.subarray(at / 4, end / 4).fill(1);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, end] };
    at = end;
  }
  let text = JSON.stringify(header);
  if (text.length % 2 === 0) text += ' ';
  const file = new Uint8Array(8 + text.length + 4 * total);
  new DataView(file.buffer).setUint32(0, text.length, true);
  file.set(new TextEncoder().encode(text), 8);
  file.set(new Uint8Array(values.buffer), 8 + text.length);
  const config = { model_type: 'gpt2', n_layer, n_head, n_positions: n_ctx, n_embd: d_model, vocab_size: d_vocab };
  const { 'vocab.json': vocab, 'merges.txt': merges } = tinyRepo();
  return {
    'config.json': new TextEncoder().encode(JSON.stringify({ ...config, bos_token_id: 0 })),
    'model.safetensors': file,
    'vocab.json': vocab,
    'merges.txt': merges,
    'README.md': new Uint8Array(10),
    'pytorch_model.bin': new Uint8Array(10),
  };
}

/** sha256 of each weight in a safetensors file, by name. @param {Uint8Array} bytes @returns {Record<string, string>} */
export function tensorSums(bytes) {
  const n = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + n)));
  const weights = Object.entries(header).filter(([name]) => !name.endsWith('.attn.bias'));
  return Object.fromEntries(
    weights.map(([name, { data_offsets }]) => {
      const [begin, end] = data_offsets;
      const sum = createHash('sha256').update(bytes.subarray(8 + n + begin, 8 + n + end));
      return [name, sum.digest('hex')];
    }),
  );
}
