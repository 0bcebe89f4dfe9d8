// How the page fits its window and its theme.
import { ramp } from '../../web/src/style/scale.js';
import { box, expect, expectColumns, open, test } from './support.mjs';

for (const width of [1024, 1440, 1920]) {
  test(`${width} px wide: nothing reaches beyond the page, long prompts scroll inside`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await open(page);
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
    await box(page).fill(
      'The king and the queen of the old land went to the city and the sea and said that they were there at last',
    );
    await expect.poll(async () => page.locator('.chips li').count()).toBeGreaterThan(20);
    expect(await overflow()).toBeLessThanOrEqual(0);
    // The selected cell and the row's name stay in sight, side by side.
    await page.locator('.grid td.here').focus();
    for (const key of ['End', 'Home', 'ArrowRight', 'ArrowDown', 'End']) {
      await page.keyboard.press(key);
      await expect
        .poll(() =>
          page.evaluate(() => {
            const at = (/** @type {string} */ q) =>
              /** @type {Element} */ (document.querySelector(q)).getBoundingClientRect();
            const [cell, name] = [at('.grid td.here'), at('.grid tbody th.here')];
            return cell.left >= name.right - 1 && cell.right <= innerWidth + 1 && name.left >= 0;
          }),
        )
        .toBe(true);
    }
    expect(await overflow()).toBeLessThanOrEqual(0);
  });
}

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  test(`${colorScheme}: probability zero is the page's own background, and the legend is the grid's scale`, async ({
    page,
  }) => {
    await page.emulateMedia({ colorScheme });
    await open(page);
    const hex = (/** @type {string} */ rgb) =>
      `#${(rgb.match(/\d+/g) ?? [])
        .slice(0, 3)
        .map((n) => Number(n).toString(16).padStart(2, '0'))
        .join('')}`;
    const colour = (/** @type {string} */ q) =>
      page
        .evaluate((s) => getComputedStyle(/** @type {Element} */ (document.querySelector(s))).backgroundColor, q)
        .then(hex);
    const steps = ramp(colorScheme);
    expect(await colour('body')).toBe(steps[0].background);
    for (const i of [0, 25, 50, 75, 100]) expect(await colour(`.legend .p${i}`)).toBe(steps[i].background);
    const cells = await page
      .locator('.grid td[class*=p]:not(.bos)')
      .evaluateAll((tds) =>
        tds.map((td) => [
          Number(/\bp(\d+)\b/.exec(td.className)?.[1]),
          getComputedStyle(td).backgroundColor,
          getComputedStyle(td).color,
        ]),
      );
    for (const [step, background, text] of /** @type {[number, string, string][]} */ (cells))
      expect([hex(background), hex(text)]).toEqual([steps[step].background, steps[step].text]);
  });
}

test('tokens stay apart from the direction of their neighbours', async ({ page }) => {
  await open(page);
  await box(page).fill('a\u202e b');
  await expect
    .poll(
      async () =>
        ((await page.locator('.chips').textContent()) ?? '').includes('‹U+202E›') ||
        ((await page.locator('.chips').textContent()) ?? '').includes('‹E2'),
    )
    .toBe(true);
  const loose = await page.evaluate(
    () =>
      [...document.querySelectorAll('.grid tbody td, .grid thead th, .chips li')].filter(
        (el) => el.textContent?.trim() && !el.querySelector('bdi'),
      ).length,
  );
  expect(loose).toBe(0);
});

test('a prompt of nearly the whole context is drawn', async ({ page }) => {
  await open(page);
  await box(page).fill('one '.repeat(110).trim());
  await expect.poll(() => page.locator('.chips li').count(), { timeout: 30_000 }).toBe(111);
  await expect(page.locator('.reading[data-busy]')).toHaveCount(0, { timeout: 30_000 });
  await expectColumns(page, ['one', ...Array.from({ length: 109 }, () => '·one')]);
});
