// Models from elsewhere: the hub (played by hub.mjs), files of one's own, a folder beside the page.
import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { COMMIT, seededRepo, startHub, tensorSums, tinyRepo } from './hub.mjs';
import { chip, dialog, look, openIt, stillWorks } from './menu.mjs';
import { box, expect, expectColumns, experimentOf, linkOf, test } from './support.mjs';

/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {Awaited<ReturnType<typeof startHub>>} Hub */

const tiny = resolve(import.meta.dirname, '../golden/tiny');
const repos = {
  'someone/tiny': tinyRepo(),
  'someone/seeded': seededRepo(),
  'someone/other': { ...tinyRepo(), 'config.json': new TextEncoder().encode('{"model_type": "llama"}') },
  'someone/pickled': { 'config.json': tinyRepo()['config.json'], 'pytorch_model.bin': new Uint8Array(10) },
};
const ref = `someone/seeded@${COMMIT}`;
const weights = 'someone/seeded/model.safetensors';

/** @type {Hub} */
let hub;
test.beforeEach(async () => {
  hub = await startHub(repos);
});
test.afterEach(() => hub.close());
test.use({ expected: [/Failed to load resource|blocked by CORS/] });

/** @param {Page} page @param {string} [address] */
async function open(page, address = '') {
  await page.goto(hub.address + address);
  await page.evaluate(() => window.logitLens.ready);
  await expect(page.locator('.grid td.here')).toBeVisible();
}

test('a model of the hub: looked at, opened, saved, opened again without the hub, removed', async ({ page }) => {
  await open(page);
  expect(hub.log).toEqual([]); // nothing is asked of the hub before somebody does
  await look(page, 'someone/seeded');
  await expect(dialog(page)).toContainText('2 layers, 4 heads each, d_model 96, 50,257 tokens, context 64');
  await expect(dialog(page)).toContainText('It can be opened.');
  await expect(dialog(page)).toContainText(`revision ${COMMIT.slice(0, 12)}`);
  expect(hub.log.filter((r) => r.path === weights)).toEqual([{ path: weights, range: 'bytes=0-65535' }]);
  await openIt(page);
  await expect(dialog(page)).toBeHidden();
  await expect(chip(page)).toHaveText(/^someone\/seeded · 2 layers/);
  await expect(chip(page)).toHaveAttribute('title', /sha256 is the one that the hub gives. Saved on this device/);
  expect((await experimentOf(page)).models.m).toBe(ref);
  await expect.poll(() => page.evaluate(() => location.hash)).toContain(`models.m=${ref}`);
  await box(page).fill('Half an');
  await expect(page.locator('.grid tbody')).toContainText('Half');
  await expect(page.locator('.reading[data-busy]')).toHaveCount(0);
  await expect.poll(() => page.evaluate(() => location.hash)).toContain('Half+an');
  const grid = await page.locator('.grid tbody').textContent();

  hub.unplug();
  await page.reload();
  await page.evaluate(() => window.logitLens.ready);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await expect(page.locator('.grid tbody')).toHaveText(/** @type {string} */ (grid));

  await chip(page).click();
  await expect(dialog(page).locator('.shelf')).toContainText('saved on this device');
  await dialog(page)
    .getByRole('button', { name: /Remove someone/ })
    .click();
  await expect(dialog(page).locator('.shelf')).not.toContainText('saved on this device');
  expect(await page.evaluate(async () => (await (await caches.open('logit-lens-models')).keys()).length)).toBe(0);
});

test('what is saved is not fetched again: Back asks nobody', async ({ page }) => {
  await open(page);
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await chip(page).click();
  await dialog(page)
    .getByRole('button', { name: /^Primer/ })
    .click();
  await openIt(page);
  await expect(chip(page)).toHaveText(/^Primer/);
  hub.log.length = 0;
  await page.goBack();
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  expect(hub.log).toEqual([]);
  await chip(page).click();
  await expect(dialog(page).locator('.shelf')).toContainText('saved on this device');
});

test('what is removed while it comes, as another tab may do, is not called saved', async ({ page }) => {
  hub.faults.set(weights, { pace: 8e6 });
  await open(page);
  await look(page, 'someone/seeded');
  await openIt(page);
  const kept = () =>
    page.evaluate(async () => (await (await caches.open('logit-lens-models')).keys()).map((k) => k.url));
  await expect.poll(async () => (await kept()).some((url) => url.endsWith('/model.safetensors/0'))).toBe(true);
  await page.evaluate(async () => {
    const cache = await caches.open('logit-lens-models');
    for (const key of await cache.keys()) await cache.delete(key);
  });
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await expect(chip(page)).toHaveAttribute('title', /only in memory/);
  expect(await kept()).toEqual([]);
});

test('a dropped connection goes on at the byte', async ({ page }) => {
  hub.faults.set(weights, { cutAt: 7 << 20 });
  await open(page);
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  const ranges = hub.log.filter((r) => r.path === weights).map((r) => r.range);
  expect(ranges[1]).toBe(null);
  expect(ranges.length).toBe(3);
  const from = Number(/^bytes=(\d+)-$/.exec(ranges[2] ?? '')?.[1]);
  expect(from).toBeGreaterThan(0);
  expect(from).toBeLessThanOrEqual(7 << 20);
  await expect(chip(page)).toHaveAttribute('title', /sha256 is the one that the hub gives/);
});

for (const [name, suffix] of [
  ['F16', 'f16'],
  ['Q8_0', 'q8_0'],
])
  test(`rounded to ${name} while it comes, and the link says so`, async ({ page }) => {
    await open(page);
    await look(page, 'someone/seeded');
    await dialog(page)
      .getByRole('radio', { name: new RegExp(`^${name}`) })
      .check();
    await openIt(page);
    await expect(chip(page)).toHaveText(/^someone\/seeded/);
    expect((await experimentOf(page)).models.m).toBe(`${ref}~${suffix}`);
  });

/** @type {Record<string, [string, import('./hub.mjs').Fault | null, string, RegExp, boolean]>} */
const troubles = {
  'no such model': ['someone/nothing', null, '', /The hub has no public model someone\/nothing@main/, false],
  'too many requests': [
    'someone/tiny',
    { status: 429 },
    'someone/tiny',
    /too many requests \(429\). Try again in a while/,
    false,
  ],
  'a web page in its place': ['someone/seeded', { html: true }, weights, /sent a web page in its place/, false],
  'a host that lets nobody read': [
    'someone/seeded',
    { closed: true },
    weights,
    /does not let other pages read its files \(CORS\)/,
    false,
  ],
  'another architecture': ['someone/other', null, '', /model_type is "llama"; only "gpt2" can be read/, false],
  'only pickles': ['someone/pickled', null, '', /Convert it to safetensors first/, false],
  'no name': ['what is this', null, '', /names no model: write owner\/name/, false],
  'wrong bytes': ['someone/seeded', { flip: 9_000_001 }, weights, /arrived damaged: its sha256/, true],
  'a file that is short': ['someone/seeded', { short: true }, weights, /model.safetensors is incomplete/, true],
};
for (const [name, [model, fault, at, says, opens]] of Object.entries(troubles))
  test(`${name}: a sentence, and the model from before`, async ({ page }) => {
    if (fault) hub.faults.set(at, fault);
    await open(page);
    await look(page, model);
    if (opens) await openIt(page);
    await expect(dialog(page).locator('.problem')).toContainText(says);
    expect(await page.evaluate(async () => (await (await caches.open('logit-lens-models')).keys()).length)).toBe(0);
    await stillWorks(page);
  });

test('loading can be cancelled; the bytes are counted meanwhile', async ({ page }) => {
  hub.faults.set(weights, { pace: 4e6 });
  await open(page);
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(dialog(page).locator('.status')).toContainText(/Loading someone.*\b[1-9]\.\d MB of 20\.\d MB/s);
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog(page).locator('.problem')).toContainText(
    'Loading was stopped; the model from before is still here.',
  );
  await stillWorks(page);

  // What came is kept, also over a visit, and the next try asks for the rest.
  hub.faults.clear();
  hub.log.length = 0;
  await page.reload();
  await page.evaluate(() => window.logitLens.ready);
  await look(page, 'someone/seeded');
  await expect(dialog(page).locator('.shelf')).not.toContainText('saved on this device');
  await expect(dialog(page).locator('.shelf')).toContainText('a part of it is kept on this device');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await expect(chip(page)).toHaveAttribute('title', /sha256 is the one that the hub gives. Saved on this device/);
  const asked = hub.log.filter((r) => r.path === weights).map((r) => r.range);
  expect(asked[0]).toBe('bytes=0-65535');
  expect(asked[1]).toMatch(/^bytes=[1-9]\d+-$/);
  expect(asked.length).toBe(2);
  await chip(page).click();
  await expect(dialog(page).locator('.shelf')).toContainText('saved on this device');
  await expect(dialog(page).locator('.shelf')).not.toContainText('a part of it');
});

test('a load that failed is gone on with at the next try', async ({ page }) => {
  hub.faults.set(weights, { cutAt: 9 << 20 });
  await open(page);
  await look(page, 'someone/seeded');
  await expect(dialog(page)).toContainText('It can be opened.');
  await page.route('**/someone/seeded/resolve/**/model.safetensors', (route) =>
    route.request().headers().range === undefined
      ? route.continue()
      : route.fulfill({ status: 429, headers: { 'Access-Control-Allow-Origin': '*' } }),
  );
  await openIt(page);
  await expect(dialog(page).locator('.problem')).toContainText('too many requests (429)');
  await page.unroute('**/someone/seeded/resolve/**/model.safetensors');
  hub.log.length = 0;
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  expect(hub.log.filter((r) => r.path === weights).at(-1)?.range).toMatch(/^bytes=[1-9]\d+-$/);
});

test('a tab in the background is told what that does', async ({ page }) => {
  hub.faults.set(weights, { pace: 4e6 });
  await open(page);
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(dialog(page).locator('.status')).toContainText(/Loading someone/);
  await expect(dialog(page).locator('.status')).not.toContainText('in the background');
  await page.evaluate(() => Object.defineProperty(document, 'hidden', { value: true, configurable: true }));
  await expect(dialog(page).locator('.status')).toContainText('While a tab is in the background');
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
});

test('a prompt beyond a model’s context is said and kept, and no other model’s grid stands for it', async ({
  page,
}) => {
  cpSync(tiny, join(hub.site, 'models/school'), { recursive: true });
  await open(page);
  const long = 'The king had a son and a daughter, and they lived in a castle.';
  await box(page).fill(long);
  await expect(page.locator('.reading[data-busy]')).toHaveCount(0);
  await look(page, './school');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^school/);
  await expect(page.locator('.notice')).toContainText('reads at most');
  await expect(box(page)).toHaveValue(long);
  await expect(page.locator('.grid')).toHaveCount(0);
  await box(page).fill('The');
  await expectColumns(page, ['T', 'h', 'e']); // its own tokens
  await expect(page.locator('.notice')).toBeEmpty();
});

test('where nothing can be saved, it works from memory and says so', async ({ page }) => {
  await page.addInitScript(() => {
    CacheStorage.prototype.open = () => Promise.reject(new DOMException('denied', 'SecurityError'));
  });
  await open(page);
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await expect(chip(page)).toHaveAttribute('title', /would not save it, so it is only in memory/);
  await chip(page).click();
  await expect(dialog(page).locator('.shelf')).toContainText('Primer');
  await expect(dialog(page).locator('.shelf')).not.toContainText('on this device');
  await expect(dialog(page).getByRole('button', { name: /^Remove/ })).toHaveCount(0);
});

test('a server that goes on failing: a sentence, what was typed, and the model from before', async ({ page }) => {
  hub.faults.set(weights, { cutAt: 9 << 20 });
  await page.clock.install(); // the last of its tries would come half a minute later
  await open(page);
  await look(page, 'someone/seeded');
  await expect(dialog(page)).toContainText('It can be opened.');
  await page.route('**/someone/seeded/resolve/**/model.safetensors', (route) =>
    route.request().headers().range === undefined
      ? route.continue()
      : route.fulfill({ status: 503, headers: { 'Access-Control-Allow-Origin': '*' } }),
  );
  await box(page).evaluate((/** @type {HTMLTextAreaElement} */ el) => {
    el.value = 'The queen';
    el.dispatchEvent(new InputEvent('input', { bubbles: true }));
  });
  await openIt(page);
  const problem = dialog(page).locator('.problem[role=alert]');
  await expect
    .poll(async () => {
      await page.clock.fastForward(15_000);
      return (await problem.count()) > 0;
    })
    .toBe(true);
  await expect(problem).toContainText('the server answered 503. Try again later');
  await page.keyboard.press('Escape');
  await expect(box(page)).toHaveValue('The queen');
  await expectColumns(page, ['The', '·queen']);
  await stillWorks(page);
  await chip(page).click();
  await expect(dialog(page).locator('.shelf')).toContainText('a part of it is kept on this device');
});

test('files of one’s own: without a tokenizer, with it later, and the link elsewhere', async ({ page, context }) => {
  await open(page);
  await chip(page).click();
  const files = dialog(page).locator('input[type=file]').first();
  await files.setInputFiles([join(tiny, 'model.safetensors')]);
  await expect(dialog(page).locator('.problem')).toContainText('config.json is missing');
  await files.setInputFiles([join(tiny, 'config.json')]);
  await expect(dialog(page)).toContainText('No tokenizer: without one it reads only token ids.');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^model.safetensors/);
  await chip(page).click();
  await files.setInputFiles([join(tiny, 'vocab.json'), join(tiny, 'merges.txt')]);
  await page.keyboard.press('Escape');
  await box(page).fill('Half an');
  await expect.poll(() => page.locator('.chips li').count()).toBeGreaterThan(1);
  await expect.poll(() => page.evaluate(() => location.hash)).toContain('Half+an');
  const link = await page.evaluate(() => location.href);
  expect(link).toMatch(/models\.m=file:model\.safetensors@[0-9a-f]{12}/);

  const other = await context.newPage();
  await other.goto(link);
  await other.evaluate(() => window.logitLens.ready);
  await expect(other.locator('.notice')).toContainText('asks for “model.safetensors”, a file of whoever made it');
  await expect(box(other)).toHaveValue('Half an');
  await other.locator('.notice').getByRole('button', { name: 'Models…' }).click();
  await dialog(other)
    .locator('input[type=file]')
    .first()
    .setInputFiles(['model.safetensors', 'config.json', 'vocab.json', 'merges.txt'].map((f) => join(tiny, f)));
  await openIt(other);
  await expect(chip(other)).toHaveText(/^model.safetensors/);
  await expect.poll(() => other.evaluate(() => location.href)).toBe(link);
});

test('a model whose tensors are the published ones is held against published figures', async ({ page }) => {
  // The seeded model in GPT-2 small's place: so everything differs, and what is longer than its context cannot be asked.
  const files = repos['someone/seeded'];
  await page.route('**/models/gpt2.tensors.json', (route) =>
    route.fulfill({ json: { title: 'GPT-2 small', tensors: tensorSums(files['model.safetensors']) } }),
  );
  await page.route('**/models/catalog.json', async (route) => {
    const catalog = await (await route.fetch()).json();
    const entry = Object.values(catalog).find((e) => e.tensors === 'gpt2.tensors.json');
    entry.n_param = 5_054_688;
    await route.fulfill({ json: catalog });
  });
  await open(page);
  await chip(page).click();
  const verify = dialog(page).getByRole('button', { name: 'Verify against published numbers' });
  await expect(verify).toHaveCount(0); // Primer is nobody's
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await expect(chip(page)).toHaveAttribute('title', /Verified: every tensor is GPT-2 small’s/);
  await chip(page).click();
  await verify.click();
  const { checks } = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../models/gpt2.published.json'), 'utf8'));
  await expect(dialog(page).getByText(`0 of ${checks.length} agree.`)).toBeVisible({ timeout: 60_000 });
  const rows = dialog(page).locator('.checks tbody tr');
  await expect(rows).toHaveCount(checks.length);
  await expect(rows.filter({ hasText: '✗ differs' })).toHaveCount(checks.length);
  await expect(rows.first()).toContainText('(source 1)');
  await expect(dialog(page).locator('.cited li').first()).toContainText('transformer-explainer');
  await expect(rows.filter({ hasText: 'reads at most 64' })).toHaveCount(2);
  await expect(rows.last().locator('td').nth(1)).toHaveText('5.7676');
  await expect(rows.last().locator('td').nth(2)).toHaveText(/^−?\d\.\d{4}$/);

  // Another answer than the page's own: the grid that stands there is not touched.
  await page.keyboard.press('Escape');
  await expect(page.locator('.grid td.here')).toBeVisible();

  // Another model on show ends it in the middle; the verified one is not brought again for what was left.
  await chip(page).click();
  await page.evaluate(() => {
    const { conductor } = /** @type {any} */ (document.querySelector('published-checks'));
    const run = conductor.run.bind(conductor);
    const held = Object.assign(/** @type {any} */ (window), { asked: 0 });
    conductor.run = async (/** @type {object} */ experiment) => {
      const answer = await run(experiment);
      if (++held.asked === 3) await new Promise((go) => Object.assign(held, { go }));
      return answer;
    };
  });
  await verify.click();
  await expect(dialog(page).getByText(`so far, of ${checks.length} in all.`)).toBeVisible();
  await expect(verify).toBeDisabled();
  await expect(rows).toHaveCount(2);
  await dialog(page)
    .getByRole('button', { name: /^Primer/ })
    .click();
  await openIt(page);
  await expect(chip(page)).toHaveText(/^Primer/);
  hub.log.length = 0;
  await page.evaluate(() => /** @type {any} */ (window).go());
  await stillWorks(page);
  await chip(page).click();
  await expect(verify).toHaveCount(0);
  expect(await page.evaluate(() => /** @type {any} */ (window).asked)).toBe(3);
  expect(hub.log).toEqual([]);
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await chip(page).click();
  await expect(verify).toBeEnabled();
  await expect(rows).toHaveCount(0);
});

test('a link to a model of the hub asks first', async ({ page }) => {
  const experiment = {
    v: 1,
    models: { m: ref },
    runs: { main: { model: 'm', prompt: 'Half an', bos: true } },
    reads: [{ what: 'lens', norm: 'frozen' }],
  };
  await open(page, linkOf(experiment));
  await expect(page.locator('.notice')).toContainText(`asks for ${ref}, a model of huggingface.co`);
  await expect(chip(page)).toHaveText(/^Primer/);
  expect(hub.log).toEqual([]);
  await page.locator('.notice').getByRole('button', { name: 'Models…' }).click();
  await dialog(page).getByRole('button', { name: 'Look', exact: true }).click(); // its name stands there already
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  expect((await experimentOf(page)).reads[0].norm).toBe('frozen');
});

test('a folder beside the page', async ({ page }) => {
  cpSync(tiny, join(hub.site, 'models/school'), { recursive: true });
  await open(page);
  await box(page).fill('The'); // the tiny model's context is short
  await expectColumns(page, ['The']);
  await look(page, './school');
  await openIt(page);
  await expect(chip(page)).toHaveText(/^school/);
  expect((await experimentOf(page)).models.m).toBe('./school');
  await page.reload();
  await page.evaluate(() => window.logitLens.ready);
  await expect(chip(page)).toHaveText(/^school/);
  expect(hub.log).toEqual([]);
});

test('files dropped on the page are looked at; by keyboard and on a phone the menu is whole', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open(page);
  const text = Buffer.from(repos['someone/tiny']['config.json']).toString();
  await page.evaluate((json) => {
    const data = new DataTransfer();
    data.items.add(new File([json], 'config.json'));
    dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
  }, text);
  await expect(dialog(page).locator('.problem')).toContainText('There are no weights in config.json');
  await expect(dialog(page).locator('.problem')).toBeInViewport({ ratio: 0.9 });
  const wide = await dialog(page).evaluate((d) => d.scrollWidth - d.clientWidth);
  expect(wide).toBe(0);
  await page.keyboard.press('Escape');
  await expect(dialog(page)).toBeHidden();
  await chip(page).focus();
  await page.keyboard.press('Enter');
  await expect(dialog(page)).toBeVisible();
});
