// What leaves the page by the menu "Share".
import { readFile } from 'node:fs/promises';
import { expect, experimentOf, open, test } from './support.mjs';

/** @typedef {import('./support.mjs').Page} Page */

/** @param {Page} page @param {RegExp} item */
async function choose(page, item) {
  await page.locator('lens-share summary').click();
  await page.locator('lens-share').getByRole('button', { name: item }).click();
}

/** @param {Page} page @param {RegExp} item */
async function saved(page, item) {
  const [download] = await Promise.all([page.waitForEvent('download'), choose(page, item)]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

test('the grid is saved as pictures and as numbers, each under a name of its prompt', async ({ page }) => {
  await open(page);
  const cell = await page.locator('.grid td.here').textContent();
  const svg = await saved(page, /SVG/);
  expect(svg.name).toMatch(/^logit-lens-[\p{L}\p{N}-]+\.svg$/u);
  expect(svg.bytes.toString()).toContain(`>${cell?.trim()}</text>`);

  const png = await saved(page, /PNG/);
  expect([...png.bytes.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  const [, width] = /width="(\d+)"/.exec(svg.bytes.toString()) ?? [];
  expect(png.bytes.readUInt32BE(16)).toBe(2 * Number(width));

  const csv = await saved(page, /CSV/);
  const { positions, rows } = await page.evaluate(async () => {
    const e = window.logitLens.experiment;
    const dims = /** @type {any} */ ((await window.logitLens.run(e)).find((t) => t.name === 'kl')).dims;
    return { rows: dims[0].size, positions: dims[1].size };
  });
  expect(csv.bytes.toString().trim().split('\r\n').length).toBe(1 + positions * rows);

  const json = JSON.parse((await saved(page, /JSON/)).bytes.toString());
  expect(json.experiment).toEqual(await experimentOf(page));
  expect(json.tables.map((/** @type {any} */ t) => t.name)).toContain('top_prob');
});

test('where the clipboard is closed, the text is there to be copied by hand', async ({ page }) => {
  await page.addInitScript(() => {
    Object.defineProperty(navigator, 'clipboard', { value: undefined });
  });
  await open(page);
  await choose(page, /command/i);
  const text = page.locator('lens-share dialog textarea');
  await expect(text).toHaveValue(/^lens read --model models\/\S+ --ids [\d,]+ --top 10 --json$/);
  await page.keyboard.press('Escape');
  await expect(text).toHaveCount(0);
});

test.describe('with the clipboard open', () => {
  test.use({ permissions: ['clipboard-read', 'clipboard-write'] });
  test('the link that is copied opens the same experiment', async ({ page }) => {
    await open(page);
    await choose(page, /link/i);
    await expect(page.locator('lens-share .told')).toHaveText(/\S/);
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const before = await experimentOf(page);
    await page.goto('about:blank');
    await page.goto(link);
    await page.evaluate(() => window.logitLens.ready);
    expect(await experimentOf(page)).toEqual(before);
  });
});
