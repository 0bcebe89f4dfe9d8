// How the grid is painted, out of the Experiment's `view`. It may come from a link, so whatever is not understood is
// taken for the default:
//
//   colour    the key of a measure (measures.js), "answer" by default
//   numbers   true: the measure's number in each cell
//   stride    every how many rows are shown, 1 by default; the top row always is
//   overlay   "frequency" or "input": how generic the top token is, as a strip at the foot of the cell
//
// Where its read names a lens beside the one it shows, cells that the two read differently are hatched.
import { lensOf, readOf, viewOf } from '../state/experiment.js';
import { PREFIX, stepOf } from '../style/scale.js';
import { byRank, measureNamed, OVERLAYS } from './measures.js';

/**
 * @typedef {import("./measures.js").Drawing} Drawing
 * @typedef {object} Paint
 * @property {import("./measures.js").Measure} measure
 * @property {boolean} numbers
 * @property {number} stride
 * @property {import("./measures.js").Overlay | null} overlay
 * @property {string} lens     the one that is shown
 * @property {string | null} beside  the lens that hatches
 * @property {Int32Array | null} frequency  of each token in the training text, as a rank from 1; null while not known
 */

export const STRIDES = [1, 2, 3, 4, 6];

/**
 * @param {import("../state/experiment.js").Experiment} experiment
 * @param {Drawing} drawing
 * @param {Int32Array | null} frequency
 * @returns {Paint}
 */
export function paintOf(experiment, drawing, frequency) {
  const { colour, numbers, stride, overlay } = viewOf(experiment);
  const { beside } = readOf(experiment);
  return {
    measure: measureNamed(drawing, colour),
    numbers: numbers === true,
    stride: Number.isInteger(stride) && stride > 0 ? stride : 1,
    overlay: OVERLAYS.find((o) => o.key === overlay) ?? null,
    lens: lensOf(experiment),
    beside: drawing.readout.isBeside && typeof beside === 'string' ? beside : null,
    frequency,
  };
}

/** Nats of KL(beside ‖ shown) from which on a cell is hatched. */
export const DOUBT = 1;

/** @param {Paint} paint @param {Drawing} drawing @param {number} row @param {number} position */
export function isDoubtful({ beside }, { readout }, row, position) {
  return beside !== null && readout.besideKl(row, position) > DOUBT;
}

/** @param {Paint} a @param {Paint | null | undefined} b */
export function paintsAlike(a, b) {
  return (
    b != null &&
    a.measure.key === b.measure.key &&
    a.numbers === b.numbers &&
    a.stride === b.stride &&
    a.overlay === b.overlay &&
    a.lens === b.lens &&
    a.beside === b.beside &&
    a.frequency === b.frequency
  );
}

/**
 * The class that colours a cell; empty where there is no value.
 * @param {Paint} paint @param {Drawing} drawing @param {number} row @param {number} position
 */
export function shadeOf({ measure }, drawing, row, position) {
  const step = stepIn(measure, drawing, row, position);
  return step < 0 ? '' : `${PREFIX[measure.scale.hue]}${step}`;
}

/** @param {import("./measures.js").Measure} measure @param {Drawing} drawing @param {number} row @param {number} position */
export function stepIn(measure, drawing, row, position) {
  return stepOf(measure.scale.share(measure.value(drawing, row, position), drawing.model.info.d_vocab));
}

/**
 * How much of a cell's foot the overlay's strip takes, from 0 to 1; NaN where there is nothing to say.
 * @param {Paint} paint @param {Drawing} drawing @param {number} row @param {number} position
 */
export function stripOf({ overlay, frequency }, drawing, row, position) {
  return overlay
    ? byRank.share(overlay.value(drawing, row, position, frequency), drawing.model.info.d_vocab)
    : Number.NaN;
}

/**
 * The rows on show, the top one first.
 * @param {number} rows how many there are
 * @param {number} stride
 */
export function rowsShown(rows, stride) {
  return Array.from({ length: Math.ceil(rows / stride) }, (_, i) => rows - 1 - i * stride);
}
