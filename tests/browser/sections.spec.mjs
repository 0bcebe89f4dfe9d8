// What opens below the panel: moments, who wrote a cell, what blocks wrote, attention, the heads' scores.
import { readFileSync } from 'node:fs';
import { ramp, stepOf } from '../../web/src/style/scale.js';
import { formatProbFine } from '../../web/src/views/format.js';
import { box, expect, expectColumns, experimentOf, linkOf, open, signed, test } from './support.mjs';

/** @typedef {import('@playwright/test').Page} Page */

const catalog = JSON.parse(readFileSync(new URL('../../models/catalog.json', import.meta.url), 'utf8'));
const LENSES = Object.keys(catalog.primer.lenses);

const PROMPT = 'Lucy and Peter came to the market. Lucy sang a song for';

/** @param {Page} page @param {object} [view] @param {string} [prompt] */
async function openAt(page, view = {}, prompt = PROMPT) {
  const experiment = {
    v: 1,
    models: { m: 'primer' },
    runs: { main: { model: 'm', prompt, bos: true } },
    reads: [{ what: 'lens', run: 'main', norm: 'recomputed', top: 10 }],
    view: { position: -1, ...view },
  };
  await open(page, linkOf(experiment));
}

const section = (/** @type {Page} */ page, /** @type {string} */ title) =>
  page.locator('details.section').filter({ has: page.getByRole('heading', { name: title }) });

/** What the engine says of the shown run. @param {Page} page @param {object} read */
const ask = (page, read) =>
  page.evaluate(async (asked) => {
    const e = window.logitLens.experiment;
    const tables = await window.logitLens.run({ ...e, reads: [{ run: 'main', ...asked }] });
    return Object.fromEntries(tables.map((t) => [t.name, { ...t, data: [...t.data] }]));
  }, read);

test('sections are closed at first, open by the keyboard, and the link keeps them open', async ({ page }) => {
  await openAt(page);
  await expect(page.locator('details.section')).toHaveCount(8);
  await expect(page.locator('details.section[open]')).toHaveCount(0);
  await section(page, 'Who wrote this?').locator('summary').focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('.who .parts li').first()).toBeVisible();
  expect((await experimentOf(page)).view.sections).toEqual(['who']);
  await expect.poll(() => page.url()).toContain('sections');
  await page.reload();
  await page.evaluate(() => window.logitLens.ready);
  await expect(page.locator('.who .parts li').first()).toBeVisible();
  await section(page, 'Who wrote this?').locator('summary').click();
  await expect(page.locator('.who')).toHaveCount(0);
  expect((await experimentOf(page)).view.sections).toBeUndefined();
});

test('who wrote a cell: bars and map are the engine’s numbers; a head opens into its sources, an MLP into neurons', async ({
  page,
}) => {
  await openAt(page, { sections: ['who'], of: ' Peter', against: ' Lucy' });
  await expect(page.locator('.who .sum')).toContainText('·Peter rather than ·Lucy');
  const { total, head, source } = await ask(page, { what: 'components', tokens: [' Peter', ' Lucy'] });
  await expect(page.locator('.who .sum')).toContainText(signed(total.data[0]));

  const heads = head.dims[1].size;
  const best = head.data.reduce(
    (/** @type {number} */ b, /** @type {number} */ v, /** @type {number} */ i) => (v > head.data[b] ? i : b),
    0,
  ); // prettier-ignore
  const name = `${Math.floor(best / heads)}.${best % heads}`;
  const cell = page.locator(`.head-map td[data-part="${name}"]`);
  await expect(cell).toHaveAccessibleName(`head ${name}: ${signed(head.data[best])}`);
  await expect(cell).toHaveClass(/\bp\d+/);
  await cell.click();
  expect((await experimentOf(page)).view.part).toBe(name);
  const n = source.dims[2].size;
  const shown = page.locator('.who .sources li');
  await expect(shown).toHaveCount(n);
  const from = source.data.slice(best * n, (best + 1) * n);
  const most = from.indexOf(Math.max(...from));
  await expect(shown.nth(most)).toContainText(signed(from[most]));
  await expect(shown.nth(most)).toHaveClass('p100');

  await cell.focus();
  await page.keyboard.press('ArrowUp');
  for (let i = 0; i < heads; i++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await expect(page.locator('.who .inside')).toContainText(/L\d+N\d+/);
  await expect(page.locator('.who .inside .parts li')).toHaveCount(11);
  await expect(page.locator('.who')).toContainText('Direct effect only');
});

test('who wrote: the token and the one it is held against are chosen, and follow the cell when they are not', async ({
  page,
}) => {
  await openAt(page, { sections: ['who'] });
  const own = await page.locator('.grid td.here').textContent();
  await expect(page.locator('.who .sum')).toContainText((own ?? '').trim());
  await page.getByLabel('rather than').selectOption({ index: 1 });
  await expect(page.locator('.who .sum')).toContainText('rather than');
  expect((await experimentOf(page)).view.against).toBeTruthy();
  await page.locator('.grid tbody tr').nth(5).locator('td').nth(3).click();
  await expect(page.locator('.head-map tbody tr')).toHaveCount(3); // blocks 0 to 2 wrote to it
});

test('other ways to read a cell: what each says is the engine’s answer, with who wrote the difference', async ({
  page,
}) => {
  const at = { row: 'blocks.5.hook_resid_post', sections: ['compare'] };
  await openAt(page, at);
  const lines = page.locator('.compare tbody tr');
  const read = { what: 'lens', rows: [at.row], positions: [-1], top: 10 };
  const ways = [{}, ...LENSES.map((name) => ({ lens: name })), { norm: 'frozen' }, { norm: 'none' }];
  await expect(lines).toHaveCount(ways.length);
  /** @type {number[]} */
  const said = [];
  for (const [i, way] of ways.entries()) {
    const { top_id: id, top_prob: prob } = await ask(page, { ...read, ...way });
    said.push(id.data[0]);
    await expect(lines.nth(i).locator('bdi')).toHaveAttribute('data-id', String(id.data[0]));
    await expect(lines.nth(i).locator('.number').first()).toHaveText(formatProbFine(prob.data[0]));
  }
  const other = said.find((id) => id !== said[0]);
  const disagree = page.locator('.compare p').first();
  await expect(disagree).toContainText(other === undefined ? `All ${ways.length} ways` : 'They disagree');
  const { top_lift: lift } = await ask(page, { ...read, lift: 'calibrated' });
  const told = [...lift.data].filter((/** @type {number} */ l) => Number.isFinite(l));
  await expect(page.locator('.compare .lifts li')).toHaveCount(told.length);
  await expect(page.locator('.compare .lifts li').first()).toContainText(signed(told[0]));
  await expect(page.locator('.compare')).toContainText('Direct effect only');
});

test('a lens that cannot be had is named in its row, with the others; it is asked for once, and again on demand', async ({
  page,
}) => {
  let asked = 0;
  await page.route('**/models/primer.calibrated.*', (route) => {
    asked++;
    return route.fulfill({ body: 'no lens' });
  });
  await openAt(page, { sections: ['compare'] });
  const lines = page.locator('.compare tbody tr');
  const ways = LENSES.length + 3; // the raw one, and it with two other norms
  await expect(lines).toHaveCount(ways);
  await expect(lines.locator('bdi')).toHaveCount(ways - 1);
  await expect(lines.last()).toContainText(/^\s*calibrated\s*.*models\/primer\.calibrated/);
  await expect(page.locator('.compare')).toContainText('in the raw lens’ logits');
  const before = await lines.first().textContent();
  await page.locator('.grid tbody tr').nth(5).locator('td').nth(3).click();
  await expect.poll(() => lines.first().textContent()).not.toBe(before);
  expect(asked).toBe(1);
  await page.unroute('**/models/primer.calibrated.*');
  await lines.last().getByRole('button', { name: 'Try again' }).click();
  await expect(lines.locator('bdi')).toHaveCount(ways);
});

test('what attention and MLP wrote is the engine’s answer, the block of the row first', async ({ page }) => {
  await openAt(page, { sections: ['writes'], row: 'blocks.6.hook_resid_post' });
  await expect(page.locator('.writes h4').first()).toHaveText('Attention of block 6');
  const { promoted_id: ids } = await ask(page, { what: 'writes', positions: [-1], top: 5 });
  const i = ids.dims[0].labels.indexOf('blocks.6.hook_attn_out');
  await expect(page.locator('.writes .both-ends').first().locator('bdi').first()).toHaveAttribute(
    'data-id',
    String(ids.data[5 * i]),
  );
  await page.locator('.grid tbody tr').last().locator('td').last().click();
  await expect(page.locator('.writes')).toContainText('Nothing has been written');
});

test('attention: every head small, one large; arrows read it out', async ({ page }) => {
  await openAt(page, { sections: ['attention'], part: '7.2' });
  await expect(page.locator('.attention .small li')).toHaveCount(4);
  const hook = 'blocks.7.attn.hook_pattern';
  const { [hook]: pattern } = await ask(page, { what: 'activations', hooks: [hook] });
  const n = pattern.dims[1].size;
  const row = pattern.data.slice((2 * n + n - 1) * n, (2 * n + n) * n);
  const most = Math.max(...row);
  await expect(page.locator('.attention [role=status]')).toContainText(`${Math.round(100 * most)} %`);
  await page.locator('.attention .large').focus();
  const before = await page.locator('.attention [role=status]').textContent();
  await page.keyboard.press('ArrowUp');
  await expect(page.locator('.attention [role=status]')).not.toHaveText(before ?? '');
  const { correlation } = await ask(page, { what: 'head_writes', layer: 7, head: 2 });
  await expect(page.locator('.copies')).toContainText(`over ${correlation.data[1]} pairs`);
  await expect(page.locator('.copies')).toContainText(`r = +${correlation.data[0].toFixed(2).replace(/^0/, '')}`);
  await page.locator('.attention .small button').first().click();
  expect((await experimentOf(page)).view.part).toBe('7.0');
  await expect(page.locator('.attention [aria-pressed=true]')).toHaveAccessibleName('Head 7.0');
});

test('attention over a long prompt: a pixel shows the strongest of the squares that fall on it, and the dots are said to be a sample', async ({
  page,
}) => {
  await openAt(page, { sections: ['attention'], part: '7.2' }, 'The cat sat on the mat. '.repeat(28));
  const n = await page.locator('.chips li').count();
  const pairs = (n * (n - 1)) / 2;
  await expect(page.locator('.copies')).toContainText(`one pair of tokens in ${Math.ceil(pairs / 4000)};`);
  /** Of each pixel, empty where nothing is drawn; once it is drawn. @param {string} canvas */
  const colours = async (canvas) => {
    const picture = page.locator(`.attention ${canvas}`);
    await expect.poll(() => picture.evaluate((c) => /** @type {HTMLCanvasElement} */ (c).width)).not.toBe(300); // as canvases are born
    return picture.evaluate((drawn) => {
      const { width, height } = /** @type {HTMLCanvasElement} */ (drawn);
      const ink = /** @type {CanvasRenderingContext2D} */ (/** @type {HTMLCanvasElement} */ (drawn).getContext('2d'));
      const { data } = ink.getImageData(0, 0, width, height);
      return Array.from({ length: width * height }, (_, i) =>
        data[4 * i + 3] > 0 ? `#${[0, 1, 2].map((c) => data[4 * i + c].toString(16).padStart(2, '0')).join('')}` : '',
      );
    });
  };
  for (const canvas of ['.whole canvas', 'canvas.scatter'])
    expect((await colours(canvas)).some((c) => c !== '')).toBe(true);
  const painted = await colours('.small li:nth-child(3) canvas');
  const side = Math.sqrt(painted.length);
  expect(side).toBeLessThan(n / 2);
  const hook = 'blocks.7.attn.hook_pattern';
  const { [hook]: pattern } = await ask(page, { what: 'activations', hooks: [hook] });
  const theirs = (/** @type {number} */ at) =>
    Array.from({ length: n }, (_, i) => i).filter((i) => Math.floor((i * side) / n) === at);
  const theme = await page.evaluate(() => document.documentElement.dataset.theme);
  const expected = painted.map((_, pixel) => {
    const [queries, keys] = [theirs(Math.floor(pixel / side)), theirs(pixel % side)];
    const shares = queries.flatMap((i) => keys.filter((j) => j <= i).map((j) => pattern.data[(2 * n + i) * n + j]));
    return shares.length > 0
      ? ramp(/** @type {'light' | 'dark'} */ (theme))[stepOf(Math.max(...shares))].background
      : '';
  });
  expect(painted).toEqual(expected);
});

test('attention over many prompts: a dot for each, of its own run; r is theirs; the link keeps them', async ({
  page,
}) => {
  test.slow(); // two dozen runs, thrice
  await openAt(page, { sections: ['attention'], part: '7.2' });
  await page.locator('.over summary').click();
  await page.getByRole('button', { name: 'Fill in an example' }).click();
  const lines = page.locator('.over tbody tr');
  await expect(lines).toHaveCount(24);
  /** @type {string[]} */
  const prompts = (await experimentOf(page)).view.prompts;
  expect(new Set(prompts).size).toBe(24);
  const found = await page.evaluate(async (all) => {
    const runs = Object.fromEntries(all.map((prompt, i) => [`r${i}`, { model: 'm', prompt, bos: true }]));
    const reads = Object.keys(runs).map((run) => ({ what: 'head_writes', run, layer: 7, head: 2 }));
    const tables = await window.logitLens.run({ v: 1, models: { m: 'primer' }, runs, reads });
    return all.map((_, read) => {
      const of = (/** @type {string} */ name) => tables.find((t) => t.read === read && t.name === name).data;
      const ids = [...of('token')];
      const n = ids.length;
      const at = ids.slice(0, -1).lastIndexOf(ids[n - 1]);
      return [of('pattern')[(n - 2) * n + at], of('written')[(n - 2) * n + at], ids[n - 1]];
    });
  }, prompts);
  for (const i of [0, 1, 23]) {
    await expect(lines.nth(i).locator('bdi')).toHaveAttribute('data-id', String(found[i][2]));
    await expect(lines.nth(i)).toContainText(`${Math.round(100 * found[i][0])} %`);
    await expect(lines.nth(i)).toContainText(signed(found[i][1]));
  }
  const mean = (/** @type {number[]} */ v) => v.reduce((a, b) => a + b, 0) / v.length;
  const [x, y] = [0, 1].map((k) => found.map((dot) => dot[k] - mean(found.map((d) => d[k]))));
  const product = (/** @type {number[]} */ a, /** @type {number[]} */ b) => mean(a.map((v, i) => v * b[i]));
  const r = product(x, y) / Math.sqrt(product(x, x) * product(y, y));
  const said = page.locator('.over .copies p').first();
  await expect(said).toContainText(`r = ${signed(r)} over 24 prompts`);
  await expect(page.locator('.over')).toContainText('Direct effect only');

  await page.getByLabel('Sentences').fill(`${prompts[0]}\n\n${prompts[1]}\nNothing stands twice here`);
  await page.getByLabel('Sentences').blur();
  await expect(said).toContainText('Too few to say: 2 prompts');
  await expect(page.locator('.over')).toContainText('One line is left out');
  await expect(page.locator('.over')).toContainText('“Nothing stands twice here”');
  await expect.poll(() => page.url()).toContain('Nothing'); // the address follows a moment later
  await page.reload();
  await expect(lines).toHaveCount(2);
  await page.locator('.attention .small button').first().click();
  await expect(page.locator('.over h4')).toHaveText('Head 7.0 over many prompts');
  await expect(lines).toHaveCount(2);
});

test('moments: when it was settled, each turn leads to its row, and every position has its line', async ({ page }) => {
  await openAt(page, { sections: ['moments'] });
  await expect(page.locator('.moments dl')).toContainText('settled');
  await page.locator('.moments dd ol button').first().click();
  await expect.poll(async () => (await experimentOf(page)).view.row).toMatch(/resid_post$/);
  const lines = page.locator('.moments tbody tr');
  const tokens = await page.locator('.chips li:not(.bos)').count();
  await expect(lines).toHaveCount(tokens);
  await lines.first().getByRole('button').click();
  await expect.poll(async () => (await experimentOf(page)).view.position).toBe(1);
  await box(page).fill('It was Monday, Tuesday,');
  await expectColumns(page, ['It', '·was', '·Monday', ',', '·Tuesday', ',']);
  await expect(lines).toHaveCount(6);
});

test('heads: scores on repeated random tokens, the highest by name, and whether it formed', async ({ page }) => {
  await openAt(page, { sections: ['heads'] });
  await expect(page.locator('.heads .found')).toContainText(/Highest: head \d+\.\d+, /);
  await expect(page.locator('.heads .head-map td[data-part]')).toHaveCount(32);
  await page.locator('.heads select').selectOption('previous');
  await expect(page.locator('.heads')).toContainText('token just before');
  expect((await experimentOf(page)).view.score).toBe('previous');
  await expect(page.locator('.heads .note')).toContainText('100 random tokens twice over, 2 seeds');
});
