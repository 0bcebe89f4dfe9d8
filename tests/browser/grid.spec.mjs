// The grid's colours, controls and marks; a grid far wider than the page; and what stands in its place on a phone.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { box, expect, expectColumns, experimentOf, linkOf, open, test } from './support.mjs';

/** @typedef {import('@playwright/test').Page} Page */

/** @param {Page} page @returns {Promise<(name: string) => any>} */
async function tablesOf(page) {
  const tables = await page.evaluate(async () =>
    (await window.logitLens.run(window.logitLens.experiment)).map((t) => ({ ...t, data: [...t.data] })),
  );
  return (name) => tables.find((t) => t.name === name);
}

/** Each cell's step and number, row 0 at the bottom. @param {Page} page */
const cells = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('.grid tbody tr')].reverse().map((tr) =>
      [...tr.querySelectorAll('td')].map((td) => ({
        step: Number(/\b[pq](\d+)\b/.exec(td.className)?.[1] ?? -1),
        cool: /\bq\d/.test(td.className),
        turns: td.classList.contains('turns'),
        number: td.querySelector('.number')?.textContent ?? null,
      })),
    ),
  );

const lens = { v: 1, models: { m: 'primer' }, runs: { a: { model: 'm', prompt: 'The king and the', bos: true } } };
const link = (/** @type {object} */ view, read = {}) => linkOf({ ...lens, reads: [{ what: 'lens', ...read }], view });

test.describe('colour', () => {
  /** @type {Record<string, [table: string, share: (value: number, words: number) => number]>} */
  const measures = {
    top: ['top_prob', (p) => p],
    rank: ['answer_rank', (r, words) => 1 - Math.log(r) / Math.log(words)],
    entropy: ['entropy', (h, words) => h / Math.log(words)],
    kl: ['kl', (kl) => kl / 10],
    surprisal: ['surprisal', (s) => s / 10],
    change: ['change', (c) => c / 10],
  };
  for (const [colour, [name, share]] of Object.entries(measures))
    test(`by ${colour}: every cell's step is its table's, on a fixed scale`, async ({ page }) => {
      await open(page, link({ colour, numbers: true }, { change: true }));
      const table = await tablesOf(page);
      const { data, dims } = table(name);
      const words = await page.evaluate(
        () => /** @type {any} */ (document.querySelector('logit-lens')).conductor.state.drawing.model.info.d_vocab,
      );
      const [R, P, K] = [dims[0].size, dims[1].size, dims[2]?.size ?? 1];
      const seen = await cells(page);
      for (let r = 0; r < R; r++)
        for (let p = 1; p < P; p++) {
          const value = data[(r * P + p) * K];
          const step = Number.isFinite(value) ? Math.round(100 * Math.min(1, Math.max(0, share(value, words)))) : -1;
          expect(seen[r][p].step, `${r} ${p}`).toBe(step);
          if (step >= 0) expect(seen[r][p].cool).toBe(!['top', 'rank'].includes(colour));
          expect(seen[r][p].number === '–').toBe(step < 0);
        }
      expect(seen[0][0].step).toBe(-1);
    });

  test('is chosen from a list; what changed is asked of the engine, and no longer when it is left', async ({
    page,
  }) => {
    await open(page);
    await page.getByRole('combobox', { name: 'Colour' }).selectOption({ label: 'what changed' });
    await expect.poll(async () => (await experimentOf(page)).reads[0].change).toBe(true);
    await expect(page.locator('.legend')).toContainText('from the row below');
    await expect.poll(() => page.locator('.grid td[class*="q"]').count()).toBeGreaterThan(3);
    await page.getByRole('combobox', { name: 'Colour' }).selectOption('answer');
    await expect.poll(async () => (await experimentOf(page)).reads[0].change).toBe(undefined);
    expect((await experimentOf(page)).view.colour).toBe(undefined);
  });

  test('a pinned token and a set are colours too', async ({ page }) => {
    await open(page, link({ colour: 'set royals' }, { track: [' king'], sets: { royals: [' king', ' queen'] } }));
    const table = await tablesOf(page);
    const set = await cells(page);
    const [R, P] = table('set_prob').dims.map((/** @type {any} */ d) => d.size);
    for (let r = 0; r < R; r++)
      for (let p = 1; p < P; p++) expect(set[r][p].step).toBe(Math.round(100 * table('set_prob').data[r * P + p]));
    const id = table('track_id').data[0];
    await page.getByRole('combobox', { name: 'Colour' }).selectOption(`rank ${id}`);
    await expect(page.locator('.legend')).toContainText('·king');
  });

  test('a view that makes no sense is the default one', async ({ page }) => {
    await open(page, link({ colour: { a: 1 }, numbers: 'x', stride: -3, overlay: ['input'] }));
    await expect(page.locator('.grid tbody tr')).toHaveCount((await tablesOf(page))('kl').dims[0].size);
    await expect(page.getByRole('combobox', { name: 'Colour' })).toHaveValue('answer');
    await expect(page.locator('.grid td .number')).toHaveCount(0);
  });
});

test('an outline where the top token differs from the row below, whichever row that is', async ({ page }) => {
  for (const stride of [1, 3]) {
    await page.goto('about:blank');
    await open(page, link({ stride }));
    const table = await tablesOf(page);
    const [R, P, K] = table('top_id').dims.map((/** @type {any} */ d) => d.size);
    const shown = Array.from({ length: R }, (_, i) => R - 1 - i * stride)
      .filter((r) => r >= 0)
      .reverse();
    const seen = await cells(page);
    expect(seen.length).toBe(shown.length);
    await expect(page.locator('.grid tr.output th')).toHaveText('output');
    for (const [i, r] of shown.entries())
      for (let p = 1; p < P; p++) {
        const top = (/** @type {number} */ row) => table('top_id').data[(row * P + p) * K];
        expect(seen[i][p].turns, `${r} ${p}`).toBe(i > 0 && top(r) !== top(shown[i - 1]));
      }
  }
});

test.describe('more', () => {
  test('norm, mid-block rows, stride, numbers and strips, by keyboard', async ({ page }) => {
    await open(page);
    const rows = await page.locator('.grid tbody tr').count();
    await page.locator('.more > summary').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('radio', { name: /^frozen/ }).focus();
    await page.keyboard.press('Space');
    await expect.poll(async () => (await experimentOf(page)).reads[0].norm).toBe('frozen');
    await page.getByRole('checkbox', { name: /inside each block/ }).focus();
    await page.keyboard.press('Space');
    await expect(page.locator('.grid tbody tr')).toHaveCount(2 * rows - 1);
    await page.getByLabel('How many rows').selectOption('2');
    await expect(page.locator('.grid tbody tr')).toHaveCount(rows);
    await page.getByRole('checkbox', { name: /number/ }).check();
    await expect.poll(() => page.locator('.grid td .number').count()).toBeGreaterThan(rows);
    /** @type {string[]} */
    const files = [];
    page.on('request', (r) => files.push(new URL(r.url()).pathname));
    await page.getByLabel('strip at the foot').selectOption('frequency');
    await expect.poll(() => page.locator('.grid .strip').count()).toBeGreaterThan(rows);
    await page.getByLabel('strip at the foot').selectOption('input');
    await page.getByLabel('strip at the foot').selectOption('frequency');
    expect(files.filter((f) => f.endsWith('.counts.json')).length).toBe(1);
  });
});

test.describe('wide', () => {
  /** Puts a made-up grid of that many positions and rows into the page's own <lens-grid>. @param {Page} page */
  async function fill(page, positions = 1024, rows = 49) {
    const made = await build({
      stdin: {
        contents: `import { readoutOf } from './web/readout.mjs';
          export function fill(positions, rows) {
            const { conductor } = document.querySelector('logit-lens');
            const columns = Array.from({ length: positions }, (_, p) => ({ token: 300 + p % 900, answer: 400 + p % 7,
              rows: Array.from({ length: rows }, (_, r) => [400 + (p * r) % 7, (r + 1) / rows]) }));
            const drawing = { ...conductor.state.drawing, readout: readoutOf(columns) };
            conductor.state = { ...conductor.state, drawing };
            document.querySelector('logit-lens').requestUpdate();
          }`,
        resolveDir: fileURLToPath(new URL('..', import.meta.url)),
      },
      bundle: true,
      format: 'esm',
      write: false,
    });
    await page.route('**/made-up.js', (route) =>
      route.fulfill({ contentType: 'text/javascript', body: made.outputFiles[0].text }),
    );
    await page.evaluate(
      async ([p, r]) => (await import(`${location.pathname}made-up.js`)).fill(p, r),
      [positions, rows],
    );
    await expect(page.locator('.grid')).toHaveAttribute('aria-colcount', String(positions + 1));
  }

  test('of 1,024 positions only those near those in sight are in the document', async ({ page }) => {
    await open(page);
    await fill(page);
    expect(await page.locator('.grid thead th').count()).toBeLessThan(50);
    await page.locator('.grid td.here').focus();
    for (const [key, column] of [
      ['Home', 2],
      ['ArrowRight', 3],
      ['End', 1025],
      ['ArrowLeft', 1024],
    ]) {
      await page.keyboard.press(String(key));
      await expect(page.locator('.grid td:focus'), String(key)).toHaveAttribute('aria-colindex', String(column));
      await expect(page.locator('.grid td:focus')).toBeInViewport();
    }
    // Scrolled out of sight, the selected cell keeps its place, the focus and the tab order; an arrow brings it back.
    for (const x of [30_000, 0]) {
      await page.locator('.scroller').evaluate((el, left) => {
        el.scrollLeft = left;
      }, x);
      await expect(page.locator('.grid td:focus')).not.toBeInViewport();
      await expect(page.locator('.grid td[tabindex="0"]')).toHaveCount(1);
      await expect(page.locator('.grid td:focus')).toHaveAttribute('aria-colindex', '1024');
      expect(await page.locator('.grid thead th').count()).toBeLessThan(50);
    }
    await page.keyboard.press('ArrowLeft');
    await expect(page.locator('.grid td:focus')).toHaveAttribute('aria-colindex', '1023');
    await expect(page.locator('.grid td:focus')).toBeInViewport();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });

  test('Tab leads to the selected cell, wherever the grid was scrolled to', async ({ page }) => {
    await open(page);
    await fill(page, 400, 9);
    for (const [chosen, x] of [
      [5, 20_000],
      [395, 0],
    ]) {
      await page.evaluate((p) => /** @type {any} */ (document.querySelector('lens-grid')).choose(p, 3), chosen);
      const cell = page.locator('.grid td[tabindex="0"]');
      await expect(cell).toHaveAttribute('aria-colindex', String(chosen + 2));
      await page.locator('.scroller').evaluate((el, left) => {
        el.scrollLeft = left;
      }, x);
      await expect(cell).not.toBeInViewport();
      await page.locator('.more > summary').focus();
      await page.keyboard.press('Tab');
      await expect(cell).toBeFocused();
      const place = await cell.evaluate((el) => {
        const [c, names] = [el, document.querySelector('.corner')].map((x) =>
          /** @type {Element} */ (x).getBoundingClientRect(),
        );
        const box = /** @type {Element} */ (document.querySelector('.scroller')).getBoundingClientRect();
        return c.left >= names.right && c.right <= box.right + 1;
      });
      expect(place).toBe(true);
    }
  });

  test('scrolling shows every column in its place', async ({ page }) => {
    await open(page);
    await fill(page);
    const place = await page.evaluate(async () => {
      const box = /** @type {Element} */ (document.querySelector('.scroller'));
      const wrong = [];
      for (let x = 0; x < box.scrollWidth; x += 3333) {
        box.scrollLeft = x;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        const left = box.getBoundingClientRect().left;
        const names = /** @type {Element} */ (document.querySelector('.corner')).getBoundingClientRect();
        if (Math.abs(names.left - left) > 3) wrong.push(['names', x, names.left - left]);
        // What sticks on the left lies over the columns, in the head too.
        const over = document.elementFromPoint(names.left + 8, names.top + names.height / 2);
        if (!over?.closest('.corner')) wrong.push(['corner', x, over?.tagName]);
        const cells = [...box.querySelectorAll('thead th')].map((th) => th.getBoundingClientRect());
        if (
          cells[0].left > names.right + 3 ||
          (cells.at(-1)?.right ?? 0) < Math.min(innerWidth, box.getBoundingClientRect().right) - 10
        )
          wrong.push(['gap', x, cells[0].left, cells.at(-1)?.right]);
      }
      return wrong;
    });
    expect(place).toEqual([]);
  });
});

test('where not every column has room, the last one opens in sight and none is cut', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await open(page);
  const seen = () =>
    page.locator('.grid tr.output').evaluate((row) => {
      const scroller = /** @type {Element} */ (row.closest('.scroller')).getBoundingClientRect();
      const [names, ...cells] = [...row.children].map((c) => c.getBoundingClientRect());
      const under = 2; // the gap between cells, which the names lie over
      return cells.map(({ left, right }) => [
        left < scroller.right && right > names.right + under, // in sight
        left >= names.right && right <= scroller.right, // whole
      ]);
    });
  await expect.poll(async () => (await seen()).at(-1)).toEqual([true, true]);
  const cells = await seen();
  expect(cells.some(([inSight]) => !inSight)).toBe(true);
  expect(cells.filter(([inSight, whole]) => inSight && !whole)).toEqual([]);
});

test('the grid stays in sight beside a long panel', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await open(page, link({ sections: ['moments', 'who', 'writes'] }));
  await page.getByRole('heading', { name: 'Weights, without a prompt' }).scrollIntoViewIfNeeded();
  await expect(page.locator('.grid td.here')).toBeInViewport();
});

test.describe('narrow', () => {
  test.use({ viewport: { width: 360, height: 780 } });

  test('a map to tap into, and the chosen position as a table', async ({ page }) => {
    await open(page);
    await box(page).fill('The king and the queen of the land');
    await expectColumns(page, ['The', '·king', '·and', '·the', '·queen', '·of', '·the', '·land']);
    const table = await tablesOf(page);
    const [R, P, K] = table('top_prob').dims.map((/** @type {any} */ d) => d.size);
    expect(await page.locator('.grid tbody tr').count()).toBe(R);
    await expect(page.getByRole('grid')).toHaveCount(1);
    await page.locator('lens-map canvas').click({ position: { x: 1.5 * 34, y: 7 } });
    await expect(page.locator('.grid thead')).toContainText('The');
    await expect(page.locator('.story')).toContainText('After The the model');
    await page.getByRole('combobox', { name: 'Colour' }).selectOption('top');
    const numbers = await page.locator('.grid tbody td.number').allInnerTexts();
    for (const [i, text] of numbers.entries()) {
      const p = table('top_prob').data[((R - 1 - i) * P + 1) * K];
      if (p >= 0.005 && p < 0.995) expect(Number(text)).toBeCloseTo(p, 2);
    }
    await page.locator('.grid td.here').focus();
    await page.keyboard.press('ArrowRight');
    await expect(page.locator('.grid thead')).toContainText('king');
    await page.keyboard.press('ArrowDown');
    await expect(page.locator('.grid td:focus')).toHaveClass(/here/);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  });
});
