// The page's own engine: its client, its worker, its loader, and of its builds the one that the page takes.
import { startEngine } from '../../../web/src/engine/builds.js';
import { fetchBytes } from '../../../web/src/engine/loader.js';

/** @typedef {import("../../../web/src/engine/readout.js").Table} Table */

/** @type {(experiment: string) => Promise<Table[]>} */
let run;
let output = ''; // its row

/** @param {{threads: number, files: string[]}} options */
export async function load({ threads, files }) {
  const { client, ...engine } = await startEngine(new URL('/site/', location.href), {
    signal: new AbortController().signal,
    onDeath: (e) => console.error(e.message),
    threads,
  });
  if (engine.threads !== threads) return { unsupported: `${engine.threads} threads started` };
  const given = [];
  for (const name of files) {
    const url = new URL(`/models/${name}`, location.href);
    given.push({ name: name.split('/').at(-1) ?? '', bytes: await fetchBytes(url, { name }) });
  }
  const { n_layer } = await client.load('m', given);
  use(async (experiment) => (await client.run(experiment)) ?? [], n_layer);
}

/** The engine to ask, where it is not the page's. @param {typeof run} engine @param {number} nLayer */
export function use(engine, nLayer) {
  run = engine;
  output = `blocks.${nLayer - 1}.hook_resid_post`;
}

/** @param {number[]} ids @param {object} read @returns {Promise<Record<string, Table>>} */
async function read(ids, read) {
  const experiment = {
    v: 1,
    models: { m: 'm' },
    runs: { main: { model: 'm', ids } },
    reads: [{ what: 'lens', ...read }],
  };
  return Object.fromEntries((await run(JSON.stringify(experiment))).map((table) => [table.name, table]));
}

/** @param {number[]} ids */
export async function prefill(ids) {
  return { top: (await read(ids, { rows: [output], positions: [-1], top: 1 })).top_id.data.at(-1) ?? -1 };
}

/** @param {number[]} ids @param {number} tokens */
export async function decode(ids, tokens) {
  const all = [...ids, (await prefill(ids)).top];
  const started = performance.now();
  for (let i = 0; i < tokens; i++) all.push((await prefill(all)).top);
  return { ms: (performance.now() - started) / tokens };
}

/** @param {number[]} ids */
export async function lens(ids) {
  const { top_id, entropy } = await read(ids, { top: 10 });
  return { ids: top_id.data, entropy: entropy.data };
}
