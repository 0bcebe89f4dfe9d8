// What a cell can be coloured by, as one table: each measure knows its value, its place on a fixed scale, how it is
// written and what it asks of the shown read. Pinned tokens and sets add their own. Colour, number, legend and map
// all read from here.
//
// A warm measure is lit where the model has decided (probability, rank), a cool one where it has not (nats of
// entropy, divergence, surprise); unlit is the page itself on both.
import { measures as words } from '../strings.js';
import { formatNats, formatProb, formatRank } from './format.js';

/**
 * @typedef {Pick<import("../state/conductor.js").Drawing, "readout" | "model">} Drawing
 * @typedef {import("../style/scale.js").Hue} Hue
 *
 * @typedef {object} Scale
 * @property {Hue} hue
 * @property {(value: number, vocabulary: number) => number} share   of the scale, 0 = unlit; NaN where there is no value
 * @property {(vocabulary: number) => number[]} ticks                values, evenly spaced along the scale
 * @property {(value: number) => string} format
 * @property {(value: number) => string} label                       of a tick
 *
 * @typedef {object} Measure
 * @property {string} key                  as the Experiment's view.colour names it
 * @property {Scale} scale
 * @property {(drawing: Drawing, row: number, position: number) => number} value  NaN where there is none
 * @property {object} [asks]               keys of the read that it needs
 * @property {number} [token]              the token it is about
 * @property {string} [set]                the set it is about
 */

/** @type {Scale} */
const probability = {
  hue: 'warm',
  share: clamp,
  ticks: () => [0, 0.25, 0.5, 0.75, 1],
  format: formatProb,
  label: (p) => String(p).replace(/^0\./, '.'),
};

/** Rank 1 is lit, the last of the vocabulary is not, evenly by order of magnitude. @type {Scale} */
export const byRank = {
  hue: 'warm',
  share: (rank, vocabulary) => (rank >= 1 ? clamp(1 - Math.log(rank) / Math.log(Math.max(2, vocabulary))) : Number.NaN),
  ticks: (vocabulary) => [1, 0.75, 0.5, 0.25, 0].map((power) => Math.round(vocabulary ** power)),
  format: formatRank,
  label: formatRank,
};

/** @param {(vocabulary: number) => number} most @returns {Scale} */
const nats = (most) => ({
  hue: 'cool',
  share: (value, vocabulary) => clamp(value / most(vocabulary)),
  ticks: (vocabulary) => [0, 0.25, 0.5, 0.75, 1].map((share) => share * most(vocabulary)),
  format: formatNats,
  label: (value) => String(Number(value.toFixed(1))),
});
const tenNats = nats(() => 10);

/** @type {Measure[]} */
const MEASURES = [
  { key: 'answer', scale: probability, value: ({ readout }, row, p) => readout.answerProb(row, p) },
  { key: 'top', scale: probability, value: ({ readout }, row, p) => readout.topProb(row, p) },
  { key: 'rank', scale: byRank, value: ({ readout }, row, p) => readout.answerRank(row, p) },
  { key: 'entropy', scale: nats(Math.log), value: ({ readout }, row, p) => readout.entropy(row, p) },
  { key: 'kl', scale: tenNats, value: ({ readout }, row, p) => readout.kl(row, p) },
  { key: 'surprisal', scale: tenNats, value: ({ readout }, row, p) => readout.surprisal(row, p) },
  {
    key: 'change',
    scale: tenNats,
    value: ({ readout }, row, p) => readout.change(row, p),
    asks: { change: true },
  },
];

/**
 * Every measure of a drawing: the fixed ones, then two for each pinned token and one for each set.
 * @param {Drawing} drawing
 * @returns {Measure[]}
 */
export function measuresOf({ readout }) {
  return [
    ...MEASURES,
    ...readout.track.flatMap((token, i) => [
      {
        key: `token ${token}`,
        token,
        scale: probability,
        value: (/** @type {Drawing} */ d, /** @type {number} */ row, /** @type {number} */ p) =>
          d.readout.trackGuess(row, p, i).prob,
      },
      {
        key: `rank ${token}`,
        token,
        scale: byRank,
        value: (/** @type {Drawing} */ d, /** @type {number} */ row, /** @type {number} */ p) =>
          d.readout.trackGuess(row, p, i).rank,
      },
    ]),
    ...readout.sets.map((set, i) => ({
      key: `set ${set}`,
      set,
      scale: probability,
      value: (/** @type {Drawing} */ d, /** @type {number} */ row, /** @type {number} */ p) =>
        d.readout.setProb(row, p, i),
    })),
  ];
}

/** The measure that a view names, or the first. @param {Drawing} drawing @param {unknown} key @returns {Measure} */
export function measureNamed(drawing, key) {
  return measuresOf(drawing).find((m) => m.key === key) ?? MEASURES[0];
}

/** The patch of the read that goes with a choice of colour. @param {string} key */
export function asksOf(key) {
  const none = Object.fromEntries(MEASURES.flatMap((m) => Object.keys(m.asks ?? {})).map((k) => [k, undefined]));
  return { ...none, ...MEASURES.find((m) => m.key === key)?.asks };
}

/** What a select and a legend call it. @param {Measure} measure @param {Drawing} drawing @returns {{name: string, lit: string}} */
export function wordsOf({ key, token, set }, { model }) {
  if (token !== undefined) {
    const text = model.vocabulary.token(token).plain;
    return key.startsWith('rank') ? words.pinnedRank(text) : words.pinned(text);
  }
  return set !== undefined ? words.set(set) : words.fixed[key];
}

/**
 * What an overlay's strip shows: how generic an answer is.
 * @typedef {{key: string, counts?: true, value: (drawing: Drawing, row: number, position: number, frequency: Int32Array | null) => number}} Overlay
 */
/** @type {Overlay[]} */
export const OVERLAYS = [
  {
    key: 'frequency',
    counts: true,
    value: ({ readout }, row, p, frequency) => frequency?.[readout.topId(row, p)] ?? Number.NaN,
  },
  { key: 'input', value: ({ readout }, row, p) => readout.inputRank(row, p) },
];

/** @param {number} share */
function clamp(share) {
  return share >= 0 ? Math.min(1, share) : share > -1e-3 ? 0 : Number.NaN;
}
