// The selected cell: its panel, pinned tokens and sets, and the chart over the rows.
import { box, expect, expectColumns, experimentOf, open, test } from './support.mjs';

/** @typedef {import('@playwright/test').Page} Page */

const pinBox = (/** @type {Page} */ page) => page.getByRole('combobox', { name: 'Pin a token' });
const option = (/** @type {Page} */ page) => page.locator('.offered [role=option]');
const pinned = (/** @type {Page} */ page) => page.locator('.panel .pins tr th');
const track = async (/** @type {Page} */ page) => (await experimentOf(page)).reads[0].track;

/** The shown run's tables, and pins' too. @param {Page} page */
const tablesOf = (page) =>
  page.evaluate(async () =>
    (await window.logitLens.run(window.logitLens.experiment)).map((t) => ({ ...t, data: [...t.data] })),
  );

test.describe('pins', () => {
  test('a typed token is completed, pinned, told of in the panel, kept in the link, and removed', async ({ page }) => {
    await open(page);
    await box(page).fill('The king of the land');
    await expectColumns(page, ['The', '·king', '·of', '·the', '·land']);
    await pinBox(page).fill('que');
    await expect(option(page).first()).toBeVisible();
    await pinBox(page).fill('queen');
    await expect(option(page).first()).toHaveText(/^\s*·queen/);
    await expect(option(page).first()).toHaveAccessibleName('space queen');
    await pinBox(page).press('Enter');
    await expect(pinBox(page)).toHaveValue('');
    await expect(pinned(page)).toHaveText([/·queen/]);
    expect(await track(page)).toEqual([' queen']);
    await expect.poll(() => page.url()).toContain('reads.0.track.0=+queen');

    const tables = await tablesOf(page);
    const rank = tables.find((t) => t.name === 'track_rank');
    const at = rank.dims[0].size * rank.dims[1].size - 1; // the output at the last position
    await expect(page.locator('.panel .pins .rank')).toHaveText(
      rank.data[at] < 1000 ? String(rank.data[at]) : /^[\d.]+k$/,
    );
    await page.reload();
    await page.evaluate(() => window.logitLens.ready);
    await expect(pinned(page)).toHaveText([/·queen/]);
    await page.getByRole('button', { name: 'Unpin space queen' }).click();
    await expect(pinned(page)).toHaveCount(0);
    expect(await track(page)).toBeUndefined();
  });

  test('what is not one token is told as the tokens that it is; each can be pinned', async ({ page }) => {
    await open(page);
    await pinBox(page).fill('kingqueenland');
    await expect(page.locator('.offered p')).toContainText(/“kingqueenland” is not one token but \d/);
    const shown = (await option(page).locator('bdi').allInnerTexts()).join('');
    expect(shown).toContain('king');
    await page.keyboard.press('ArrowDown');
    await expect(option(page).nth(1)).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('Escape');
    await expect(option(page)).toHaveCount(0);
  });

  test('words with commas between are a set; their probabilities are summed', async ({ page }) => {
    await open(page);
    await box(page).fill('The king said that');
    await expectColumns(page, ['The', '·king', '·said', '·that']);
    await pinBox(page).fill('he, she, they');
    await expect(option(page)).toContainText('as a set of 3');
    await pinBox(page).press('Enter');
    await expect(pinned(page)).toHaveText(['he, she, they']);
    expect((await experimentOf(page)).reads[0].sets).toEqual({ 'he, she, they': [' he', ' she', ' they'] });
    const set = (await tablesOf(page)).find((t) => t.name === 'set_prob');
    const sum = set.data.at(-1);
    await expect
      .poll(async () => Number(((await page.locator('.panel .pins .prob').textContent()) ?? '').replace('<', '')))
      .toBeCloseTo(sum, 2);
    await page.getByRole('button', { name: 'Unpin he, she, they' }).click();
    expect((await experimentOf(page)).reads[0].sets).toBeUndefined();
  });
});

test.describe('the panel', () => {
  test('says a token’s id and bytes on demand, and pins it', async ({ page }) => {
    await open(page);
    await box(page).fill('One two');
    await expectColumns(page, ['One', '·two']);
    const first = page.locator('.panel tbody th button').first();
    const id = Number(await page.locator('.panel tbody td.id').first().textContent());
    await first.click();
    await expect(first).toHaveAttribute('aria-expanded', 'true');
    await expect(page.locator('.details .number')).toHaveText(String(id));
    const hex = await page.locator('.details .hex').textContent();
    expect(hex).toMatch(/^([0-9A-F]{2} ?)+$/);
    await page.getByRole('button', { name: 'Pin', exact: true }).click();
    await expect(page.locator('.panel .pins tr')).toHaveCount(1);
    await page.locator('.details').getByRole('button', { name: 'Unpin' }).click();
    await expect(page.locator('.panel .pins tr')).toHaveCount(0);
  });

  test('shows logits centred, and raw on demand', async ({ page }) => {
    await open(page);
    const logit = async () =>
      Number(
        ((await page.locator('.panel tbody tr').first().locator('td').nth(3).textContent()) ?? '').replace('−', '-'),
      );
    const centred = await logit();
    await page.getByRole('button', { name: 'logit', exact: true }).click();
    await expect.poll(async () => (await experimentOf(page)).view.logits).toBe('raw');
    const tables = await tablesOf(page);
    const [top, mean] = ['top_logit', 'mean_logit'].map((name) => tables.find((t) => t.name === name));
    const raw = top.data.at(-top.dims[2].size);
    expect(await logit()).toBeCloseTo(raw, 1);
    expect(centred).toBeCloseTo(raw - mean.data.at(-1), 1);
    await page.getByRole('button', { name: 'raw logit' }).click();
    await expect.poll(logit).toBe(centred);
  });

  test('says what really came next, and that the output is no distance from itself', async ({ page }) => {
    await open(page);
    await box(page).fill('The king of the land');
    await expectColumns(page, ['The', '·king', '·of', '·the', '·land']);
    await expect(page.locator('.measures')).toContainText('the text ends here');
    await expect(page.locator('.measures')).toContainText('this row is the output');
    await page.locator('.grid tbody tr').nth(2).locator('td').nth(2).click();
    await expect(page.locator('.measures')).toContainText(/of ·of, which came next: [<.\d]+/);
    await expect(page.locator('.measures')).toContainText(/rank [\d,]+\s*of ·king itself/);
    await expect(page.locator('.measures')).not.toContainText('this row is the output');
  });
});

test('copying gives the text that tokens stand for', async ({ page }) => {
  await open(page);
  await box(page).fill('The king\nof');
  await expectColumns(page, ['The', '·king', '↵', 'of']);
  const copied = (/** @type {string} */ selector) =>
    page.evaluate((q) => {
      const selection = /** @type {Selection} */ (document.getSelection());
      selection.removeAllRanges();
      if (q) selection.selectAllChildren(/** @type {Element} */ (document.querySelector(q)));
      const data = new DataTransfer();
      const e = new ClipboardEvent('copy', { clipboardData: data, bubbles: true, cancelable: true });
      /** @type {Element} */ (
        document.activeElement?.matches('td') ? document.activeElement : document.querySelector('.chips')
      ).dispatchEvent(e);
      return data.getData('text/plain');
    }, selector);
  expect(await copied('.chips ol')).toMatch(/The king\nof$/);
  expect(await copied('.chips li:nth-child(3) bdi')).toBe(' king');
  expect(await copied('.grid thead tr')).toContain('The\t king\t\n\tof');
  await page.locator('.grid td.here').focus();
  const own = await page.evaluate(() => document.activeElement?.textContent?.trim().replaceAll('·', ' '));
  expect((await copied('')).trim()).toBe(own?.trim());
});

test.describe('the chart', () => {
  test('draws the answer, tokens once on top, and pins, with a table of the same numbers', async ({ page }) => {
    await open(page);
    const names = () => page.locator('.plot svg text').allTextContents();
    await expect.poll(async () => (await names()).length).toBeGreaterThan(5);
    const tables = await tablesOf(page);
    const [R, P, K] = tables.find((t) => t.name === 'top_id').dims.map((/** @type {any} */ d) => d.size);
    const tops = new Set(
      Array.from({ length: R }, (_, r) => tables.find((t) => t.name === 'top_id').data[(r * P + P - 1) * K]),
    );
    await expect(page.locator('.chart tbody tr')).toHaveCount(Math.min(tops.size, 8));
    const answers = tables.find((t) => t.name === 'answer_prob').data;
    const cells = page.locator('.chart tbody tr').first().locator('td');
    for (let r = 0; r < R; r++) {
      const said = (await cells.nth(r).textContent()) ?? '';
      const prob = answers[r * P + P - 1];
      if (said.startsWith('<')) expect(prob).toBeLessThan(0.0005);
      else expect(Number(said.replace('>', ''))).toBeCloseTo(prob, 2);
    }
    await pinBox(page).fill(' the');
    await pinBox(page).press('Enter');
    await expect.poll(names).toContain('·the');
    await expect(page.locator('.chart tbody th').nth(1)).toHaveText('space the');
    await page.getByLabel('Chart of').selectOption('rank');
    await expect.poll(names).toContain('10');
    await expect.poll(async () => (await experimentOf(page)).view.chart).toBe('rank');
  });

  test('Plot comes after the model', async ({ page }) => {
    /** @type {string[]} */
    const asked = [];
    page.on('request', (r) => asked.push(new URL(r.url()).pathname));
    await open(page);
    await expect(page.locator('.plot svg')).toBeVisible();
    const plot = asked.findIndex((path) => /\/plot-\w+\.js$/.test(path));
    const model = asked.findIndex((path) => /\.(safetensors|gguf)$/.test(path));
    expect(plot).toBeGreaterThan(model);
  });

  test('without it the page goes on', async ({ page }) => {
    await page.route('**/plot-*.js', (route) =>
      route.fulfill({ contentType: 'text/javascript', body: 'throw new Error("x")' }),
    );
    await open(page);
    await expect(page.locator('.chart')).toContainText('could not be loaded');
    await box(page).fill('The king');
    await expectColumns(page, ['The', '·king']);
  });
});

test('Enter on a cell pins its token, and lets it go again', async ({ page }) => {
  await open(page);
  await page.locator('.grid td.here').focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('.panel .pins tr')).toHaveCount(1);
  await page.keyboard.press('Enter');
  await expect(page.locator('.panel .pins tr')).toHaveCount(0);
});

test('on paper the grid is whole, its colours are kept, and no control is left', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await open(page);
  await box(page).fill('one two three '.repeat(8).trim());
  await expect(page.locator('.chips li')).toHaveCount(25);
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  await expect(page.locator('.grid thead th')).toHaveCount(25);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await page.setViewportSize({ width: 1032, height: 700 }); // A4 across, less its margins
  for (const control of ['lens-share', '.menu', 'pin-box']) await expect(page.locator(control).first()).toBeHidden();
  expect(
    await page.evaluate(() => {
      const scroller = /** @type {Element} */ (document.querySelector('.scroller'));
      const lit = /** @type {Element} */ (document.querySelector('.grid td.same'));
      return [
        document.documentElement.scrollWidth <= innerWidth,
        getComputedStyle(scroller).overflow,
        getComputedStyle(lit).printColorAdjust,
        getComputedStyle(document.body).backgroundColor,
      ];
    }),
  ).toEqual([true, 'visible', 'exact', 'rgb(252, 251, 249)']);
});

test('a character over several tokens has one bracket that carries it, and a tower of accents stays in its line', async ({
  page,
}) => {
  await open(page);
  await box(page).fill('a \u{10348}b');
  const chips = page.locator('.chips li');
  await expect(page.locator('.chips li.spread.last')).toHaveCount(1);
  const over = await chips.evaluateAll((all) => all.map((li) => /** @type {HTMLElement} */ (li).dataset.over));
  const first = over.indexOf('\u{10348}');
  const parts = over.filter((o) => o !== undefined);
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.slice(1).every((o) => o === '')).toBe(true);
  await expect(chips.nth(first)).toHaveAttribute('aria-label', /bytes F0.*, part of \u{10348}/u);
  expect(await chips.nth(first).evaluate((li) => getComputedStyle(li, '::before').content)).toBe('"\u{10348}"');
  const heads = page.locator('.grid thead th');
  expect(await heads.evaluateAll((all) => all.map((th) => /** @type {HTMLElement} */ (th).dataset.over))).toEqual(over);
  await expect(heads.nth(first)).toHaveAttribute('aria-label', /bytes F0.*, part of \u{10348}/u);

  await expect(page.locator('.said .look')).toHaveCount(0);
  await box(page).fill('\u0645\u0631\u062d\u0628\u0627 \u0628\u0643');
  await expect(page.locator('.said .look')).toContainText('loose bytes');

  await box(page).fill(`e${'\u0301'.repeat(60)}`);
  await expect.poll(() => chips.count()).toBeGreaterThan(20);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
});

test.describe('on a narrow page', () => {
  test('the panel comes up when a cell is tapped, and goes by Escape, its handle, or a swipe', async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await open(page);
    const sheet = page.locator('.panel');
    const handle = page.getByRole('button', { name: 'Close', exact: true });
    const tap = () => page.locator('.field').locator('tbody td, [data-row]').last().click();
    await expect(sheet).toBeHidden();
    await tap();
    await expect(sheet).toBeVisible();
    await expect(handle).toBeFocused();
    const room = await sheet.boundingBox();
    expect(room?.x).toBe(0);
    expect((room?.y ?? 0) + (room?.height ?? 0)).toBeCloseTo(740, 0);
    expect(room?.height).toBeLessThan(0.75 * 740);
    await page.keyboard.press('Escape');
    await expect(sheet).toBeHidden();
    expect(await page.evaluate(() => document.activeElement?.closest('.field') !== null)).toBe(true);
    await tap();
    await handle.click();
    await expect(sheet).toBeHidden();
    await tap();
    const { x, y } = (await handle.boundingBox()) ?? { x: 0, y: 0 };
    await page.mouse.move(x + 100, y + 10);
    await page.mouse.down();
    await page.mouse.move(x + 100, y + 120, { steps: 4 });
    await page.mouse.up();
    await expect(sheet).toBeHidden();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  });
});

for (const reducedMotion of /** @type {const} */ (['no-preference', 'reduce']))
  test(`the sheet ${reducedMotion === 'reduce' ? 'is there at once for whoever wants less motion' : 'slides up'}`, async ({
    page,
  }) => {
    await page.emulateMedia({ reducedMotion });
    await page.setViewportSize({ width: 360, height: 740 });
    await open(page);
    await page.evaluate(() => {
      document.addEventListener('transitionrun', () => document.body.setAttribute('data-moved', ''));
    });
    await page.locator('.field').locator('tbody td, [data-row]').last().click();
    await expect(page.locator('cell-panel.up .handle')).toBeInViewport();
    await expect(page.locator('[data-moved]')).toHaveCount(reducedMotion === 'reduce' ? 0 : 1);
  });
