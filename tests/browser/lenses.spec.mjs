// The lens switch: files fetched when first chosen, the link, hatching, a lens of one's own, and the lenses' scores. The
// lenses are made here, so that what they must show is known.
import { box, expect, experimentOf, linkOf, open, test } from './support.mjs';

/** @typedef {import('@playwright/test').Page} Page */

const BLOCKS = 8;
const D_MODEL = 256;

/** A tuned lens of Primer: each row moved by `push` along one direction of its own. @param {number} push */
function lensFile(push) {
  /** @type {Record<string, any>} */
  const header = {};
  const values = new Float32Array(BLOCKS * (D_MODEL * D_MODEL + D_MODEL));
  let at = 0;
  for (let i = 0; i < BLOCKS; i++)
    for (const [kind, shape] of Object.entries({ weight: [D_MODEL, D_MODEL], bias: [D_MODEL] })) {
      const size = shape.reduce((n, d) => n * d, 1);
      if (kind === 'bias') for (let d = 0; d < D_MODEL; d++) values[at + d] = push * Math.sin(7 * d + i);
      header[`${i}.${kind}`] = { dtype: 'F32', shape, data_offsets: [4 * at, 4 * (at + size)] };
      at += size;
    }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.from(values.buffer)]);
}

const scores = {
  ...{ v: 1, positions: 5040 },
  lenses: Object.fromEntries(
    ['raw', 'tuned'].map((name, i) => {
      const falling = Array.from({ length: BLOCKS + 1 }, (_, r) => (BLOCKS - r) / (i + 1));
      return [name, { kl: falling, cross_entropy: falling.map((v) => v + 4), entropy: falling.map(() => 3.25) }];
    }),
  ),
};

/** A page whose model has these lenses. @param {Page} page @param {number} [push] */
async function withLenses(page, push = 3) {
  /** @type {string[]} */
  const fetched = [];
  await page.route('**/models/catalog.json', async (route) => {
    const catalog = await (await route.fetch()).json();
    catalog.primer.lenses = { tuned: 'test.tuned.safetensors', jacobian: 'test.jacobian.safetensors' };
    catalog.primer.lens_scores = 'test.lenses.json';
    await route.fulfill({ json: catalog });
  });
  await page.route('**/models/test.*', async (route) => {
    const name = route.request().url().split('/').at(-1) ?? '';
    fetched.push(name);
    if (name.endsWith('.json')) return route.fulfill({ json: scores });
    return route.fulfill({ body: lensFile(push), contentType: 'application/octet-stream' });
  });
  return fetched;
}

/** @param {Page} page */
const shownTokens = (page) => page.locator('.grid tbody td').allInnerTexts();
const lensSelect = (/** @type {Page} */ page) => page.locator('.lens select');
const ask = (/** @type {object} */ read) =>
  linkOf({
    ...{ v: 1, models: { m: 'primer' }, runs: { a: { model: 'm', prompt: 'The king and the', bos: true } } },
    reads: [{ what: 'lens', ...read }],
  });

test('a lens is fetched when it is first chosen, drawn with, held by the link, and let go again', async ({ page }) => {
  const fetched = await withLenses(page);
  await open(page);
  const raw = await shownTokens(page);
  expect(fetched).toEqual([]);
  await lensSelect(page).selectOption('tuned');
  await expect.poll(() => shownTokens(page)).not.toEqual(raw);
  expect(fetched).toEqual(['test.tuned.safetensors']);
  await expect(page.locator('.legend')).toContainText('Tuned lens');
  const columns = await page.locator('.grid thead th:not(.corner)').count();
  const tuned = await shownTokens(page);
  expect(tuned.slice(0, columns)).toEqual(raw.slice(0, columns)); // the output has no translator
  await expect.poll(() => page.url()).toContain('reads.0.lens=tuned');

  await lensSelect(page).selectOption('jacobian');
  await expect(page.locator('.legend')).toContainText('no mark of its quality');
  await lensSelect(page).selectOption('raw');
  await expect.poll(() => shownTokens(page)).toEqual(raw);
  await lensSelect(page).selectOption('tuned');
  await expect.poll(() => shownTokens(page)).toEqual(tuned);
  expect(fetched).toEqual(['test.tuned.safetensors', 'test.jacobian.safetensors']);
});

test('the switch is there with the recorded grid, before any engine, so that nothing is pushed down later', async ({
  page,
}) => {
  await page.route('**/models/recorded.json', async (route) => {
    const recorded = await (await route.fetch()).json();
    recorded.model.lenses = ['raw', 'tuned'];
    await route.fulfill({ json: recorded });
  });
  await page.route('**/*.wasm', () => {}); // never comes
  await page.goto('./');
  await expect(lensSelect(page)).toBeVisible();
  await expect(page.locator('.origin')).toHaveText('recorded');
});

test('translators dropped on the page become a lens of the reader’s own; those of another model are refused', async ({
  page,
}) => {
  await withLenses(page);
  await open(page);
  const raw = await shownTokens(page);
  const drop = (/** @type {string} */ name, /** @type {Buffer} */ bytes) =>
    page.evaluate(
      ({ name, base64 }) => {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], name));
        dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
      },
      { name, base64: bytes.toString('base64') },
    );
  await drop('mine.safetensors', lensFile(3));
  await expect(lensSelect(page)).toHaveValue('yours');
  await expect.poll(() => shownTokens(page)).not.toEqual(raw);
  await expect(page.locator('.legend')).toContainText('Your own lens');
  await lensSelect(page).selectOption('raw');
  await expect.poll(() => shownTokens(page)).toEqual(raw);
  await drop('params.pt', Buffer.from('nothing of the kind'));
  await expect(page.locator('.notice')).toContainText('params.pt: has no zip directory at its end');
  await expect(page.locator('dialog[open]')).toHaveCount(0);
  await lensSelect(page).selectOption('yours'); // still the one before
  await expect.poll(() => shownTokens(page)).not.toEqual(raw);
});

test('a link opens with its lens', async ({ page }) => {
  await withLenses(page);
  await open(page, ask({ lens: 'tuned' }));
  await expect(lensSelect(page)).toHaveValue('tuned');
  await expect(page.locator('.legend')).toContainText('Tuned lens');
});

test('a link with a lens that is not here says which there are', async ({ page }) => {
  await withLenses(page);
  await page.goto(`./${ask({ lens: 'other' })}`);
  await expect(page.locator('.notice')).toContainText('There is no lens "other" for the model "primer"; there is');
  await expect(page.locator('.grid td.here')).toBeVisible();
});

test('without lenses in the catalog there is no switch', async ({ page }) => {
  await page.route('**/models/catalog.json', async (route) => {
    const catalog = await (await route.fetch()).json();
    catalog.primer.lenses = undefined;
    await route.fulfill({ json: catalog });
  });
  await open(page);
  await expect(lensSelect(page)).toHaveCount(0);
});

test('cells that the tuned lens reads otherwise are hatched, by the tables, and the page says why', async ({
  page,
}) => {
  await withLenses(page, 1.5);
  await open(page);
  await page.getByLabel('hatch what it may misread').check();
  await expect(page.locator('.legend')).toContainText(
    'hatched: the tuned lens reads that cell more than 1 nat otherwise',
  );
  await expect(page.locator('.grid td.doubt').first()).toBeVisible();
  const doubts = await page.evaluate(async () => {
    const tables = await window.logitLens.run(window.logitLens.experiment);
    const { data, dims } = /** @type {any} */ (tables.find((t) => t.name === 'beside_kl'));
    return Array.from({ length: dims[0].size }, (_, r) =>
      Array.from({ length: dims[1].size }, (_, p) => p > 0 && data[r * dims[1].size + p] > 1),
    );
  });
  const seen = await page.evaluate(() =>
    [...document.querySelectorAll('.grid tbody tr')]
      .reverse()
      .map((tr) => [...tr.querySelectorAll('td')].map((td) => td.classList.contains('doubt'))),
  );
  expect(seen).toEqual(doubts);
  expect(seen.flat().some(Boolean)).toBe(true);
  expect(seen.at(-1)?.some(Boolean)).toBe(false);
  // Another lens has nothing to be held against.
  await lensSelect(page).selectOption('tuned');
  await expect(page.locator('.grid td.doubt')).toHaveCount(0);
  expect((await experimentOf(page)).reads[0].beside).toBeUndefined();
});

test.describe('a lens that is not there', () => {
  test.use({ expected: [/404/] });

  test('a lens that cannot be fetched is told, and the raw one is a choice away', async ({ page }) => {
    await withLenses(page);
    await page.route('**/models/test.tuned.safetensors', (route) => route.fulfill({ status: 404 }));
    await open(page);
    const raw = await shownTokens(page);
    await lensSelect(page).selectOption('tuned');
    await expect(page.locator('.notice')).toContainText('test.tuned.safetensors');
    await lensSelect(page).selectOption('raw');
    await expect(page.locator('.notice')).toBeEmpty();
    expect(await shownTokens(page)).toEqual(raw);
  });

  test('a lens that could not be fetched is asked for once, and again on demand', async ({ page }) => {
    await withLenses(page);
    let asked = 0;
    const missing = (/** @type {import('@playwright/test').Route} */ route) => {
      asked++;
      return route.fulfill({ status: 404 });
    };
    await page.route('**/models/test.tuned.safetensors', missing);
    await open(page);
    const raw = await shownTokens(page);
    await lensSelect(page).selectOption('tuned');
    await expect(page.locator('.notice')).toContainText('test.tuned.safetensors');
    await box(page).pressSequentially(' and');
    await expect(page.locator('.reading[data-busy]')).toHaveCount(0);
    await expect(page.locator('.notice')).toContainText('test.tuned.safetensors');
    expect(asked).toBe(1);
    await page.unroute('**/models/test.tuned.safetensors', missing);
    await page.locator('.notice').getByRole('button', { name: 'Try again' }).click();
    await expect(page.locator('.notice')).toBeEmpty();
    expect(await shownTokens(page)).not.toEqual(raw);
  });
});

test('what each lens does on held-out text stands in the about, as plots and as a table', async ({ page }) => {
  const fetched = await withLenses(page);
  await open(page);
  await page.getByRole('button', { name: 'About the lens' }).click();
  await page.locator('lens-scores').scrollIntoViewIfNeeded();
  const table = page.locator('lens-scores table');
  await expect(table).toBeVisible();
  expect(fetched).toEqual(['test.lenses.json']);
  await expect(table.locator('tbody tr')).toHaveCount(BLOCKS + 1);
  expect(await table.locator('tbody tr').first().locator('td').allInnerTexts()).toEqual([
    ...['8.00', '4.00', '12.00', '8.00', '3.25', '3.25'],
  ]);
  await expect(page.locator('lens-scores svg')).toHaveCount(3);
});
