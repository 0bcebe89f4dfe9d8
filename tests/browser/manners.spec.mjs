// How the page behaves around its one table: history, what is never lost, loading, keys, projector, themes.
import { box, columns, expect, expectColumns, experimentOf, open, test } from './support.mjs';

const model = '**/primer.gguf';

/** Holds back what matches until the returned function is called. @param {import('@playwright/test').Page} page @param {string} url */
async function hold(page, url) {
  /** @type {() => void} */
  let go = () => {};
  const gate = new Promise((/** @type {(v: void) => void} */ r) => {
    go = r;
  });
  await page.route(url, async (route) => {
    await gate;
    await route.continue().catch(() => {});
  });
  return go;
}

test.describe('history', () => {
  test('Back while typing brings the prompt before, without Enter', async ({ page }) => {
    await open(page);
    const first = await box(page).inputValue();
    await box(page).press('End');
    await box(page).pressSequentially(' x y', { delay: 20 });
    await expect.poll(() => page.url()).toContain('+x+y');
    await page.goBack();
    await expect(box(page)).toHaveValue(first);
    await page.goForward();
    await expect(box(page)).toHaveValue(`${first} x y`);
  });

  test('two quick steps end where the second leads', async ({ page }) => {
    await open(page);
    for (const text of ['The king', 'The end', 'The land']) {
      await box(page).fill(text);
      await box(page).press('Enter');
    }
    await expectColumns(page, ['The', '·land']);
    await page.evaluate(() => {
      history.back();
      history.back();
    });
    await expect(box(page)).toHaveValue('The king');
    await expectColumns(page, ['The', '·king']);
    await page.waitForTimeout(300);
    await expect(box(page)).toHaveValue('The king');
  });

  test('the selection stays while typing on, and goes to the end where all is replaced', async ({ page }) => {
    await open(page);
    await box(page).fill('The king of the land');
    await expectColumns(page, ['The', '·king', '·of', '·the', '·land']);
    await page.locator('.chips li').nth(2).click();
    await box(page).press('End');
    await box(page).pressSequentially(' and');
    await expectColumns(page, ['The', '·king', '·of', '·the', '·land', '·and']);
    await expect(page.locator('.chips li.here')).toHaveText('·king');
    await box(page).press('Control+a');
    await page.keyboard.insertText('The queen of the sea');
    await expectColumns(page, ['The', '·queen', '·of', '·the', '·sea']);
    await expect(page.locator('.chips li.here')).toHaveText('·sea');
  });
});

test.describe('what is never lost', () => {
  test('what an example replaced: by Undo, by Ctrl+Z, by Back', async ({ page }) => {
    await open(page);
    const example = async () => {
      await page.getByText('Examples', { exact: true }).click();
      await page.locator('.examples li button').nth(1).click();
    };
    await expect(page.getByRole('button', { name: 'Undo' })).toHaveCount(0);
    await box(page).fill('My own words');
    await example();
    await expect(box(page)).not.toHaveValue('My own words');
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(box(page)).toHaveValue('My own words');
    await expect(page.getByRole('button', { name: 'Undo' })).toHaveCount(0);
    await example();
    await expect(box(page)).not.toHaveValue('My own words');
    await box(page).press('Control+z');
    await expect(box(page)).toHaveValue('My own words');
    await expect.poll(async () => (await experimentOf(page)).runs.main.prompt).toBe('My own words');
    await example();
    await expect(box(page)).not.toHaveValue('My own words');
    await page.goBack();
    await expect(box(page)).toHaveValue('My own words');
  });

  test('a prompt survives a reload, even one too long for a link', async ({ page }) => {
    await open(page);
    await box(page).fill('The king');
    await page.reload(); // at once: nothing waits for a timer
    await page.evaluate(() => window.logitLens.ready);
    await expect(box(page)).toHaveValue('The king');
    const long = `${'one '.repeat(20_000)}end`;
    await box(page).fill(long);
    await expect(page.locator('.notice')).toContainText(/too long|tokens long/);
    await page.reload();
    await page.evaluate(() => window.logitLens.ready);
    await expect(box(page)).toHaveValue(long);
    // A link wins over what was kept.
    await page.goto('about:blank');
    await open(page, '#v=1&models.m=primer&runs.a.prompt=Two&reads.0.what=lens');
    await expect(box(page)).toHaveValue('Two');
  });

  test('denied storage harms nothing', async ({ page }) => {
    await page.addInitScript(() => {
      for (const area of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, area, {
          get() {
            throw new DOMException('denied', 'SecurityError');
          },
        });
    });
    await open(page);
    await box(page).fill('one '.repeat(20_000));
    await expect(page.locator('.notice')).not.toBeEmpty();
    await box(page).fill('The king');
    await expectColumns(page, ['The', '·king']);
  });
});

test.describe('loading', () => {
  test('the first example is there before the engine is, marked, and is what the engine then computes', async ({
    page,
  }) => {
    const go = await hold(page, '**/lens*.wasm');
    await page.goto('./');
    await expect(page.locator('.origin')).toHaveText('recorded');
    await expect(page.locator('.grid td.here')).toBeVisible();
    const cells = () =>
      page
        .locator('.grid tbody')
        .evaluate((t) => t.textContent + [...t.querySelectorAll('td')].map((d) => d.className));
    const before = [
      await cells(),
      await page.locator('.panel').textContent(),
      await page.locator('.story').textContent(),
    ];
    await page.locator('.chips li').nth(3).click();
    await expect(page.locator('.chips li.here')).toHaveCount(1);
    await page.locator('.chips li').last().click();
    go();
    await page.evaluate(() => window.logitLens.ready);
    await expect(page.locator('.origin')).toHaveText('computed here');
    expect([
      await cells(),
      await page.locator('.panel').textContent(),
      await page.locator('.story').textContent(),
    ]).toEqual(before);
  });

  test('a link that asks for something else shows its prompt and nothing recorded', async ({ page }) => {
    const go = await hold(page, '**/lens*.wasm');
    await page.goto('./#v=1&models.m=primer&runs.a.prompt=Two+and+two&reads.0.what=lens');
    await expect(box(page)).toHaveValue('Two and two');
    await page.waitForTimeout(300);
    await expect(page.locator('.grid')).toHaveCount(0);
    go();
    await page.evaluate(() => window.logitLens.ready);
    await expect(page.locator('.origin')).toHaveText('computed here');
    expect((await columns(page)).join('')).toBe('Two·and·two');
  });

  test('what is typed over the recorded grid dims it, and is drawn when it can be', async ({ page }) => {
    const go = await hold(page, model);
    await page.goto('./');
    await expect(page.locator('.origin')).toHaveText('recorded');
    await box(page).fill('The king');
    await expect(page.locator('.reading[data-stale]')).toHaveCount(1);
    go();
    await expectColumns(page, ['The', '·king']);
    await expect(page.locator('.reading[data-stale]')).toHaveCount(0);
  });

  test('it can be cancelled, and gone on with', async ({ page }) => {
    await hold(page, model);
    await page.goto('./');
    await expect(page.locator('.status')).toContainText('Loading Primer');
    const aborted = page.waitForEvent('requestfailed');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await aborted;
    await expect(page.locator('.status')).toContainText('Loading was stopped');
    expect(await page.evaluate(() => window.logitLens.ready.catch((/** @type {any} */ e) => e.code))).toBe('cancelled');
    await expect.poll(() => page.workers()).toHaveLength(0); // its threads go with it, a little later
    await box(page).fill('The king');
    await page.unroute(model);
    await page.getByRole('button', { name: 'Load it' }).click();
    await expectColumns(page, ['The', '·king']);
    await expect(page.locator('.status')).toHaveCount(0);
  });
});

test('the examples menu by keyboard alone', async ({ page }) => {
  await open(page);
  const examples = await (await page.request.get('models/examples.json')).json();
  const here = () => page.evaluate(() => document.activeElement?.querySelector('.text')?.textContent ?? null);
  await page.locator('.examples summary').focus();
  await page.keyboard.press('ArrowDown');
  expect(await here()).toBe(examples[0].prompt);
  await page.keyboard.press('End');
  expect(await here()).toBe(examples.at(-1).prompt);
  await page.keyboard.press('ArrowDown');
  expect(await here()).toBe(examples[0].prompt);
  await page.keyboard.press('i');
  expect(await here()).toMatch(/^I/);
  await page.keyboard.press('Home');
  await page.keyboard.press('Escape');
  await expect(page.locator('.examples ul')).toBeHidden();
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('SUMMARY');
});

test.describe('projector', () => {
  const rows = (/** @type {import('@playwright/test').Page} */ page) =>
    page.locator('.grid tbody tr').evaluateAll((trs) => trs.map((tr) => [...tr.querySelectorAll('td bdi')].length > 0));

  test('a long text: the column that is asked about is in sight, at every size', async ({ page }) => {
    await open(page);
    await box(page).fill(
      'The king and the queen of the old land went to the city and the sea and said that they were there.',
    );
    await expect.poll(() => page.locator('.chips li').count()).toBeGreaterThan(20);
    await page.keyboard.press('Escape');
    for (const act of [
      () => page.keyboard.press('p'),
      () => page.setViewportSize({ width: 1100, height: 800 }),
      () => page.keyboard.press('Escape'),
    ]) {
      await act();
      await expect(page.locator('.grid thead .here')).toBeInViewport({ ratio: 0.9 });
    }
  });

  test('sections that were open come below the grid once nothing is kept back', async ({ page }) => {
    await page.setViewportSize({ width: 1920, height: 1080 });
    await open(page);
    await page.getByRole('heading', { name: 'Who wrote this?' }).click();
    await expect(page.locator('section-who .parts li').first()).toBeVisible();
    await page.keyboard.press('p');
    await expect(page.locator('[data-projector]')).toHaveCount(1);
    await expect(page.locator('panel-sections')).toHaveCount(0);
    await page.keyboard.press('End');
    await expect(page.locator('section-who .parts li').first()).toBeVisible();
    await expect(page.locator('.section summary:visible')).toHaveText(['Who wrote this?']);
    const size = await page.locator('section-who .parts').evaluate((e) => {
      const line = /** @type {HTMLElement} */ (e.querySelector('li'));
      return line.getBoundingClientRect().height;
    });
    expect(size).toBeGreaterThanOrEqual(24);
    await page.keyboard.press('?');
    await expect(page.locator('panel-sections')).toHaveCount(0);
  });

  test('P: large and bare; arrows show one layer at a time, and nothing tells what is hidden', async ({ page }) => {
    await page.setViewportSize({ width: 1920, height: 1080 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await open(page);
    const n = (await rows(page)).length;
    const answer = await page.locator('.grid tr.output td').last().locator('bdi').textContent();
    await page.locator('.grid td.here').focus();
    await page.keyboard.press('p');
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
    for (const hidden of ['cell-panel', '.examples', 'footer', '.chips'])
      await expect(page.locator(hidden).first()).toBeHidden();
    await expect(page.locator('.legend')).toBeVisible();
    const size = await page.locator('.grid td.here').evaluate((td) => Number.parseFloat(getComputedStyle(td).fontSize));
    expect(size).toBeGreaterThanOrEqual(24);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    for (let shown = 1; shown < n; shown++) {
      if (shown > 1) await page.keyboard.press(shown % 2 ? 'ArrowRight' : 'ArrowUp');
      await expect.poll(() => rows(page)).toEqual(Array.from({ length: n }, (_, i) => n - i <= shown));
      await expect(page.locator('.story')).toContainText('what does the model say?');
      await expect(page.locator('.story')).not.toContainText(String(answer));
      await expect(page.locator('.grid td.same')).toHaveCount(0);
    }
    await page.keyboard.press('ArrowUp');
    await expect(page.locator('.story')).toContainText(String(answer));
    await page.keyboard.press('?');
    await expect(page.locator('.story')).not.toContainText(String(answer));
    expect(await rows(page)).toEqual(Array.from({ length: n }, (_, i) => i > 0));
    await expect(page.locator('.hint')).toContainText('The output is hidden');
    await page.keyboard.press('ArrowUp');
    await expect(page.locator('.story')).toContainText(String(answer));
    await page.keyboard.press('?');
    await page.keyboard.press('Shift+ArrowLeft');
    await expect.poll(async () => (await experimentOf(page)).view.position).toBeGreaterThan(0);
    await expect(page.locator('.grid td.here')).toBeFocused();
    // The link holds it, so that a lesson can begin so.
    await expect.poll(() => page.url()).toContain('view.guess=true');
    await page.reload();
    await page.evaluate(() => window.logitLens.ready);
    expect(await rows(page)).toEqual(Array.from({ length: n }, (_, i) => i > 0));
    await page.keyboard.press('Escape');
    await expect(page.locator('footer')).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    expect((await experimentOf(page)).view.projector).toBeUndefined();
  });
});

test.describe('keys', () => {
  test('/ and Esc go between prompt and grid; ? lists the keys; none acts while typing', async ({ page }) => {
    await open(page);
    const at = () => page.evaluate(() => document.activeElement?.tagName);
    await page.keyboard.press('/');
    expect(await at()).toBe('TEXTAREA');
    await page.keyboard.type(' p/?');
    await expect(box(page)).toHaveValue(/ p\/\?$/);
    await expect(page.locator('[data-projector]')).toHaveCount(0);
    await expect(page.locator('.grid thead th').last()).toHaveText('?');
    await page.keyboard.press('Escape');
    expect(await at()).toBe('TD');
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
    await page.keyboard.press('p');
    await expect(page.locator('[data-projector]')).toHaveCount(0);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    expect(await at()).toBe('TD');
  });

  test('about says what the lens is not, with the papers, and asks nobody', async ({ page }) => {
    await open(page);
    await page.getByRole('button', { name: 'About the lens' }).click();
    const about = page.getByRole('dialog');
    for (const text of ['Early rows mislead', 'The norm matters', 'Frequent tokens are favoured', 'Nothing leaves'])
      await expect(about).toContainText(text);
    const paper = about.locator('li', { hasText: '2209.02535' });
    await expect(paper).toContainText('Dar');
    await expect(paper.locator('a')).toHaveText('Analyzing Transformers in Embedding Space');
    await expect(about.locator('pre')).toContainText('--json');
    await about.getByRole('button', { name: 'Close' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });
});

test('light or dark: the system’s, until the reader chooses', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await open(page);
  const theme = page.locator('html');
  await expect(theme).toHaveAttribute('data-theme', 'dark');
  await page.getByRole('button', { name: 'Light' }).click();
  await expect(theme).toHaveAttribute('data-theme', 'light');
  await page.reload();
  await expect(theme).toHaveAttribute('data-theme', 'light');
  await page.getByRole('button', { name: 'Dark' }).click();
  await expect(theme).toHaveAttribute('data-theme', 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await expect(theme).toHaveAttribute('data-theme', 'light');
});
