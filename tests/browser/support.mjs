// What every browser test asks of the page, whatever else it tests: no word on the console, no violation of the
// content security policy, no request to another origin.
import { test as base, expect as patient } from '@playwright/test';

// A busy machine may take its time.
export const expect = patient.configure({ timeout: 20_000 });

/** @typedef {import('@playwright/test').Page} Page */

/** @type {import('@playwright/test').TestType<import('@playwright/test').PlaywrightTestArgs & import('@playwright/test').PlaywrightTestOptions & {expected: RegExp[]}, import('@playwright/test').PlaywrightWorkerArgs & import('@playwright/test').PlaywrightWorkerOptions>} */
export const test = base.extend(
  /** @type {any} */ ({
    // Console errors that a test brings about on purpose.
    expected: [[], { option: true }],
    page: async (/** @type {any} */ { page, expected, baseURL }, /** @type {any} */ use) => {
      /** @type {string[]} */
      const wrong = [];
      page.on('console', (/** @type {import('@playwright/test').ConsoleMessage} */ m) => {
        if (!['error', 'warning'].includes(m.type())) return;
        if (!expected.some((/** @type {RegExp} */ e) => e.test(m.text()))) wrong.push(`${m.type()}: ${m.text()}`);
      });
      page.on('pageerror', (/** @type {Error} */ e) => wrong.push(`uncaught: ${e.message}`));
      page.on('dialog', (/** @type {import('@playwright/test').Dialog} */ d) => {
        wrong.push(`dialog: ${d.message()}`);
        d.dismiss();
      });
      const hosts = new Set();
      page.on('request', (/** @type {import('@playwright/test').Request} */ r) => hosts.add(new URL(r.url()).hostname));
      await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (e) =>
          console.error(`CSP: ${e.violatedDirective} ${e.sample}`),
        );
      });
      await use(page);
      expect(wrong).toEqual([]);
      expect([...hosts].filter((h) => h !== new URL(baseURL ?? 'http://127.0.0.1').hostname)).toEqual([]);
    },
  }),
);

/** Opens the page and waits for its first grid. @param {Page} page @param {string} [address] */
export async function open(page, address = '') {
  await page.goto(`./${address}`);
  await page.evaluate(() => window.logitLens.ready);
  await expect(page.locator('.grid td.here')).toBeVisible();
}

/** The prompt's box. @param {Page} page */
export const box = (page) => page.getByRole('textbox', { name: 'Prompt' });

/** The tokens, without the one that only opens the text. @param {Page} page */
export const columns = (page) =>
  page
    .locator('.chips li:not(.bos)')
    .allInnerTexts()
    .then((t) => t.map((x) => x.trim()));

/** Waits until the grid's columns are these. @param {Page} page @param {string[]} tokens */
export async function expectColumns(page, tokens) {
  await expect.poll(() => columns(page)).toEqual(tokens);
}

/** An Experiment as a link. @param {object} experiment */
export const linkOf = (experiment) => `#${encodeURIComponent(JSON.stringify(experiment))}`;

/** @param {Page} page @returns {Promise<any>} */
export const experimentOf = (page) => page.evaluate(() => window.logitLens.experiment);

/** A number as the page writes what something adds. @param {number} z */
export function signed(z) {
  const size = Math.abs(z).toFixed(2);
  return size === '0.00' ? '0' : `${z < 0 ? '−' : '+'}${size.replace(/^0/, '')}`;
}
