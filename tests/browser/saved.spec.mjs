// What the browser keeps of models: held against what it was, shared by tabs, and asked for by links that it has no room for.
import { COMMIT, seededRepo, startHub, tinyRepo } from './hub.mjs';
import { chip, dialog, look, openIt, stillWorks } from './menu.mjs';
import { box, expect, experimentOf, linkOf, test } from './support.mjs';

/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {Awaited<ReturnType<typeof startHub>>} Hub */

const repos = { 'someone/tiny': tinyRepo(), 'someone/seeded': seededRepo() };
const ref = `someone/seeded@${COMMIT}`;
const weights = 'someone/seeded/model.safetensors';

/** @type {Hub} */
let hub;
test.beforeEach(async () => {
  hub = await startHub(repos);
});
test.afterEach(() => hub.close());
test.use({ expected: [/Failed to load resource/] });

/** @param {Page} page @param {string} [address] */
async function open(page, address = '') {
  await page.goto(hub.address + address);
  await page.evaluate(() => window.logitLens.ready);
  await expect(page.locator('.grid td.here')).toBeVisible();
}

/** @param {Page} page @param {string} [name] */
async function save(page, name = 'someone/seeded') {
  await look(page, name);
  await openIt(page);
  await expect(chip(page)).toHaveAttribute('title', /Saved on this device/);
}

/** Paths below the saved models. @param {Page} page @returns {Promise<string[]>} */
const kept = (page) =>
  page.evaluate(async () =>
    (await (await caches.open('logit-lens-models')).keys()).map((k) => k.url.split('/models/saved/')[1]),
  );

/** What a failing disk does to a part of a saved file. @param {Page} page @param {string} part @param {'flip' | 'drop' | 'cut'} how */
const damage = (page, part, how) =>
  page.evaluate(
    async ([part, how]) => {
      const cache = await caches.open('logit-lens-models');
      const key = (await cache.keys()).find((k) => k.url.endsWith(`/${part}`));
      if (!key) throw new Error(`no ${part}`);
      const old = /** @type {Response} */ (await cache.match(key));
      const bytes = new Uint8Array(await old.arrayBuffer());
      bytes[bytes.length >> 1] ^= 1;
      if (how === 'drop') await cache.delete(key);
      else await cache.put(key, new Response(how === 'cut' ? bytes.slice(0, -1) : bytes, { headers: old.headers }));
    },
    [part, how],
  );

const removed = /someone\/seeded was saved on this device, but its .* is no longer what it was, so it was removed/;

test('what is saved is held against what it was when it is opened again', async ({ page }) => {
  await open(page);
  await save(page);
  await page.reload();
  await page.evaluate(() => window.logitLens.ready);
  await expect(chip(page)).toHaveAttribute('title', /Checked: it is as it was when it was saved on this device/);
});

for (const [part, how, opens] of /** @type {[string, 'flip' | 'drop' | 'cut', boolean][]} */ ([
  ['model.safetensors/1', 'flip', true],
  ['model.safetensors/2', 'drop', true],
  ['model.safetensors/0', 'cut', false],
  ['vocab.json/0', 'flip', false],
]))
  test(`a saved copy whose ${part} is damaged (${how}) is removed, and fetched again by a button`, async ({ page }) => {
    await open(page);
    await save(page);
    await chip(page).click();
    await dialog(page)
      .getByRole('button', { name: /^Primer/ })
      .click();
    await openIt(page);
    await expect(chip(page)).toHaveText(/^Primer/);
    await damage(page, part, how);
    hub.log.length = 0;
    await look(page, ref);
    if (opens) await openIt(page);
    const problem = dialog(page).locator('.problem[role=alert]');
    await expect(problem).toContainText(removed);
    await expect(problem).toContainText(part.split('/')[0]);
    await expect(dialog(page).locator('.shelf')).not.toContainText('on this device');
    expect(await kept(page)).toEqual([]);
    expect(hub.log).toEqual([]); // nothing is fetched before somebody says so
    await problem.getByRole('button', { name: 'Look it up again' }).click();
    await openIt(page);
    await expect(chip(page)).toHaveText(/^someone\/seeded/);
    await expect(chip(page)).toHaveAttribute('title', /sha256 is the one that the hub gives. Saved on this device/);
  });

test('a link to a saved copy that is damaged: said, and the menu goes on with what it asked', async ({ page }) => {
  await open(page);
  await save(page);
  await box(page).fill('Half an');
  await expect.poll(() => page.evaluate(() => location.hash)).toContain('Half+an');
  await damage(page, 'model.safetensors/1', 'flip');
  await page.reload();
  await page.evaluate(() => window.logitLens.ready);
  await expect(page.locator('.notice')).toContainText(removed);
  await expect(chip(page)).toHaveText(/^Primer/);
  await expect(box(page)).toHaveValue('Half an');
  expect(await kept(page)).toEqual([]);
  await page.locator('.notice').getByRole('button', { name: 'Models…' }).click();
  await dialog(page).getByRole('button', { name: 'Look', exact: true }).click();
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await expect(box(page)).toHaveValue('Half an');
});

test('a part that was damaged while a load was interrupted is fetched again, and those behind it', async ({ page }) => {
  hub.faults.set(weights, { cutAt: 19 << 20, pace: 2e7 });
  await open(page);
  await look(page, 'someone/seeded');
  await page.route('**/someone/seeded/resolve/**/model.safetensors', (route) =>
    route.request().headers().range === undefined
      ? route.continue()
      : route.fulfill({ status: 429, headers: { 'Access-Control-Allow-Origin': '*' } }),
  );
  await openIt(page);
  await expect(dialog(page).locator('.problem[role=alert]')).toContainText('too many requests (429)');
  expect(await kept(page)).toContainEqual(expect.stringMatching(/model\.safetensors\/1$/));
  await damage(page, 'model.safetensors/1', 'flip');
  await page.unroute('**/someone/seeded/resolve/**/model.safetensors');
  hub.log.length = 0;
  await save(page);
  expect(hub.log.filter((r) => r.path === weights).at(-1)?.range).toBe(`bytes=${8 << 20}-`);
});

for (const [tag, from] of /** @type {[string, RegExp | null][]} */ ([
  ['"as it was"', /^bytes=[1-9]\d+-$/],
  ['"changed since"', null],
]))
  test(`without a sha256, what came is gone on with by its ETag: ${tag}`, async ({ page }) => {
    hub.faults.set(weights, { cutAt: 9 << 20, listed: { lfs: null } });
    await open(page);
    await look(page, 'someone/seeded');
    await page.route('**/someone/seeded/resolve/**/model.safetensors', (route) =>
      route.request().headers().range === undefined
        ? route.continue()
        : route.fulfill({ status: 429, headers: { 'Access-Control-Allow-Origin': '*' } }),
    );
    await openIt(page);
    await expect(dialog(page).locator('.problem[role=alert]')).toContainText('too many requests (429)');
    await page.unroute('**/someone/seeded/resolve/**/model.safetensors');
    hub.faults.set(weights, { tag: () => tag, listed: { lfs: null } });
    hub.log.length = 0;
    await save(page);
    const last = hub.log.filter((r) => r.path === weights).at(-1)?.range;
    if (from) expect(last).toMatch(from);
    else expect(last).toBe(null);
  });

test('two tabs: what one is bringing, another leaves alone', async ({ page, context }) => {
  hub.faults.set(weights, { pace: 5e6 });
  await open(page);
  const other = await context.newPage();
  await open(other);
  await look(page, 'someone/seeded');
  await openIt(page);
  await expect.poll(async () => (await kept(page)).some((path) => path.endsWith('/model.safetensors/0'))).toBe(true);
  // Another model, whose coming tidies away what was begun and left.
  await save(other, 'someone/tiny');
  // The same model: whole there, and saved by the first alone.
  await look(other, 'someone/seeded');
  hub.faults.clear();
  await openIt(other);
  await expect(chip(other)).toHaveText(/^someone\/seeded/);
  await expect(chip(other)).toHaveAttribute('title', /Another tab is saving it on this device/);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  await expect(chip(page)).toHaveAttribute('title', /sha256 is the one that the hub gives. Saved on this device/);
  hub.unplug();
  await page.reload();
  await page.evaluate(() => window.logitLens.ready);
  await expect(chip(page)).toHaveAttribute('title', /Checked: it is as it was when it was saved/);

  // Where the first has let go, the second may tidy away and save.
  expect((await kept(page)).filter((path) => path.endsWith('model.json'))).toHaveLength(2);
});

test('what another tab saved since is not fetched again, and not taken from it', async ({ page, context }) => {
  await open(page);
  const other = await context.newPage();
  await open(other);
  await save(page);
  hub.log.length = 0;
  await save(other); // which does not know of it
  expect(hub.log.filter((r) => r.path === weights).map((r) => r.range)).toEqual(['bytes=0-65535']);
});

// GPT-2 XL's shape without its bytes: nobody asks for more than the header.
function vastRepo() {
  const [d, layers] = [1600, 48];
  /** @type {Record<string, object>} */
  const header = {};
  let at = 0;
  const add = (/** @type {string} */ name, /** @type {number[]} */ ...shape) => {
    const end = at + 4 * shape.reduce((a, b) => a * b);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, end] };
    at = end;
  };
  add('wte.weight', 50257, d);
  add('wpe.weight', 1024, d);
  for (let l = 0; l < layers; l++) {
    for (const norm of ['ln_1', 'ln_2']) for (const part of ['weight', 'bias']) add(`h.${l}.${norm}.${part}`, d);
    for (const [name, from, to] of /** @type {[string, number, number][]} */ ([
      ['attn.c_attn', d, 3 * d],
      ['attn.c_proj', d, d],
      ['mlp.c_fc', d, 4 * d],
      ['mlp.c_proj', 4 * d, d],
    ])) {
      add(`h.${l}.${name}.weight`, from, to);
      add(`h.${l}.${name}.bias`, to);
    }
  }
  for (const part of ['weight', 'bias']) add(`ln_f.${part}`, d);
  const text = JSON.stringify(header);
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(new TextEncoder().encode(text), 8);
  const config = { model_type: 'gpt2', n_layer: layers, n_head: 25, n_positions: 1024, n_embd: d, vocab_size: 50257 };
  const { 'vocab.json': vocab, 'merges.txt': merges } = tinyRepo();
  return {
    files: {
      'config.json': new TextEncoder().encode(JSON.stringify({ ...config, bos_token_id: 0 })),
      'model.safetensors': bytes,
      'vocab.json': vocab,
      'merges.txt': merges,
    },
    size: bytes.length + at,
  };
}

/** @param {string} model */
const asking = (model) =>
  linkOf({
    v: 1,
    models: { m: model },
    runs: { main: { model: 'm', prompt: 'Half an', bos: true } },
    reads: [{ what: 'lens', norm: 'frozen' }],
  });

test('a link that asks GPT-2 XL as F16 is told so before its weights come, and offered Q8_0', async ({ page }) => {
  const { files, size } = vastRepo();
  Object.assign(repos, { 'someone/vast': files });
  hub.faults.set('someone/vast/model.safetensors', {
    listed: { size, lfs: null },
    range: (from, until) => `bytes ${from}-${until - 1}/${size}`,
  });
  await open(page, asking(`someone/vast@${COMMIT}~f16`));
  await page.locator('.notice').getByRole('button', { name: 'Models…' }).click();
  await dialog(page).getByRole('button', { name: 'Look', exact: true }).click();
  await expect(dialog(page)).toContainText('The link asks for its weights kept as F16, for which there is no room');
  await expect(dialog(page).getByRole('radio')).toHaveCount(1);
  await expect(dialog(page).getByRole('radio', { name: /^Q8_0/ })).toBeChecked();
  const asked = hub.log.filter((r) => r.path === 'someone/vast/model.safetensors').map((r) => r.range);
  expect(asked.every((range) => /^bytes=0-\d{5,6}$/.test(range ?? ''))).toBe(true);
});

test('the same of what is here already: said before it is read, and the menu goes on with it', async ({ page }) => {
  const { files, size } = vastRepo();
  for (const [name, bytes] of Object.entries(files))
    await page.route(`**/models/vast/${name}`, (route) => {
      const range = /^bytes=(\d+)-(\d+)$/.exec(route.request().headers().range ?? '');
      if (name !== 'model.safetensors') return route.fulfill({ body: Buffer.from(bytes) });
      if (!range) throw new Error('its weights were asked for');
      const body = Buffer.from(bytes.subarray(Number(range[1]), Number(range[2]) + 1));
      const headers = { 'Content-Range': `bytes ${range[1]}-${range[2]}/${size}` };
      return route.fulfill({ status: 206, headers, body });
    });
  await page.route('**/models/vast/tokenizer.json', (route) => route.fulfill({ status: 404, body: '' }));
  await open(page, asking('./vast~f16'));
  await expect(page.locator('.notice')).toContainText(
    'vast has no room in WebAssembly’s 4 GB of memory if its weights are kept as F16. Open it with its weights kept as Q8_0',
  );
  await expect(box(page)).toHaveValue('Half an');
  await page.locator('.notice').getByRole('button', { name: 'Models…' }).click();
  await dialog(page).getByRole('button', { name: 'Look', exact: true }).click();
  await expect(dialog(page).getByRole('radio', { name: /^Q8_0/ })).toBeChecked();
  await stillWorks(page);
});

test('a link’s precision is the one that is chosen, and a branch’s commit is what it asked for', async ({ page }) => {
  await open(page, asking('someone/seeded@main~f16'));
  await page.locator('.notice').getByRole('button', { name: 'Models…' }).click();
  await dialog(page).getByRole('button', { name: 'Look', exact: true }).click();
  await expect(dialog(page).getByRole('radio', { name: /^F16/ })).toBeChecked();
  await openIt(page);
  await expect(chip(page)).toHaveText(/^someone\/seeded/);
  const experiment = await experimentOf(page);
  expect(experiment.models.m).toBe(`${ref}~f16`);
  expect(experiment.reads[0].norm).toBe('frozen');
});
