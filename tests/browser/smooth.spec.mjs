// The main thread stays free. How long its tasks are depends on the machine, so these figures are printed, not judged;
// on a quiet one:  playwright test --config tests/playwright.config.mjs smooth
// What is judged does not: while the engine computes, the page's own thread is idle for most of that time; and while the
// selection moves, no picture is drawn again.
import { box, expect, expectColumns, linkOf, open, test } from './support.mjs';

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

test('with every section open, moving the selection draws no picture again', async ({ page }) => {
  test.slow(); // on a busy machine
  await page.addInitScript(() => {
    window.strokes = 0;
    const ink = /** @type {any} */ (CanvasRenderingContext2D.prototype);
    for (const name of ['fillRect', 'fill', 'putImageData']) {
      const draw = ink[name];
      ink[name] = function (/** @type {unknown[]} */ ...args) {
        window.strokes++;
        return draw.apply(this, args);
      };
    }
  });
  const sections = ['moments', 'compare', 'who', 'writes', 'attention', 'heads', 'memories', 'weights'];
  await open(
    page,
    linkOf({
      v: 1,
      models: { m: 'primer' },
      runs: { main: { model: 'm', prompt: words.repeat(8), bos: true } },
      reads: [{ what: 'lens', run: 'main', norm: 'recomputed', top: 10 }],
      view: { position: -20, sections, part: '1.1' }, // a head: its block's patterns are on show, wherever the cell is
    }),
  );
  const still = async () => {
    await expect(page.locator('.section[open] .note', { hasText: /^Reading …$/ })).toHaveCount(0);
    await expect
      .poll(() =>
        page.evaluate(async () => {
          const before = window.strokes;
          await new Promise((r) => setTimeout(r, 500));
          return window.strokes === before;
        }),
      )
      .toBe(true);
  };
  await expect(page.locator('.attention .small li')).not.toHaveCount(0);
  await still();
  expect(await page.evaluate(() => window.strokes)).toBeGreaterThan(0);
  for (const title of ['Attention patterns', 'Who wrote this?']) {
    await page.locator('.grid td.here').click();
    await page.getByRole('heading', { name: title }).evaluate((heading) => heading.scrollIntoView());
    await still();
    const strokes = await page.evaluate(() => window.strokes);
    const crosshair = () =>
      page.locator('.attention .whole i').evaluate((mark) => /** @type {HTMLElement} */ (mark).style.top);
    const from = await crosshair();
    await longTasks(page);
    for (const key of [...Array(8).fill('ArrowLeft'), 'ArrowUp', 'ArrowUp', ...Array(6).fill('ArrowRight')]) {
      await page.keyboard.press(key);
      await page.waitForTimeout(150);
    }
    await still();
    say(`moving the selection with every section open, ${title} in sight`, await longTasks(page));
    expect(await crosshair()).not.toBe(from);
    expect(await page.evaluate(() => window.strokes)).toBe(strokes);
  }
});
