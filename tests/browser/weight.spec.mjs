// What has to come before the page is seen.
import { expect, test } from './support.mjs';

test('little comes before the model: page, style and scripts are under 150 kB, and nothing is pushed about', async ({
  page,
}) => {
  /** @type {import('@playwright/test').Request[]} */
  const requests = [];
  page.on('request', (r) => requests.push(r));
  await page.goto('./');
  await page.evaluate(() => window.logitLens.ready);
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  const shift = await page.evaluate(() =>
    new Promise((/** @type {(sum: number) => void} */ tell) =>
      new PerformanceObserver((list) =>
        tell(list.getEntries().reduce((sum, e) => sum + /** @type {any} */ (e).value, 0)),
      ).observe({ type: 'layout-shift', buffered: true }),
    ).catch(() => 0),
  );
  const model = requests.findIndex((r) => /models\/.*\.gguf$/.test(r.url()));
  expect(model).toBeGreaterThan(0);
  const sizes = await Promise.all(
    requests.slice(0, model).map(async (r) => ({
      type: r.resourceType(),
      bytes: await r.sizes().then((s) => s.responseBodySize + s.responseHeadersSize),
    })),
  );
  const sum = (/** @type {string[]} */ types) =>
    sizes.filter((s) => types.includes(s.type)).reduce((a, s) => a + s.bytes, 0);
  const code = sum(['document', 'stylesheet', 'script']);
  const all = sizes.reduce((a, s) => a + s.bytes, 0);
  console.log(
    `measured: ${(code / 1e3).toFixed(0)} kB of page, style and scripts before the model, ${(all / 1e3).toFixed(0)} kB with the engine; first paint after ${paint.toFixed(0)} ms; layout shift ${shift.toFixed(3)}`,
  );
  expect(shift).toBeLessThan(0.05);
  expect(code).toBeGreaterThan(10_000);
  expect(code).toBeLessThan(150_000);
});
