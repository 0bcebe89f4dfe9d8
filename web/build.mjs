// Builds the static page:  node web/build.mjs --wasm build/wasm/wasm --out build/site [--models models] [--debug]
//   --wasm    where the builds of the engine lie, NAME.mjs and NAME.wasm: the first is bundled into the worker NAME.js,
//             the second is fetched by the page
//   --models  catalog.json, examples.json and the models' folders; the catalog goes out with every file's size added, the
//             hub's models in it stay where they are
import { appendFile, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { BUILDS } from './src/engine/builds.js';
import { pathOf } from './src/engine/loader.js';
import { record } from './src/engine/recorded.js';
import { Session } from './src/engine/session.js';
import { newExperiment } from './src/state/experiment.js';
import { scaleCss } from './src/style/scale.js';

const web = fileURLToPath(new URL('.', import.meta.url));
const { values } = parseArgs({
  options: {
    wasm: { type: 'string' },
    out: { type: 'string' },
    models: { type: 'string', default: join(web, '../models') },
    debug: { type: 'boolean', default: false },
  },
});
if (!values.wasm || !values.out) {
  console.error('usage: node web/build.mjs --wasm DIR --out DIR [--models DIR] [--debug]');
  process.exit(2);
}
const [wasm, out, models] = [values.wasm, values.out, values.models].map((dir) => resolve(dir));

await rm(out, { recursive: true, force: true });
await mkdir(join(out, 'models'), { recursive: true });

/**
 * A build's own script as a part of its worker. What it asks of Node, it asks only there; its threads start from the worker.
 * @param {string} name
 * @returns {import('esbuild').Plugin}
 */
const engine = (name) => ({
  name: 'engine',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^#lens$/ }, () => ({ path: join(wasm, `${name}.mjs`), namespace: 'engine' }));
    onLoad({ filter: /.*/, namespace: 'engine' }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(`${name}.mjs`, `${name}.js`),
    }));
    onResolve({ filter: /^(node:)?(module|fs|path|url|worker_threads)$/ }, ({ path }) => ({ path, namespace: 'node' }));
    onLoad({ filter: /.*/, namespace: 'node' }, () => ({
      contents: 'export const createRequire = () => () => ({})',
    }));
  },
});

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  minify: !values.debug,
  sourcemap: values.debug ? 'inline' : false,
  target: ['chrome109', 'firefox115', 'safari16.4'],
  legalComments: 'none',
  loader: { '.py': 'text' },
  logLevel: 'warning',
};
await Promise.all([
  build({
    ...common,
    entryPoints: { app: join(web, 'src/main.js'), page: join(web, 'src/style/page.css') },
    outdir: out,
    format: 'esm',
    splitting: true, // what the page imports when it first needs it
    chunkNames: '[name]-[hash]',
  }),
  ...BUILDS.flatMap((name) => [
    build({
      ...common,
      entryPoints: { [name]: join(web, 'src/engine/worker.js') },
      outdir: out,
      format: 'esm',
      plugins: [engine(name)],
    }),
    cp(join(wasm, `${name}.wasm`), join(out, `${name}.wasm`)),
  ]),
  build({ ...common, entryPoints: { sw: join(web, 'src/sw.js') }, outdir: out, format: 'iife' }),
  cp(join(web, 'index.html'), join(out, 'index.html')),
  cp(join(web, 'src/style/icon.svg'), join(out, 'icon.svg')),
  copyModels(),
]);
// Computed here, so that no page has to before its first drawing.
await appendFile(join(out, 'page.css'), scaleCss());
await recordFirst();

async function copyModels() {
  /** @type {import("./src/engine/loader.js").Catalog} */
  const catalog = JSON.parse(await readFile(join(models, 'catalog.json'), 'utf8'));
  const copied = async (/** @type {string} */ file) => cp(join(models, file), join(out, 'models', file));
  for (const entry of Object.values(catalog)) {
    if (!entry.files) {
      for (const file of [entry.tensors, entry.published]) if (file) await copied(file);
      continue;
    }
    entry.bytes = {};
    await mkdir(join(out, 'models', entry.path), { recursive: true });
    for (const file of entry.files) {
      const from = join(models, entry.path, file);
      entry.bytes[file] = (await stat(from)).size;
      await cp(from, join(out, 'models', entry.path, file));
    }
    for (const file of [entry.counts, entry.lens_scores, ...Object.values(entry.lenses ?? {})]) {
      if (!file) continue;
      entry.bytes[file] = (await stat(join(models, file))).size;
      await copied(file);
    }
  }
  await writeFile(join(out, 'models/catalog.json'), `${JSON.stringify(catalog, null, 2)}\n`);
  await cp(join(models, 'examples.json'), join(out, 'models/examples.json'));
}

/** What the page shows until its engine is there: the first example, answered by the engine that goes out with it. */
async function recordFirst() {
  /** @type {import("./src/engine/loader.js").Catalog} */
  const catalog = JSON.parse(await readFile(join(models, 'catalog.json'), 'utf8'));
  const [example] = JSON.parse(await readFile(join(models, 'examples.json'), 'utf8'));
  const [ref, entry] = Object.entries(catalog)[0];
  if (!entry.files) throw new Error('the catalog begins with a model that lies beside it');
  const { title, about, path, files, bos } = entry;
  const { default: createLens } = await import(pathToFileURL(join(wasm, 'lens.mjs')).href);
  const module = await createLens({ wasmBinary: await readFile(join(wasm, 'lens.wasm')) });
  const session = new Session(new module.Engine(), async () => {});
  const bytes = await Promise.all(files.map((name) => readFile(join(models, path, name))));
  const info = must(
    session.load(
      ref,
      files.map((name, i) => ({ name, bytes: bytes[i] })),
    ),
  );
  const experiment = newExperiment(ref, example?.prompt ?? '', bos);
  const outcome = must(await session.run(JSON.stringify(experiment), null, null));
  if (!('tables' in outcome)) throw new Error('an Experiment without a lane is never superseded');
  const vocabulary = info.has_tokenizer ? must(session.vocabulary(ref)) : null;
  const recorded = record({
    experiment,
    model: { title, about, file: pathOf(entry), lenses: ['raw', ...Object.keys(entry.lenses ?? {})], info },
    vocabulary,
    tables: outcome.tables,
  });
  await writeFile(join(out, 'models/recorded.json'), `${JSON.stringify(recorded)}\n`);
}

/**
 * @template T
 * @param {import("./src/engine/session.js").Result<T>} result
 * @returns {T}
 */
function must({ ok, error }) {
  if (error) throw new Error(`the first example cannot be recorded: ${error.message}`);
  return /** @type {T} */ (ok);
}
