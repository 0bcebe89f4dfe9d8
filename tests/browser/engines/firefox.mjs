// Firefox by puppeteer-core, which speaks WebDriver BiDi to it.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch as start } from 'puppeteer-core';

const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

export const name = 'Firefox';

export const missing = () => (existsSync(executablePath) ? null : 'no firefox-esr');

/** @returns {Promise<import('./engine.d.ts').Engine>} */
export async function launch() {
  // Firefox refuses a home that is another user's, as root's under sudo is.
  const home = mkdtempSync(join(tmpdir(), 'lens-firefox-'));
  const browser = await start({ browser: 'firefox', executablePath, env: { ...process.env, HOME: home } });
  const page = await browser.newPage();
  return {
    goto: async (address) => void (await page.goto(address)),
    evaluate: (ask, ...given) => /** @type {any} */ (page.evaluate(`(${ask})(...${JSON.stringify(given)})`)),
    type: (text) => page.keyboard.type(text),
    press: (key) => page.keyboard.press(/** @type {import('puppeteer-core').KeyInput} */ (key)),
    resize: (width, height) => page.setViewport({ width, height }),
    screenshot: async (path) => void (await page.screenshot({ path: /** @type {`${string}.png`} */ (path) })),
    close: async () => {
      await browser.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
