// What the panel says of neurons and weights: memories of a cell, a neuron's page, heads' circuits.
import { NAMES } from '../../web/src/engine/weights.js';
import { expect, experimentOf, linkOf, open, signed, test } from './support.mjs';

/** @typedef {import('@playwright/test').Page} Page */

const PROMPT = 'Lucy and Peter came to the market. Lucy sang a song for';

/** @param {Page} page @param {object} view */
async function openAt(page, view) {
  const experiment = {
    v: 1,
    models: { m: 'primer' },
    runs: { main: { model: 'm', prompt: PROMPT, bos: true } },
    reads: [{ what: 'lens', run: 'main', norm: 'recomputed', top: 10 }],
    view: { position: -1, ...view },
  };
  await open(page, linkOf(experiment));
}

/** What the engine says. @param {Page} page @param {object} read */
const ask = (page, read) =>
  page.evaluate(async (asked) => {
    const tables = await window.logitLens.run({ ...window.logitLens.experiment, reads: [asked] });
    return Object.fromEntries(tables.map((t) => [t.name, { ...t, data: [...t.data] }]));
  }, read);

test('memories: the neurons of the cell’s block, by size or by effect; one opens, and the link keeps it', async ({
  page,
}) => {
  await openAt(page, { sections: ['memories'], row: 'blocks.5.hook_resid_post' });
  const read = { what: 'memories', run: 'main', layer: 5, neurons: 8, top: 4 };
  const names = async (/** @type {object} */ more) =>
    (await ask(page, { ...read, ...more })).neuron.data.map((/** @type {number} */ n) => `L5N${n}`);
  const buttons = page.locator('.neurons > li > button');
  await expect(buttons).toHaveText(await names({}));
  await expect(page.locator('.memories')).toContainText('Direct effect only');
  await expect(page.locator('.memories')).toContainText(/These 8 make up \d+ % of what it wrote/);

  await page.locator('.memories select').first().selectOption('effect');
  const token = Number(await page.locator('.grid td.here bdi').getAttribute('data-id'));
  await expect(buttons).toHaveText(await names({ by: 'effect', token }));
  expect((await experimentOf(page)).view.by).toBe('effect');

  const name = (await buttons.first().textContent()) ?? '';
  await buttons.first().focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('.neuron h4')).toHaveText(`Neuron ${name}`);
  await expect(buttons.first()).toHaveAttribute('aria-expanded', 'true');
  await expect.poll(() => page.url()).toContain(`view.neuron=${name}`);
  await page.reload();
  await page.evaluate(() => window.logitLens.ready);
  const { value_promoted_id: ids } = await ask(page, {
    what: 'neuron',
    run: 'main',
    layer: 5,
    neuron: Number(name.slice(3)),
  });
  await expect(page.locator('.neuron .both-ends bdi').first()).toHaveAttribute('data-id', String(ids.data[0]));

  await page.locator('.grid tbody tr').last().locator('td').last().click();
  await expect(page.locator('section-memories')).toContainText('No MLP has written');
});

test('a neuron’s triggers lead to their columns', async ({ page }) => {
  await openAt(page, { sections: ['memories'] });
  const neurons = page.locator('.neurons > li > button');
  for (let i = 0; i < 8; i++) {
    await neurons.nth(i).click();
    await expect(page.locator('.neuron h4')).toHaveText(`Neuron ${await neurons.nth(i).textContent()}`);
    if ((await page.locator('.triggers tbody tr').count()) > 1) break;
  }
  const first = page.locator('.triggers tbody button').last();
  const position = Number(((await first.getAttribute('title')) ?? '').replace(/\D/g, ''));
  const n = await page.locator('.chips li').count();
  await first.click();
  await expect.poll(async () => ((await experimentOf(page)).view.position + n) % n).toBe(position);
});

test('weights: a map of copying, a head’s pairs, heads that feed it, and neurons that promote the cell’s token', async ({
  page,
}) => {
  await openAt(page, { sections: ['weights'] });
  const { copying, q_composition: q } = await ask(page, { what: 'circuits' });
  await expect(page.locator('.weights .head-map td[data-part]')).toHaveCount(copying.data.length);
  const cell = page.locator('.weights td[data-part="7.2"]');
  const score = copying.data[7 * copying.dims[1].size + 2];
  await expect(cell).toHaveAccessibleName(`Head 7.2: ${signed(score)}`);
  await cell.focus();
  await page.keyboard.press('Enter');
  const { ov_best_from: from, ov_best_to: to } = await ask(page, { what: 'parameters', layer: 7, head: 2, top: 5 });
  const pair = page.locator('.head .both-ends li').first().locator('bdi');
  await expect(pair.nth(0)).toHaveAttribute('data-id', String(from.data[0]));
  await expect(pair.nth(1)).toHaveAttribute('data-id', String(to.data[0]));
  const n = q.dims[1].size;
  const row = q.data.slice((7 * copying.dims[1].size + 2) * n, (7 * copying.dims[1].size + 3) * n);
  const best = row.reduce(
    (/** @type {number} */ b, /** @type {number} */ v, /** @type {number} */ i) => (v > row[b] ? i : b),
    0,
  );
  const feeder = page.locator('.feeders button').first();
  await expect(feeder).toContainText(`${Math.floor(best / 4)}.${best % 4}`);

  const token = Number(await page.locator('.grid td.here bdi').getAttribute('data-id'));
  const { layer, neuron } = await ask(page, { what: 'promoters', token, neurons: 1 });
  const promoter = page.locator('.promoters button').first();
  await expect(promoter).toHaveText(`L${layer.data[0]}N${neuron.data[0]}`);
  await promoter.click();
  await expect(page.locator('.weights .neuron h4')).toHaveText(`Neuron L${layer.data[0]}N${neuron.data[0]}`);
  await feeder.click();
  await expect.poll(async () => (await experimentOf(page)).view.head).toBe(`${Math.floor(best / 4)}.${best % 4}`);
});

test('weights: names that heads repeat, and everything as published, without a norm', async ({ page }) => {
  await openAt(page, { sections: ['weights', 'memories'] });
  const plain = page.locator('.weights td[data-part="7.2"]');
  const before = await plain.locator('.unseen').textContent();
  await page.locator('.weights .gamma select').selectOption('without');
  const { copying } = await ask(page, { what: 'circuits', gamma: false });
  const score = copying.data[7 * copying.dims[1].size + 2];
  await expect(plain).toHaveAccessibleName(`Head 7.2: ${signed(score)}`);
  expect(before).not.toBe(`Head 7.2: ${signed(score)}`);
  expect((await experimentOf(page)).view.gamma).toBe(false);
  await expect(page.locator('.memories .gamma select')).toHaveValue('without');
  await page.locator('.weights select').first().selectOption('copied');
  const { names, copied } = await page.evaluate(async (texts) => {
    const { models } = window.logitLens.experiment;
    const run = async (/** @type {string} */ prompt, /** @type {object} */ read) => {
      const runs = { names: { model: 'm', prompt, bos: true } };
      const tables = await window.logitLens.run({ v: 1, models, runs, reads: [{ run: 'names', ...read }] });
      return Object.fromEntries(tables.map((t) => [t.name, [...t.data]]));
    };
    const single = []; // those that are one token
    for (const name of texts)
      if ((await run(name, { what: 'lens', rows: ['blocks.0.hook_resid_pre'] })).token.length === 2) single.push(name);
    return run(single.join(''), { what: 'copying', names: single });
  }, NAMES);
  await expect(page.locator('.weights')).toContainText(`The share of ${names.length} names`);
  // The head that repeats most of them: a share of 0 would be one of many.
  const best = copied.indexOf(Math.max(...copied));
  const { size: heads } = copying.dims[1];
  const part = `${Math.floor(best / heads)}.${best % heads}`;
  await expect(page.locator(`.weights td[data-part="${part}"]`)).toHaveAccessibleName(
    `Head ${part}: ${copied[best] === 1 ? '1' : copied[best].toFixed(2).replace(/^0/, '')}`,
  );
});

test('a link may say any nonsense of heads and neurons', async ({ page }) => {
  await openAt(page, { sections: ['memories', 'weights'], head: '99.1', neuron: 'L7N99999', by: { a: 1 }, of: [] });
  await expect(page.locator('.neurons > li')).toHaveCount(8);
  await expect(page.locator('.promoters li')).toHaveCount(9);
  await expect(page.locator('.head h4, .neuron h4')).toHaveCount(0);
});
