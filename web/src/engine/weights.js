// Tables of readings of memories and weights → lists of what they hold.

/**
 * @typedef {import('./readout.js').Table} Table
 * @typedef {{id: number, logit: number}} Token
 * @typedef {{promoted: Token[], suppressed: Token[]}} Ends
 * @typedef {{layer: number, neuron: number, logit: number}} Promoter
 * @typedef {{from: number, to: number, score: number}} Pair
 * @typedef {{neuron: number, activation: number, weight: number, effect: number, explained: number} & Ends} Memory
 */

// What Wang's score is counted over, as far as each is one token with its space.
export const NAMES =
  'Mary John Tom James Sarah Michael David Emma Alice Peter George Henry Anna William Charles Jack Kate Paul Robert Laura'
    .split(' ')
    .map((name) => ` ${name}`);

/** The tables of one read by name. @param {Table[]} tables @param {number} [read] */
export function byName(tables, read = 0) {
  return Object.fromEntries(tables.filter((t) => t.read === read).map((t) => [t.name, t]));
}

/** Both ends of the i-th direction. @param {Record<string, Table>} tables @param {string} prefix @param {number} [i] @returns {Ends} */
export function endsOf(tables, prefix, i = 0) {
  const list = (/** @type {string} */ side) => {
    const ids = tables[`${prefix}${side}_id`];
    const n = ids.dims[ids.dims.length - 1].size;
    return Array.from({ length: n }, (_, k) => ({
      id: ids.data[i * n + k],
      logit: tables[`${prefix}${side}_logit`].data[i * n + k],
    }));
  };
  return { promoted: list('promoted'), suppressed: list('suppressed') };
}

/** Those of a memories read, in its order. @param {Record<string, Table>} tables @returns {Memory[]} */
export function memoriesOf(tables) {
  const { neuron, activation, weight, effect, explained } = tables;
  return Array.from(neuron.data, (n, i) => ({
    neuron: n,
    activation: activation.data[i],
    weight: weight.data[i],
    effect: effect.data[i],
    explained: explained.data[i],
    ...endsOf(tables, '', i),
  }));
}

/** @param {Record<string, Table>} tables @returns {Promoter[]} */
export function promotersOf({ layer, neuron, logit }) {
  return Array.from(layer.data, (l, i) => ({ layer: l, neuron: neuron.data[i], logit: logit.data[i] }));
}

/** @param {Record<string, Table>} tables @param {'ov' | 'qk'} circuit @param {'best' | 'worst'} end @returns {Pair[]} */
export function pairsOf(tables, circuit, end) {
  const of = (/** @type {string} */ what) => tables[`${circuit}_${end}_${what}`].data;
  const [from, to, score] = [of('from'), of('to'), of('score')];
  return Array.from(from, (id, i) => ({ from: id, to: to[i], score: score[i] }));
}

/**
 * The heads in lower blocks whose output one head reads most, by one of its parts.
 * @param {Record<string, Table>} tables @param {'q' | 'k' | 'v'} part @param {number} second @param {number} n
 */
export function feedersOf(tables, part, second, n) {
  const { data, dims } = tables[`${part}_composition`];
  const heads = dims[1].size;
  const row = data.subarray(second * heads, (second + 1) * heads);
  return Array.from(row, (score, first) => ({ first, score }))
    .filter(({ score }) => Number.isFinite(score))
    .sort((a, b) => b.score - a.score)
    .slice(0, n);
}
