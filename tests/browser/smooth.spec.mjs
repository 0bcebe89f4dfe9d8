// The main thread stays free. How long its tasks are depends on the machine, so these figures are printed, not judged;
// on a quiet one:  playwright test --config tests/playwright.config.mjs smooth
// What is judged is a share of one run: while the engine computes, the page's own thread is idle.
import { box, expect, expectColumns, open, test } from './support.mjs';

const words =
  'The king and the queen of the old land went to the city and the sea and said that they were there at last. ';

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((e) => e.duration))).observe({
      type: 'longtask',
    });
  });
});

/** The tasks over 50 ms since the last call, in ms. @param {import('@playwright/test').Page} page */
async function longTasks(page) {
  await page.evaluate(() => new Promise((r) => setTimeout(r, 200))); // observers are told late
  return page.evaluate(() => window.longTasks.splice(0));
}

/** @param {string} what @param {number[]} tasks */
const say = (what, tasks) =>
  console.log(
    `measured: ${what}: ${tasks.length} tasks over 50 ms${tasks.length ? `, the longest ${Math.max(...tasks).toFixed(0)} ms` : ''}`,
  );

test('computing leaves the page’s thread free', async ({ page }) => {
  await open(page);
  await longTasks(page);
  const took = await page.evaluate(async (text) => {
    const e = window.logitLens.experiment;
    e.runs.main.prompt = text;
    const start = performance.now();
    await window.logitLens.run(e);
    return performance.now() - start;
  }, words.repeat(4));
  const tasks = await longTasks(page);
  say(`computing ${took.toFixed(0)} ms`, tasks);
  expect(tasks.reduce((a, b) => a + b, 0)).toBeLessThan(took / 2);
});

test('typing and scrolling, as measured here', async ({ page }) => {
  await open(page);
  say('opening', await longTasks(page));
  await box(page).fill('');
  await expectColumns(page, []);
  await longTasks(page);
  await box(page).pressSequentially(words, { delay: 40 });
  await expect.poll(() => page.locator('.chips li').count()).toBeGreaterThan(20);
  say('typing', await longTasks(page));
  await box(page).fill(words.repeat(4));
  await expect.poll(() => page.locator('.chips li').count()).toBeGreaterThan(20);
  await expect(page.locator('.reading[data-busy]')).toHaveCount(0);
  say('pasting', await longTasks(page));
  await page.evaluate(async () => {
    const scroller = /** @type {Element} */ (document.querySelector('.scroller'));
    const frame = () => new Promise(requestAnimationFrame);
    for (const step of [40, -40])
      for (let i = 0; i < 60; i++) {
        scroller.scrollLeft += step;
        await frame();
      }
  });
  say('scrolling', await longTasks(page));
  // The selected cell is far out of sight, and so not in the document.
  await page.locator('.grid tbody tr.output td:not(.bos)').first().click();
  for (let i = 0; i < 40; i++) await page.keyboard.press(i < 20 ? 'ArrowRight' : 'ArrowDown');
  say('moving the selection', await longTasks(page));
  await expect(page.locator('.grid td[tabindex="0"]')).toBeFocused();
});
