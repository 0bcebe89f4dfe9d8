// llama.cpp, as @wllama/wllama ships it, in Chromium: the log-probabilities of what comes after a prompt.
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { fileServer } from '../../web/serve.mjs';

/** @typedef {{n_token: number, top: {id: number, logprob: number}[]}} Next */

const ESM = 'node_modules/@wllama/wllama/esm/';

/** @param {string} packages folder with node_modules @param {string} models folder @param {string} root an own one */
export async function llama(packages, models, root) {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  symlinkSync(join(packages, 'node_modules'), join(root, 'node_modules'));
  symlinkSync(models, join(root, 'models'));
  writeFileSync(join(root, 'index.html'), '<!doctype html><title>llama.cpp</title>');
  const server = fileServer(root);
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--disable-background-networking'],
  });

  return {
    /** @param {string} file below `models` @param {string[]} prompts @param {number} n @returns {Promise<Next[]>} */
    async next(file, prompts, n) {
      const page = await browser.newPage();
      page.setDefaultTimeout(300_000);
      await page.goto(`http://127.0.0.1:${port}/`);
      try {
        return await page.evaluate(
          async ({ esm, file, prompts, n }) => {
            const { Wllama } = await import(`${esm}index.js`);
            const silent = { debug() {}, log() {}, warn() {}, error: console.error };
            const wllama = new Wllama(
              { default: `${esm}wasm/wllama.wasm` },
              { suppressNativeLog: true, logger: silent },
            );
            const blob = await (await fetch(`models/${file}`)).blob();
            await wllama.loadModel([blob], { n_threads: 1, n_gpu_layers: 0, n_ctx: 64, n_parallel: 1, warmup: false });
            const found = [];
            for (const prompt of prompts) {
              const { choices, usage } = await wllama.createCompletion({
                ...{ prompt, max_tokens: 1, temperature: 0, samplers: ['top_k'], top_k: 1 },
                ...{ cache_prompt: false, ignore_eos: true, logprobs: n },
              });
              const top = choices[0].logprobs.content[0].top_logprobs;
              found.push({
                n_token: usage.prompt_tokens,
                top: top.map((/** @type {any} */ t) => ({ id: t.id, logprob: t.logprob })),
              });
            }
            await wllama.exit();
            return found;
          },
          { esm: `/${ESM}`, file, prompts, n },
        );
      } finally {
        await page.close();
      }
    },
    async end() {
      await browser.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** @param {string} packages */
export const hasLlama = (packages) =>
  existsSync(join(packages, ESM)) && existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium');
