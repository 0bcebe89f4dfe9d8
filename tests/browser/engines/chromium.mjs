// Chromium by Playwright's protocol.
import { existsSync } from 'node:fs';
import { chromium } from '@playwright/test';
import config from '../../playwright.config.mjs';

export const { executablePath = '', args = [] } = config.use?.launchOptions ?? {};

export const name = 'Chromium';

export const missing = () => (existsSync(executablePath) ? null : 'no chromium');

/** @returns {Promise<import('./engine.d.ts').Engine>} */
export async function launch() {
  const browser = await chromium.launch({ executablePath, args });
  const page = await browser.newPage();
  return {
    goto: async (address) => void (await page.goto(address)),
    evaluate: (ask, ...given) => page.evaluate(`(${ask})(...${JSON.stringify(given)})`),
    type: (text) => page.keyboard.type(text),
    press: (key) => page.keyboard.press(key),
    resize: (width, height) => page.setViewportSize({ width, height }),
    screenshot: async (path) => void (await page.screenshot({ path })),
    close: () => browser.close(),
  };
}
