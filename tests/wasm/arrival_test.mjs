// A model comes over the network into the engine: its header first, its bytes in pieces, checked, over a connection that drops.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { arrive, look } from '../../web/src/engine/arrival.js';
import { Digest } from '../../web/src/engine/digest.js';
import { LensError } from '../../web/src/engine/errors.js';
import { Session } from '../../web/src/engine/session.js';
import { netSource } from '../../web/src/engine/sources.js';
import { seededRepo, tensorSums } from '../browser/hub.mjs';

const build = new URL('../../build/wasm/wasm/', import.meta.url);
const files = seededRepo();
const sha256 = createHash('sha256').update(files['model.safetensors']).digest('hex');
const CUT = 7 << 20;

/** @type {(string | undefined)[]} the ranges that the weights were asked for in */
const ranges = [];
let cut = false;
let flip = false;
/** @type {number | null} an answer to all but the whole file and its header, once */
let refuse = null;
const server = createServer((request, response) => {
  const name = (request.url ?? '').slice(1);
  const weights = name === 'model.safetensors';
  const { range } = request.headers;
  if (weights) ranges.push(range);
  const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  let body = Buffer.from(files[name]).subarray(Number(from), to ? Number(to) + 1 : undefined);
  if (weights && flip && body.length > 9e6) {
    body = Buffer.from(body);
    body[9e6] ^= 1;
  }
  if (weights && refuse && from !== '0') {
    response.writeHead(refuse).end();
    refuse = null;
    return;
  }
  response.writeHead(range ? 206 : 200, { 'Content-Length': body.length });
  if (!weights || !cut || body.length < CUT) return response.end(body);
  cut = false;
  response.write(body.subarray(0, CUT), () => response.destroy());
});

let address = '';
/** @type {any} the verbs of client.js, without a worker */
let client;
before(async () => {
  await new Promise((r) => server.listen(0, '127.0.0.1', () => r(null)));
  address = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/`;
  const { default: createLens } = await import(new URL('lens.mjs', build).href);
  const module = await createLens({ wasmBinary: readFileSync(new URL('lens.wasm', build)) });
  const session = new Session(new module.Engine(), async () => {});
  const verb =
    (/** @type {(...given: any[]) => any} */ call) =>
    async (/** @type {any[]} */ ...given) => {
      const { ok, error } = await call.apply(session, given);
      if (error) throw new LensError(error.code, error.message);
      return ok;
    };
  const { inspect, put, digests, finishLoad, cancelLoad } = session;
  client = Object.fromEntries(
    Object.entries({ inspect, put, digests, finishLoad, cancelLoad }).map(([name, call]) => [name, verb(call)]),
  );
  client.beginLoad = verb((ref, heads, precision, tensors) =>
    session.beginLoad(ref, heads, precision, Digest.begin, tensors),
  );
});
after(() => {
  server.close();
  server.closeAllConnections();
});

/** @param {import('#lens').Precision} precision @param {Record<string, string> | null} tensors @param {any} [saving] */
async function bring(precision, tensors = null, saving = null) {
  ranges.length = 0;
  const { signal } = new AbortController();
  const sources = Object.entries(files)
    .filter(([name]) => /\.(json|txt|safetensors)$/.test(name))
    .map(([name, { length: size }]) =>
      netSource(new URL(name, address), { name, size, ...(name.endsWith('.safetensors') ? { sha256 } : {}) }),
    );
  const looked = await look(client, 'model', sources, signal);
  const arrived = await arrive(client, 'model', looked, {
    ...{ precision, signal, saving, progress: () => {}, named: ([sum]) => sum },
    manifest: tensors && { title: 'the published one', tensors },
  });
  return { looked, arrived };
}

test('the header alone is fetched first, then all of it, and the sha256 is known', async () => {
  const { looked, arrived } = await bring('as_stored');
  assert.deepEqual(ranges, ['bytes=0-65535', undefined]);
  assert.deepEqual(looked.plan.dtypes, ['F32']);
  assert.equal(arrived.name, sha256);
  assert.equal(arrived.info.ref, sha256);
  assert.deepEqual(arrived.verified, { as: 'sha256' });
});

test('a connection that drops goes on at the byte', async () => {
  cut = true;
  const { arrived } = await bring('q8_0');
  assert.equal(arrived.name, sha256);
  assert.deepEqual(ranges.slice(0, 2), ['bytes=0-65535', undefined]);
  assert.match(ranges[2] ?? '', /^bytes=[1-9]\d*-$/);
});

test('a server that fails for a moment is asked again, from the same byte', async () => {
  cut = true;
  refuse = 503;
  const { arrived } = await bring('q8_0');
  assert.equal(arrived.name, sha256);
  assert.equal(ranges.length, 4);
  assert.match(ranges[2] ?? '', /^bytes=[1-9]\d*-$/);
  assert.equal(ranges[3], ranges[2]);
});

for (const [status, code, ended] of /** @type {const} */ ([
  [403, 'load_http', 'pause'],
  [416, 'load_range', 'abandon'],
]))
  test(`what came before an answer ${status} is ${ended === 'pause' ? 'kept' : 'of no use'}`, async () => {
    const calls = /** @type {string[]} */ ([]);
    const call = (/** @type {string} */ name) => async () => void calls.push(name);
    cut = true;
    refuse = status;
    const saving = { begin: call('begin'), resume: () => [], write: async () => {}, endFile: async () => {} };
    const bringing = bring('q8_0', null, { ...saving, pause: call('pause'), abandon: call('abandon') });
    await assert.rejects(bringing, { code });
    assert.deepEqual(calls, ['begin', ended]);
  });

test('tensors are held against published hashes', async () => {
  const tensors = tensorSums(files['model.safetensors']);
  const { arrived } = await bring('q8_0', tensors);
  assert.deepEqual(arrived.verified, { as: 'published', title: 'the published one' });
  tensors['h.1.mlp.c_fc.bias'] = '0'.repeat(64);
  assert.deepEqual((await bring('q8_0', tensors)).arrived.verified, { as: 'sha256' });
});

test('a wrong byte is found', async () => {
  flip = true;
  await assert.rejects(bring('q8_0'), { code: 'load_hash', message: /arrived damaged: its sha256/ });
  flip = false;
});
