// The same short visit in the engines that people have.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileServer } from '../../web/serve.mjs';
import * as chromium from './engines/chromium.mjs';
import * as firefox from './engines/firefox.mjs';
import { complaints, numbers, scenario } from './engines/scenario.mjs';
import * as webkit from './engines/webkit.mjs';

const site = resolve(import.meta.dirname, '../../build/site');
const pictures = resolve(import.meta.dirname, '../../build/browser');

// The built page as ./web/start serves it, but with watch.js before its script.
const files = fileServer(site);
const server = createServer(async (request, response) => {
  if (request.url === '/watch.js') {
    response.setHeader('Content-Type', 'text/javascript');
    response.end(await readFile(join(import.meta.dirname, 'engines/watch.js')));
  } else if (request.url === '/') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    const page = await readFile(join(site, 'index.html'), 'utf8');
    response.end(page.replace('<script ', '<script src="watch.js"></script><script '));
  } else files.emit('request', request, response);
});
let address = '';

before(async () => {
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(null)));
  address = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});

/** @type {Map<string, Awaited<ReturnType<typeof numbers>>>} */
const computed = new Map();

for (const driver of [chromium, firefox, webkit]) {
  const skip = driver.missing() ?? false;
  test(driver.name, { skip, timeout: 300_000 }, async (t) => {
    const engine = await driver.launch();
    t.after(() => engine.close());
    await engine.resize(1280, 900);
    for (const [name, visit] of Object.entries(scenario))
      await t.test(`${driver.name} ${name}`, async () => {
        try {
          await visit(engine, address);
          assert.deepEqual(await complaints(engine), []);
        } catch (error) {
          await engine.screenshot(join(pictures, `${driver.name} ${name}.png`)).catch(() => {});
          throw error;
        }
      });
    computed.set(driver.name, await numbers(engine));
  });
}

// A fused multiply-add rounds once where the plain build rounds twice, and then some inputs of Q8_0 to the other side of 16 bits.
const TOLERANCE = 5e-4;

test('every engine computes the same bits with the same build, and the same numbers with another', (t) => {
  if (computed.size < 2) return t.skip(`no second engine to compare with (${[...computed.keys()]})`);
  const [[name, first], ...others] = computed;
  for (const [other, { build, tables }] of others) {
    for (const [i, { dtype, data, ...table }] of tables.entries()) {
      const expected = first.tables[i];
      const which = `${table.name}: ${name} with ${first.build}, ${other} with ${build}`;
      if (build === first.build) assert.deepEqual(data, expected.data, which);
      else if (dtype === 'f32') {
        const largest = Math.max(...expected.data.map((x) => Math.abs(x ?? 0)));
        const apart = Math.max(...data.map((x, k) => Math.abs((x ?? 0) - (expected.data[k] ?? 0))));
        assert.ok(apart <= TOLERANCE * largest, `${which}: ${apart} of ${largest}`);
      }
    }
  }
});
