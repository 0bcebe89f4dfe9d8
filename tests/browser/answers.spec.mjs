// A hub, or a folder beside the page, whose answers do not fit each other: refused in a sentence, and nothing of it stays.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { seededRepo, startHub } from './hub.mjs';
import { chip, dialog, look, openIt, stillWorks } from './menu.mjs';
import { expect, test } from './support.mjs';

/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {Awaited<ReturnType<typeof startHub>>} Hub */
/** @typedef {import('./hub.mjs').Fault} Fault */

const seeded = seededRepo();
const header = 8 + Number(new DataView(seeded['model.safetensors'].buffer).getBigUint64(0, true));

/** A header whose length is said to be 2^53. */
function endless() {
  const bytes = seeded['model.safetensors'].slice();
  new DataView(bytes.buffer).setBigUint64(0, 2n ** 53n, true);
  return bytes;
}

const { 'model.safetensors': whole, ...small } = seeded;
const repos = {
  'someone/seeded': seeded,
  'someone/endless': { ...seeded, 'model.safetensors': endless() },
  'someone/twice': { ...small, 'model-00001-of-00002.safetensors': whole, 'model-00002-of-00002.safetensors': whole },
  'someone/json': {
    'config.json': small['config.json'],
    'tokenizer.json': new Uint8Array(1e6),
    'model.safetensors': whole,
  },
};
const weights = 'someone/seeded/model.safetensors';

/** @type {Hub} */
let hub;
test.beforeEach(async () => {
  hub = await startHub(repos);
});
test.afterEach(() => hub.close());
test.use({ expected: [/Failed to load resource|blocked by CORS|Content Security Policy|^CSP: connect-src/] });

/** @param {Page} page */
async function open(page) {
  await page.goto(hub.address);
  await page.evaluate(() => window.logitLens.ready);
  await expect(page.locator('.grid td.here')).toBeVisible();
}

const changes = () => {
  let n = 0;
  return () => `"${++n}"`;
};

/** What is opened, what goes wrong where, what the page says, and whether it says so only once it is being opened. @type {Record<string, [string, string, Fault, RegExp, boolean]>} */
const troubles = {
  'a range that begins elsewhere': [
    'someone/seeded',
    weights,
    { cutAt: 9 << 20, range: (from, until, size) => `bytes ${from && from - 1}-${until - 1}/${size}` },
    /the server sent another part of it than it was asked for. Nothing of it was kept/,
    true,
  ],
  'a range that is none': [
    'someone/seeded',
    weights,
    { range: () => 'bytes */7' },
    /the server sent another part of it than it was asked for/,
    false,
  ],
  'a range of another size': [
    'someone/seeded',
    weights,
    { range: (from, until, size) => `bytes ${from}-${until - 1}/${size + 1}` },
    /was changed on the server while it was loaded. Nothing of it was kept/,
    false,
  ],
  'another ETag for the rest of a file': [
    'someone/seeded',
    weights,
    { cutAt: 9 << 20, tag: changes(), listed: { lfs: null } },
    /was changed on the server while it was loaded. Nothing of it was kept/,
    true,
  ],
  'a list with a size of 2^53': [
    'someone/seeded',
    weights,
    { listed: { lfs: { size: 2 ** 53 } } },
    /The hub’s answer about someone\/seeded@main could not be understood/,
    false,
  ],
  'a list with a sha256 that is none': [
    'someone/seeded',
    weights,
    { listed: { lfs: { size: whole.length, sha256: 'no' } } },
    /The hub’s answer about someone\/seeded@main could not be understood/,
    false,
  ],
  'a list that says more bytes than there are': [
    'someone/seeded',
    weights,
    { listed: { lfs: { size: 2 ** 53 - 1 } }, range: (from, until) => `bytes ${from}-${until - 1}/${2 ** 53 - 1}` },
    /bytes behind the last tensor belong to none/,
    false,
  ],
  'a header of 2^53 bytes': [
    'someone/endless',
    '',
    {},
    /says that its header has 9007199254740992 bytes, the most is 16777216; this is not a safetensors file/,
    false,
  ],
  'a tensor in two shards': [
    'someone/twice',
    '',
    {},
    /model-00002-of-00002.safetensors: tensor ".*" stands in model-00001-of-00002.safetensors too/,
    false,
  ],
  'a tokenizer of 500 MB': [
    'someone/json',
    'someone/json/tokenizer.json',
    { listed: { size: 500e6 } },
    /tokenizer.json has 500.0 MB, which is more than such a file of a GPT-2 can have/,
    false,
  ],
};
for (const [name, [model, at, fault, says, opens]] of Object.entries(troubles))
  test(`${name}: a sentence, and the model from before`, async ({ page }) => {
    if (at) hub.faults.set(at, fault);
    await open(page);
    await look(page, model);
    if (opens) await openIt(page);
    await expect(dialog(page).locator('.problem[role=alert]')).toContainText(says);
    expect(await page.evaluate(async () => (await (await caches.open('logit-lens-models')).keys()).length)).toBe(0);
    if (fault.listed?.size === 500e6) expect(hub.log.filter((r) => r.path.includes('tokenizer'))).toEqual([]);
    await stillWorks(page);
  });

test('a redirect to a host that is not the hub’s is not followed', async ({ page }) => {
  let asked = 0;
  const stranger = createServer((_, response) => {
    asked++;
    response.writeHead(206, { 'Access-Control-Allow-Origin': '*' }).end(whole.subarray(0, 65536));
  });
  await new Promise((r) => stranger.listen(0, '127.0.0.1', () => r(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (stranger.address());
  hub.faults.set(weights, { elsewhere: `http://127.0.0.1:${port}/` });
  await open(page);
  await look(page, 'someone/seeded');
  await expect(dialog(page).locator('.problem[role=alert]')).toContainText(
    /there is no connection to 127.0.0.1:\d+, or it does not let other pages read its files/,
  );
  expect(asked).toBe(0);
  await stillWorks(page);
  stranger.close();
});

test('a file that is another one than was looked at is not taken for it, whatever its sha256', async ({ page }) => {
  const other = whole.slice();
  const text = new TextDecoder().decode(other.subarray(8, header));
  // The same sizes, but two matrices have changed places.
  const swapped = text
    .replace('h.0.attn.c_proj.weight', 'h.0.attn.c_proj.we1ght')
    .replace('h.1.attn.c_proj.weight', 'h.0.attn.c_proj.weight')
    .replace('h.0.attn.c_proj.we1ght', 'h.1.attn.c_proj.weight');
  other.set(new TextEncoder().encode(swapped), 8);
  await open(page);
  await page.route('**/someone/seeded/resolve/**/model.safetensors', (route) => {
    const range = route.request().headers().range;
    if (!range) return route.continue();
    const headers = { 'Access-Control-Allow-Origin': '*' };
    return route.fulfill({ status: 206, headers, body: Buffer.from(other.subarray(0, 65536)) });
  });
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(dialog(page).locator('.problem[role=alert]')).toContainText(
    'was changed on the server while it was loaded',
  );
  await stillWorks(page);
});

test('an ETag that changes is nothing where the sha256 is known, nor is a range without a total', async ({ page }) => {
  hub.faults.set(weights, {
    cutAt: 9 << 20,
    tag: changes(),
    range: (from, until) => `bytes ${from}-${until - 1}/*`,
  });
  await open(page);
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await expect(chip(page)).toHaveAttribute('title', /sha256 is the one that the hub gives/);
});

test.describe('beside the page', () => {
  const folder = () => join(hub.site, 'models/school');
  test.beforeEach(() => {
    cpSync(resolve(import.meta.dirname, '../golden/tiny'), folder(), { recursive: true });
  });

  for (const stranger of [
    '../primer.gguf',
    '../school/model.safetensors',
    'https://example.com/model.safetensors',
    'a/b.safetensors',
  ])
    test(`an index that names ${stranger} is refused, and nothing of that is fetched`, async ({ page }) => {
      rmSync(join(folder(), 'model.safetensors'));
      const index = { weight_map: { 'wte.weight': stranger } };
      writeFileSync(join(folder(), 'model.safetensors.index.json'), JSON.stringify(index));
      await open(page);
      /** @type {string[]} */
      const asked = [];
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
      await look(page, './school');
      const problem = dialog(page).locator('.problem[role=alert]');
      await expect(problem).toContainText('index.json names a file outside its folder, or none with weights:');
      await expect(problem).toContainText(stranger);
      expect(asked.filter((path) => /safetensors$|gguf$/.test(path))).toEqual(['/models/school/model.safetensors']);
      await stillWorks(page);
    });

  test('a range without a total says no length', async ({ page }) => {
    await page.route('**/models/school/model.safetensors', (route) =>
      route.fulfill({ status: 206, headers: { 'Content-Range': 'bytes 0-0/*' }, body: Buffer.alloc(1) }),
    );
    await open(page);
    await look(page, './school');
    await expect(dialog(page).locator('.problem[role=alert]')).toContainText('the server does not say how long it is');
    await stillWorks(page);
  });

  test('a config.json of 65 MB is not read to its end', async ({ page }) => {
    const config = readFileSync(join(folder(), 'config.json'), 'utf8');
    writeFileSync(join(folder(), 'config.json'), config + ' '.repeat(68e6));
    await open(page);
    await look(page, './school');
    await expect(dialog(page).locator('.problem[role=alert]')).toContainText(
      /config.json has 6\d\.\d MB, which is more than/,
    );
    await stillWorks(page);
  });
});
