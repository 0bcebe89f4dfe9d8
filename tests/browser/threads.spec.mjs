// Which build of the engine runs, and that all give the same numbers.
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { fileServer } from '../../web/serve.mjs';
import { numbers } from './engines/scenario.mjs';
import { expect, open, test } from './support.mjs';

const site = resolve(import.meta.dirname, '../../build/site');
const threads = /\/lens(-relaxed)?-threads\.wasm$/;

/** @param {import('./support.mjs').Page} page */
const read = (page) => numbers(/** @type {any} */ (page));

test('a page that may share memory computes with threads, and without them the same bits', async ({
  page,
  browser,
}) => {
  await open(page);
  const several = await read(page);
  expect(several.build).toMatch(threads);

  const single = await browser.newPage();
  await single.addInitScript(() => Object.defineProperty(globalThis, 'crossOriginIsolated', { value: false }));
  await single.goto(page.url());
  await single.evaluate(() => window.logitLens.ready);
  const alone = await read(single);
  expect(alone.build).toBe(several.build.replace('-threads', ''));
  expect(alone.tables).toEqual(several.tables);
  await single.close();
});

/**
 * Hosts of the built page, one of which answers each request, if any.
 * @param {(request: import('node:http').IncomingMessage) => 'isolated' | 'plain' | null} choose
 */
async function serve(choose) {
  const base = '/a/';
  const hosts = { isolated: fileServer(site, { base }), plain: fileServer(site, { base, isolated: false }) };
  const server = createServer((request, response) => {
    const host = choose(request);
    if (host) hosts[host].emit('request', request, response);
  }).listen(0, '127.0.0.1');
  await new Promise((r) => server.once('listening', r));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    address: `http://127.0.0.1:${port}${base}`,
    end: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

test('threads that do not start are not waited for', async ({ page }) => {
  let asked = 0; // for the engine itself, then for its threads
  const host = await serve(({ url }) => (url?.endsWith('-threads.js') && asked++ > 0 ? null : 'isolated'));
  await page.goto(host.address);
  const { build } = await read(page);
  expect(build).toMatch(/\/lens(-relaxed)?\.wasm$/);
  expect(asked).toBeGreaterThan(1);
  host.end();
});

test('a host without headers has threads from the second visit on, and nothing reloads by itself', async ({ page }) => {
  const host = await serve(() => 'plain');
  let visits = 0;
  page.on('load', () => ++visits);
  await page.goto(host.address);
  const first = await read(page);
  expect(first.build).not.toMatch(threads);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  expect(visits).toBe(1);
  for (const file of ['', 'index.html']) {
    await page.goto(host.address + file);
    const second = await read(page);
    expect(second.build).toMatch(threads);
    expect(second.tables).toEqual(first.tables);
  }
  // Another page of the host, and one file of ours by itself, come as they are.
  const named = async (/** @type {string} */ path) => (await page.goto(host.address + path))?.headers() ?? {};
  expect(await named('')).toHaveProperty('cross-origin-embedder-policy');
  expect(await named('models/examples.json')).not.toHaveProperty('cross-origin-embedder-policy');
  host.end();
});

test('a host that comes to send the headers itself has the service worker no longer', async ({ page }) => {
  /** @type {'plain' | 'isolated'} */
  let headers = 'plain';
  const host = await serve(() => headers);
  const workers = async () => {
    await page.goto(host.address);
    await read(page);
    return page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length);
  };
  await workers();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  headers = 'isolated';
  await workers();
  expect(await workers()).toBe(0);
  host.end();
});
