// What the grid shows → a Picture: plain data that a drawing in any format is made from, and nothing of the page.
import { rowName } from '../strings.js';

/**
 * @typedef {{step: number, number: string, hatched: boolean}} Paint  step of the colour scale, -1 for none; the number to write, or ''
 * @typedef {{text: string, step: number, number: string, hatched: boolean, bold: boolean}} Cell
 * @typedef {object} Picture
 * @property {string} prompt     the tokens as they are shown, side by side
 * @property {string} model      which model this is
 * @property {string} measure    what the colour says
 * @property {import('../style/scale.js').Hue} [hue]  of the colour scale, warm by default
 * @property {string | null} hatched  what a hatched cell says, where some may be
 * @property {string[]} ticks    of the scale, from 0 to its end
 * @property {string} deeper
 * @property {{text: string, quiet: boolean}[]} columns  quiet: the token that only opens the text
 * @property {{label: string, cells: Cell[]}[]} rows     the output first
 */

/**
 * @param {object} args
 * @param {import('../engine/readout.js').Readout} args.readout
 * @param {import('../engine/vocabulary.js').Vocabulary} args.vocabulary
 * @param {boolean} args.opens  whether position 0 only opens the text
 * @param {import('../style/scale.js').Hue} [args.hue]
 * @param {number[]} args.rows  the rows on show, bottom first
 * @param {(row: number, position: number) => Paint} args.paint
 * @param {{model: string, measure: string, hatched: string | null, ticks: string[], deeper: string, output: string}} args.words
 * @returns {Picture}
 */
export function pictureOf({ readout, vocabulary, opens, hue, rows, paint, words }) {
  const text = (/** @type {number} */ id) => (id < 0 ? '' : vocabulary.token(id).plain);
  const positions = Array.from({ length: readout.positions }, (_, p) => p);
  const columns = positions.map((p) => ({ text: text(readout.token(p)), quiet: opens && p === 0 }));
  return {
    prompt: columns
      .filter((c) => !c.quiet)
      .map((c) => c.text)
      .join(''),
    model: words.model,
    measure: words.measure,
    hatched: words.hatched,
    hue,
    ticks: words.ticks,
    deeper: words.deeper,
    columns,
    rows: [...rows].reverse().map((row) => {
      const { lead, label } = rowName(readout.rows[row]);
      return {
        label: row === readout.rows.length - 1 ? words.output : lead + label,
        cells: positions.map((p) => {
          const id = readout.topId(row, p);
          const quiet = columns[p].quiet;
          const { step, number, hatched } = quiet ? { step: -1, number: '', hatched: false } : paint(row, p);
          return { text: text(id), step, number, hatched, bold: id >= 0 && id === readout.answer(p) };
        }),
      };
    }),
  };
}
