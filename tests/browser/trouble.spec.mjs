// What the page says when something fails, and that it goes on.
import { resolve } from 'node:path';
import { fileServer } from '../../web/serve.mjs';
import { box, expect, expectColumns, open, test } from './support.mjs';

const site = resolve(import.meta.dirname, '../../build/site');

test.describe('files that do not come', () => {
  test.use({ expected: [/Failed to load resource/] });

  const model = '**/primer.gguf';
  /** @type {Record<string, [string, any, string]>} */
  const failures = {
    'missing model': [
      model,
      { status: 404, body: 'no' },
      'models/primer.gguf could not be loaded: the server answered 404.',
    ],
    'web page in its place': [
      model,
      { contentType: 'text/html', body: '<!doctype html>' },
      'the server sent a web page in its place',
    ],
    'model cut off': [
      model,
      { contentType: 'application/octet-stream', body: Buffer.alloc(1000) },
      'models/primer.gguf is incomplete: 1 kB came, ',
    ],
    'missing wasm': ['**/lens*.wasm', { status: 500, body: '' }, '.wasm could not be loaded: the server answered 500.'],
    'damaged wasm': [
      '**/lens*.wasm',
      { contentType: 'application/wasm', body: Buffer.from([0, 97, 115, 109, 9, 9, 9, 9]) },
      'cannot run here',
    ],
    'missing catalog': ['**/catalog.json', { status: 404, body: '' }, 'models/catalog.json could not be loaded'],
    'catalog that is none': ['**/catalog.json', { contentType: 'application/json', body: '[]' }, 'is not a catalog'],
  };
  for (const [name, [url, answer, message]] of Object.entries(failures)) {
    test(`${name}: a sentence, and another try`, async ({ page }) => {
      await page.route(url, (route) => route.fulfill(answer));
      await page.goto('./');
      await expect(page.locator('.failed')).toContainText(message);
      await box(page).fill('typed meanwhile');
      await page.unroute(url);
      await page.getByRole('button', { name: 'Try again' }).click();
      await expect(page.locator('.grid td.here')).toBeVisible();
      await expect(box(page)).toHaveValue('typed meanwhile');
      await expect(page.locator('.failed')).toHaveCount(0);
      await page.evaluate(() => window.logitLens.ready);
    });
  }

  test('the connection fails', async ({ page }) => {
    await page.route('**/primer.gguf', (route) => route.abort());
    await page.goto('./');
    const code = await page.evaluate(() => window.logitLens.ready.catch((/** @type {any} */ e) => e.code));
    expect(code).toBe('load_unreachable');
    await expect(page.locator('.failed')).toContainText(
      'models/primer.gguf could not be loaded: the connection failed.',
    );
  });

  test('without examples the page does without', async ({ page }) => {
    await page.route('**/examples.json', (route) => route.fulfill({ status: 404, body: '' }));
    await open(page);
    await expect(page.locator('.examples')).toHaveCount(0);
    await box(page).fill('The');
    await expectColumns(page, ['The']);
  });

  test('a model of other numbers than its header says is refused by the engine in words', async ({ page }) => {
    await page.route('**/primer.gguf', async (route) => {
      const body = await (await route.fetch()).body();
      const key = 'gpt2.embedding_length';
      body.writeUInt32LE(888, body.indexOf(key) + key.length + 4); // after the value's type
      route.fulfill({ contentType: 'application/octet-stream', body });
    });
    await page.goto('./');
    await expect(page.locator('.failed p')).toContainText('tensor "wte.weight" should have shape [d_vocab, 888]');
    await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
  });
});

test('bytes are counted while the model comes', async ({ page }) => {
  /** @type {() => void} */
  let go = () => {};
  const gate = new Promise((/** @type {(v: void) => void} */ r) => {
    go = r;
  });
  await page.route('**/primer.gguf', async (route) => {
    await gate;
    route.continue();
  });
  await page.goto('./');
  await expect(page.locator('.status')).toContainText(/Loading Primer.*of \d+\.\d MB/s);
  await expect(page.getByRole('progressbar')).toBeVisible();
  await box(page).fill('The king'); // typed before there is a model
  go();
  await expectColumns(page, ['The', '·king']);
  await expect(page.locator('.status')).toHaveCount(0);
});

test.describe('a crash', () => {
  test('of the worker is told, and the engine starts again', async ({ page }) => {
    await open(page);
    await box(page).fill('The king');
    await expectColumns(page, ['The', '·king']);
    const crash = async () => {
      for (const worker of page.workers())
        await worker
          .evaluate(() => {
            if (self.name !== 'logit-lens') return; // a thread of it
            setTimeout(() => {
              throw new Error('boom');
            });
          })
          .catch(() => {}); // it ended with the engine
    };
    await crash();
    await expect(page.locator('.notice')).toContainText('stopped unexpectedly and was started again');
    await expectColumns(page, ['The', '·king']);
    await box(page).fill('The queen');
    await expectColumns(page, ['The', '·queen']);
    await crash();
    await expect(page.locator('.failed')).toContainText('stopped again');
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.locator('.failed')).toHaveCount(0);
    await box(page).fill('The end');
    await expectColumns(page, ['The', '·end']);
  });
});

test('the page works below any path of any static server', async ({ page }) => {
  const server = fileServer(site, { base: '/a/b/', isolated: false }).listen(0, '127.0.0.1');
  await new Promise((r) => server.once('listening', r));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await page.goto(`http://127.0.0.1:${port}/a/b/`);
  await page.evaluate(() => window.logitLens.ready);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
  await box(page).fill('The king');
  await expectColumns(page, ['The', '·king']);
  server.close();
});
