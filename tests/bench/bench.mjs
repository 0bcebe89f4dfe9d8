// The half of the harness that runs in Node: a browser of its own for each contestant and number of threads. Called by
// ./run, which says what the variables mean.
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { build } from 'esbuild';
import { fileServer } from '../../web/serve.mjs';
import { JOBS } from './jobs.mjs';
import { limitsText } from './limits.mjs';
import { cpu, moment, othersCores, rendererPeak } from './machine.mjs';
import { addShares, isDisturbed } from './results.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { BENCH_CACHE: cache = '', CHROMIUM = '/usr/bin/chromium', OUT, ONLY, QUICK, SKIP_LIMITS } = process.env;
const only = new RegExp(ONLY ?? '');
const threadCounts = (process.env.THREADS ?? '1,2').split(',').map(Number);
const jobs = process.env.JOBS?.split(',') ?? Object.keys(JOBS);
const EFFORT = QUICK ? { reps: 3, budget_ms: 0 } : { reps: 15, budget_ms: 3000 };
const READ_BYTES = 500e6; // what one pass over F32 weights reads, far beyond any cache
/** @type {import("./page.mjs").ContestantSpec[]} */
const contestants = JSON.parse(readFileSync(join(here, 'contestants.json'), 'utf8'));

// ---- The page ----

await buildPage();
const server = fileServer(cache);
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

/** All that the browser asks for lies in the cache folder: page/ and site/ made anew, models/ and node_modules/ kept. */
async function buildPage() {
  const page = join(cache, 'page');
  rmSync(page, { recursive: true, force: true });
  mkdirSync(page);
  await build({
    entryPoints: ['page.mjs', 'limits_worker.js', 'adapters/*.mjs'].map((name) => join(here, name)),
    ...{ outdir: page, bundle: true, splitting: true, format: 'esm', target: 'es2024', logLevel: 'warning' },
  });
  cpSync(join(here, 'page.html'), join(page, 'index.html'));
  const wabt = await createRequire(join(cache, 'node_modules/'))('wabt')();
  const text = wabt.parseWat('limits.wat', limitsText(), { simd: true, relaxed_simd: true });
  writeFileSync(join(page, 'limits.wasm'), text.toBinary({}).buffer);
  rmSync(join(cache, 'site'), { force: true });
  symlinkSync(join(here, '../../build/site'), join(cache, 'site'));
}

/** @type {import("playwright-core").Browser | undefined} */
let browser;
async function freshPage() {
  await browser?.close();
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...['--disable-gpu', '--disable-background-networking', '--disable-component-update'],
      '--enable-blink-features=ForceEagerMeasureMemory', // memory is told at once, not after a minute
    ],
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(600_000);
  page.on('pageerror', (e) => console.error(`  the page: ${e.message}`));
  if (process.env.VERBOSE) page.on('console', (message) => console.error(`  the page: ${message.text()}`));
  await page.goto(`http://127.0.0.1:${port}/page/`);
  await page.waitForFunction('window.bench');
  /** @type {(verb: string, ...args: any[]) => Promise<any>} */
  return (verb, ...args) =>
    page.evaluate(({ verb, args }) => /** @type {any} */ (window).bench[verb](...args), { verb, args });
}

// ---- Measuring ----

/** @type {import("./results.mjs").Results} */
const results = {
  date: new Date().toISOString(),
  machine: { cpu: cpu(), cores: cpus().length },
  versions: { Chromium: '' },
  ...{ best_calibration: 0, limits: {}, contestants: {} },
};

/** The better of two passes counts, one at either end of the run. */
async function measureLimits() {
  if (SKIP_LIMITS) return;
  for (const threads of threadCounts) {
    const bench = await freshPage();
    results.limits[threads] ??= {};
    const kept = results.limits[threads];
    for (const [name, found] of Object.entries(await bench('limits', threads, READ_BYTES))) {
      if (!(kept[name]?.median > found.median)) kept[name] = found;
      console.error(`limit of ${threads} threads: ${name} ${found.median.toFixed(1)} ${found.unit}`);
    }
  }
}

/** @param {Awaited<ReturnType<typeof freshPage>>} bench @param {string} job */
async function measure(bench, job) {
  const since = moment();
  const outcome = await bench('measure', job, EFFORT);
  if (outcome.unsupported) return outcome;
  outcome.others_cores = othersCores(since);
  results.best_calibration = Math.max(results.best_calibration, ...outcome.calibration);
  return outcome;
}

/** @param {import("./page.mjs").ContestantSpec} spec @param {number} threads */
async function measureContestant(spec, threads) {
  const bench = await freshPage();
  results.versions.Chromium = browser?.version() ?? '';
  /** @type {import("./results.mjs").Contestant} */
  const found = { results: {} };
  const loaded = await bench('load', spec, threads);
  if (loaded.unsupported) return { ...found, unsupported: loaded.unsupported };
  found.load_ms = loaded.ms;
  for (const job of jobs) {
    let outcome = await measure(bench, job);
    if (outcome.median && isDisturbed(outcome, results.best_calibration) && !QUICK) {
      const again = await measure(bench, job);
      if (again.median < outcome.median) outcome = again;
    }
    found.results[job] = outcome;
    const told = outcome.unsupported ?? `${outcome.median.toFixed(1)} ms ${JSON.stringify(outcome.check)}`;
    console.error(`${spec.name}, ${threads} threads: ${job} ${told}`);
  }
  const bytes = await bench('memory');
  found.memory = { renderer_peak_MB: rendererPeak(), held_MB: bytes && bytes / 1e6 };
  return found;
}

for (const name of ['onnxruntime-web', '@wllama/wllama'])
  results.versions[name] = JSON.parse(readFileSync(join(cache, 'node_modules', name, 'package.json'), 'utf8')).version;
await measureLimits();
for (const spec of contestants.filter(({ name }) => only.test(name))) {
  results.contestants[spec.name] = { weights: spec.weights, by_threads: {} };
  for (const threads of threadCounts) {
    const found = await measureContestant(spec, threads).catch((e) => ({ results: {}, error: String(e.message ?? e) }));
    if ('error' in found) console.error(`${spec.name}, ${threads} threads: ${found.error}`);
    results.contestants[spec.name].by_threads[threads] = found;
  }
}
await measureLimits();
await browser?.close();
server.close();

for (const { by_threads } of Object.values(results.contestants))
  for (const { results: outcomes } of Object.values(by_threads))
    for (const outcome of Object.values(outcomes))
      if ('median' in outcome) outcome.disturbed = isDisturbed(outcome, results.best_calibration);
addShares(results);
const rounded = (/** @type {string} */ _, /** @type {unknown} */ value) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
const json = `${JSON.stringify(results, rounded, 1)}\n`;
if (OUT) writeFileSync(OUT, json);
else process.stdout.write(json);
