// The model menu, as tests use it.
import { box, expect, expectColumns } from './support.mjs';

/** @typedef {import('@playwright/test').Page} Page */

export const dialog = (/** @type {Page} */ page) => page.getByRole('dialog', { name: 'Models' });
export const chip = (/** @type {Page} */ page) => page.locator('button.model');

/** @param {Page} page @param {string} name */
export async function look(page, name) {
  if (!(await dialog(page).isVisible())) await chip(page).click();
  await dialog(page).getByLabel('Another one of the hub').fill(name);
  await dialog(page).getByRole('button', { name: 'Look', exact: true }).click();
}

/** @param {Page} page */
export const openIt = (page) =>
  dialog(page)
    .getByRole('button', { name: /^Open it/ })
    .click();

/** @param {Page} page */
export async function stillWorks(page) {
  await expect(chip(page)).toHaveText(/^Primer/);
  await page.keyboard.press('Escape');
  await box(page).fill('The king');
  await expectColumns(page, ['The', '·king']);
}
