// Figures from measurements: medians, shares of the machine's limits, and the tables in Markdown.
import { JOBS, operations, WEIGHTS_READ } from './jobs.mjs';

/**
 * @typedef {{median: number, min: number, max: number, reps: number}} Summary
 * @typedef {{top1: number, of: number, entropy_diff?: number}} Check  right top-1 tokens among how many, and the largest |Δ entropy| in nats
 * @typedef {Summary & {check?: Check | null, check_own?: Check | null, calibration: number[], others_cores?: number | null,
 *   disturbed?: boolean, gops?: number, share?: number, GBps?: number}} Measurement
 * @typedef {Measurement | {unsupported: string} | {error: string}} Outcome
 * @typedef {{load_ms?: number, error?: string, unsupported?: string, results: Record<string, Outcome>,
 *   memory?: {renderer_peak_MB: number, held_MB: number | null}}} Contestant
 * @typedef {Record<string, {median: number, unit: string}>} Limits
 * @typedef {{date: string, machine: {cpu: string, cores: number}, versions: Record<string, string>, best_calibration: number,
 *   limits: Record<string, Limits>, contestants: Record<string, {weights: string, by_threads: Record<string, Contestant>}>}} Results
 */

/** @param {number[]} values @returns {Summary} */
export function summary(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1], reps: sorted.length };
}

/**
 * An answer against models.py's numbers of the same prompt, or of a longer one that begins with it.
 * @param {{ids?: ArrayLike<number | bigint>, entropy?: ArrayLike<number>, top?: number, topText?: string}} answer
 * @param {{top: number[][], entropy: number[][], text: string[]}} expected by [row][position]; text: of the output's top tokens
 * @param {number} positions
 * @returns {Check | null}
 */
export function check({ ids, entropy, top, topText }, expected, positions) {
  const last = positions - 1;
  if (top !== undefined) return { top1: Number(top === expected.top.at(-1)?.[last]), of: 1 };
  if (topText !== undefined) return { top1: Number(topText === expected.text[last]), of: 1 };
  if (!ids || !entropy) return null;
  const of = expected.top.length * positions;
  const found = { top1: 0, of, entropy_diff: 0 };
  for (const [row, tops] of expected.top.entries())
    for (let p = 0; p < positions; p++) {
      const cell = row * positions + p;
      if (Number(ids[(cell * ids.length) / of]) === tops[p]) found.top1++;
      const off = Math.abs(entropy[cell] - expected.entropy[row][p]);
      found.entropy_diff = Math.max(found.entropy_diff, off);
    }
  return found;
}

/** Somebody else had the machine: more than a quarter of a core, or the calibration well below the run's best. @param {Measurement} m @param {number} bestCalibration */
export const isDisturbed = ({ others_cores, calibration }, bestCalibration) =>
  (others_cores ?? 0) > 0.25 || Math.min(...calibration) < 0.85 * bestCalibration;

/** Bytes of a weight as stored. @type {Record<string, number>} */
const BYTES = { f32: 4, q8_0: 34 / 32, i8: 1 };
/** The micro-kernels whose best is the limit of weights of a type. @type {Record<string, string[]>} */
const LIMITS = { f32: ['f32_mul_add', 'f32_madd'], q8_0: ['q8_0_dot'], i8: ['i8_dot'] };

/** Adds rates and shares of what the machine can do: of arithmetic, for decode of memory. @param {Results} results */
export function addShares({ contestants, limits }) {
  for (const { weights, by_threads } of Object.values(contestants))
    for (const [threads, { results }] of Object.entries(by_threads))
      for (const [name, outcome] of Object.entries(results)) {
        if (!('median' in outcome)) continue;
        const limit = limits[threads];
        outcome.gops = operations(JOBS[name]) / outcome.median / 1e6;
        if (JOBS[name].method === 'decode') {
          outcome.GBps = (WEIGHTS_READ * BYTES[weights]) / outcome.median / 1e6;
          if (limit?.read) outcome.share = outcome.GBps / limit.read.median;
        } else if (limit) outcome.share = outcome.gops / Math.max(...LIMITS[weights].map((k) => limit[k]?.median ?? 0));
      }
}

/** @param {number | undefined} x */
const short = (x) => (x === undefined ? '–' : x >= 100 ? x.toFixed(0) : x.toPrecision(3));
/** @param {Outcome | undefined} outcome */
const cell = (outcome) => {
  if (!outcome) return '';
  if (!('median' in outcome)) return 'error' in outcome ? 'error' : '–';
  const share = outcome.share ? ` (${Math.round(100 * outcome.share)}%)` : '';
  return short(outcome.median) + share + (outcome.disturbed ? '\\*' : '');
};
/** @param {string[]} head @param {string[][]} rows */
const markdown = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
/** @param {Check | null | undefined} found */
const verdict = (found) =>
  !found
    ? '–'
    : `${found.of === 1 ? ['wrong', 'right'][found.top1] : `${((100 * found.top1) / found.of).toFixed(1)}%`}` +
      (found.entropy_diff === undefined ? '' : `, ${found.entropy_diff.toExponential(1)}`);

/** @param {Results} results */
export function tables({ date, machine, versions, best_calibration, contestants, limits }) {
  const rows = Object.entries(contestants).flatMap(([name, { weights, by_threads }]) =>
    Object.entries(by_threads).map(([threads, c]) => ({ name, weights, threads, ...c })),
  );
  const jobs = Object.keys(JOBS).filter((job) => rows.some(({ results }) => job in results));
  const kernels = [...new Set(Object.values(limits).flatMap(Object.keys))];
  const versionList = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const best = /** @param {typeof rows[0]} row @param {'check' | 'check_own'} key */ (row, key) =>
    ['lens64', 'lens16', 'prefill64', 'prefill16']
      .map((job) => row.results[job])
      .map((outcome) => (outcome && 'median' in outcome ? outcome[key] : null))
      .find((found) => found);
  return [
    `${date.slice(0, 16).replace('T', ' ')} UTC; ${machine.cores} cores, ${machine.cpu}; ${versionList.join(', ')}; ` +
      `calibration ${short(best_calibration)} GFLOP/s.`,
    'Median milliseconds (decode32: a token), in brackets the share of what the machine can do: of the best micro-kernel ' +
      'for such weights, of decode the streaming rate. \\*: disturbed.',
    markdown(
      ['contestant', 'threads', ...jobs, 'load', 'peak MB', 'held MB'],
      rows.map(({ name, threads, results, load_ms, memory }) => [
        ...[name, threads],
        ...jobs.map((job) => cell(results[job])),
        ...[short(load_ms), short(memory?.renderer_peak_MB), short(memory?.held_MB ?? undefined)],
      ]),
    ),
    markdown(
      ['limit', ...Object.keys(limits).map((threads) => `${threads} threads`)],
      kernels.map((k) => [
        k,
        ...Object.values(limits).map((limit) => (limit[k] ? `${short(limit[k].median)} ${limit[k].unit}` : '')),
      ]),
    ),
    'Top-1 right, largest entropy error in nats, against float64 with the F32 weights and with the weights as stored ' +
      '(lens where there is one, else the last token of prefill):',
    markdown(
      ['contestant', 'F32', 'as stored'],
      rows
        .filter(({ threads }) => threads === '1')
        .map((row) => [row.name, verdict(best(row, 'check')), verdict(best(row, 'check_own'))]),
    ),
  ].join('\n\n');
}
