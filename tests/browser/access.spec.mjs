// axe-core finds nothing in any state of the page, light and dark.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { box, expect, experimentOf, linkOf, open, test } from './support.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** @typedef {import('@playwright/test').Page} Page */

// A state of the page: how to get there.
/** @type {Record<string, (page: Page) => Promise<unknown>>} */
const states = {
  'as it opens': open,
  'in a narrow window': async (page) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await open(page);
  },
  'with a cell chosen by the keyboard': async (page) => {
    await open(page);
    await page.locator('.grid td[tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowLeft');
  },
  'with the examples open': async (page) => {
    await open(page);
    await page.locator('.examples summary').click();
  },
  'with tokens pinned, and their chart': async (page) => {
    await open(page);
    await page.locator('.grid td[tabindex="0"]').focus();
    await page.keyboard.press('Enter');
    await expect(page.locator('.panel .pins tr')).not.toHaveCount(0);
    await expect(page.locator('.panel svg').first()).toBeVisible();
  },
  'with a pin being typed': async (page) => {
    await open(page);
    await page.getByRole('combobox', { name: 'Pin a token' }).fill('que');
    await expect(page.locator('pin-box').getByRole('option').first()).toBeVisible();
  },
  'with neurons and heads open': async (page) => {
    await open(page);
    const experiment = await experimentOf(page);
    const view = { ...experiment.view, sections: ['memories', 'weights'], neuron: 'L7N40', head: '7.2' };
    await open(page, linkOf({ ...experiment, view }));
    await expect(page.locator('.neuron h4')).toHaveCount(2);
    await expect(page.locator('.head .both-ends')).not.toHaveCount(0);
  },
  'with the menu of exports open': async (page) => {
    await open(page);
    await page.locator('lens-share summary').click();
  },
  'with text to be copied by hand': async (page) => {
    await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    await open(page);
    await page.locator('lens-share summary').click();
    await page
      .locator('lens-share')
      .getByRole('button', { name: /command/i })
      .click();
    await expect(page.getByRole('dialog')).toBeVisible();
  },
  'with every section of the panel open': async (page) => {
    await open(page);
    for (const summary of await page.locator('.section > summary').all()) await summary.click();
    await expect(page.locator('.head-map')).toHaveCount(3);
    await page.locator('.head-map').first().locator('td[data-part]').first().click();
    await expect(page.locator('.who .inside')).toBeVisible();
    await expect(page.locator('.attention canvas').first()).toBeVisible();
    await expect(page.locator('.writes tbody tr').first()).toBeVisible();
    await expect(page.locator('.compare tbody tr').first()).toBeVisible();
  },
  'on the projector': async (page) => {
    await page.setViewportSize({ width: 1920, height: 1080 });
    await open(page);
    await page.locator('.grid td[tabindex="0"]').focus();
    await page.keyboard.press('p');
    await expect(page.locator('[data-projector]')).toHaveCount(1);
    await page.keyboard.press('ArrowUp');
  },
  'on the projector, with a section': async (page) => {
    await page.setViewportSize({ width: 1920, height: 1080 });
    await open(page);
    await page.getByRole('heading', { name: 'Who wrote this?' }).click();
    await page.keyboard.press('p');
    await page.keyboard.press('End');
    await expect(page.locator('section-who .parts li').first()).toBeVisible();
  },
  'with its keys listed': async (page) => {
    await open(page);
    await page.locator('.grid td[tabindex="0"]').focus();
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
  },
  'with the about open': async (page) => {
    await open(page);
    await page.getByRole('button', { name: 'About the lens' }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
  },
  'with the model menu open, a model looked at': async (page) => {
    await open(page);
    await page.locator('button.model').click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Primer/ })
      .click();
    await expect(page.getByRole('dialog')).toContainText('It can be opened.');
  },
  'with a model refused': async (page) => {
    await open(page);
    await page.locator('button.model').click();
    await page.getByLabel('Another one of the hub').fill('no name');
    await page.getByRole('button', { name: 'Look', exact: true }).click();
    await expect(page.getByRole('dialog').locator('.problem')).toBeVisible();
  },
  'with hostile text': async (page) => {
    await open(page);
    await box(page).fill('<img src=x onerror=alert(1)> \u202e \ud83d\ude00 \u0301');
    await expect(page.locator('.chips')).toContainText('<');
    await expect(page.locator('.reading[data-busy]')).toHaveCount(0);
  },
  'with a prompt refused': async (page) => {
    await open(page);
    await box(page).fill('one '.repeat(5000));
    await expect(page.locator('.notice')).not.toBeEmpty();
  },
  'with a link refused': async (page) => {
    await open(page, '#hello');
    await expect(page.locator('.notice')).not.toBeEmpty();
  },
  'while the model is loading': async (page) => {
    await page.route(model, () => {});
    await page.goto('./');
    await expect(page.getByRole('progressbar')).toBeVisible();
  },
  'with the loading cancelled': async (page) => {
    await page.route(model, () => {});
    await page.goto('./');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expect(page.getByRole('button', { name: 'Load it' })).toBeVisible();
  },
  'when the model does not come': async (page) => {
    await page.route(model, (route) => route.fulfill({ status: 404, body: '' }));
    await page.goto('./');
    await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
  },
};
const model = /\.(safetensors|gguf)$/;

test.use({ expected: [/Failed to load resource/] });

for (const colorScheme of /** @type {const} */ (['light', 'dark']))
  for (const [name, arrange] of Object.entries(states))
    test(`${colorScheme}, ${name}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await arrange(page);
      await page.evaluate(axe);
      const violations = await page.evaluate(async () =>
        (await window.axe.run()).violations.map(
          ({ id, impact, nodes }) =>
            `${impact}: ${id}, ${nodes.length} times: ${nodes[0].html}\n${nodes[0].failureSummary}`,
        ),
      );
      expect(violations).toEqual([]);
    });
