// The projector: large and bare, for a class. Its state is in the link, so that a lesson can begin with it:
//
//   view.projector  true while it is on
//   view.reveal     how many rows are shown, from the embedding up; absent: all
//   view.guess      true while the output row is kept back
//
// What is kept back counts as not computed, so that no view can tell it: neither the grid nor the sentence above it. Once
// nothing is, the panel's open sections stand below the grid, as large as it.
import { html, nothing } from 'lit';
import { Readout } from '../engine/readout.js';
import { selected } from '../state/conductor.js';
import { viewOf } from '../state/experiment.js';
import { keys, panel, projector } from '../strings.js';
import { given } from './cell_view.js';
import { cellTitleView } from './panel.js';
import { openOf } from './sections.js';

/**
 * @typedef {import('../state/conductor.js').Conductor} Conductor
 * @typedef {import('../state/conductor.js').Drawing} Drawing
 * @typedef {import('../state/experiment.js').Experiment} Experiment
 * @typedef {import('../engine/readout.js').Table} Table
 */

/** @param {Experiment | null} experiment @param {number} rows in all */
export function shownOf(experiment, rows) {
  const { projector: on, reveal, guess } = experiment ? viewOf(experiment) : {};
  return {
    on: on === true,
    reveal: on === true && Number.isInteger(reveal) ? Math.max(1, Math.min(rows, reveal)) : rows,
    guess: on === true && guess === true,
  };
}

/** @type {WeakMap<Drawing, Map<string, Drawing>>} */
const made = new WeakMap();

/**
 * The drawing without what the projector keeps back.
 * @param {Drawing | null} drawing
 * @param {Experiment | null} experiment
 */
export function veiled(drawing, experiment) {
  if (!drawing) return null;
  const rows = drawing.readout.rows.length;
  const { reveal, guess } = shownOf(experiment, rows);
  if (reveal === rows && !guess) return drawing;
  const known = made.get(drawing) ?? new Map();
  made.set(drawing, known);
  const key = `${reveal} ${guess}`;
  const seen = (/** @type {number} */ row) => row < reveal && !(guess && row === rows - 1);
  if (!known.has(key)) {
    const { tables } = drawing.readout;
    const readout = new Readout(
      tables.map((t) => veiledTable(t, seen, rows)),
      tables[0].read,
    );
    known.set(key, { ...drawing, readout });
  }
  return /** @type {Drawing} */ (known.get(key));
}

/** @param {Table} table @param {(row: number) => boolean} seen @param {number} rows @returns {Table} */
function veiledTable(table, seen, rows) {
  const axis = table.dims.findIndex((d) => d.name === 'row');
  const nothingThere = table.dtype === 'f32' ? Number.NaN : -1;
  if (table.name === 'answer_id')
    return seen(rows - 1) ? table : { ...table, data: table.data.map(() => nothingThere) };
  if (axis < 0) return table;
  const stride = table.dims.slice(axis + 1).reduce((n, d) => n * d.size, 1);
  return {
    ...table,
    data: table.data.map((v, i) => (seen(Math.floor(i / stride) % rows) ? v : nothingThere)),
  };
}

/** @param {Conductor} conductor */
export function toggleProjector(conductor) {
  const { on } = shownOf(conductor.state.experiment, 1);
  // It begins at the embedding: a class that saw the answer would not guess any more.
  conductor.setView({ projector: on ? undefined : true, reveal: on ? undefined : 1, guess: undefined });
}

/**
 * What a key does while the projector is on.
 * @param {string} key @param {boolean} shift
 * @param {Conductor} conductor
 * @returns {boolean} whether it does anything
 */
export function projectorKey(key, shift, conductor) {
  const { experiment, drawing } = conductor.state;
  if (!experiment || !drawing) return false;
  const rows = drawing.readout.rows.length;
  const { reveal, guess } = shownOf(experiment, rows);
  if (shift && (key === 'ArrowLeft' || key === 'ArrowRight')) {
    const { position, row } = selected(experiment, drawing.readout);
    const to = position + (key === 'ArrowLeft' ? -1 : 1);
    conductor.select(Math.max(0, Math.min(drawing.readout.positions - 1, to)), row);
    return true;
  }
  // Kept back or not, the output is the last that comes.
  const next =
    guess && reveal >= rows - 1 ? { reveal: rows, guess: undefined } : { reveal: Math.min(rows, reveal + 1) };
  /** @type {{[key: string]: object}} */
  const does = {
    ArrowUp: next,
    ArrowRight: next,
    ArrowDown: { reveal: Math.max(1, reveal - 1) },
    ArrowLeft: { reveal: Math.max(1, reveal - 1) },
    Home: { reveal: 1 },
    End: { reveal: rows },
    '?': { guess: guess ? undefined : true },
    Escape: { projector: undefined, reveal: undefined, guess: undefined },
  };
  if (!Object.hasOwn(does, key)) return false;
  conductor.setView(does[key]);
  return true;
}

/** What is read of the selected cell, as far as it was opened before. @param {import('./cell_view.js').Given} shared */
export function sectionsView(shared) {
  const { drawing, selection, experiment } = shared;
  if (openOf(experiment).length === 0 || !drawing.readout.has(selection.position)) return nothing;
  return html`<section class="panel" aria-label=${panel.label}>
    ${cellTitleView(drawing, selection)}
    <panel-sections ${given(shared)}></panel-sections>
  </section>`;
}

/** @param {{conductor: Conductor}} args the keys, for a moment, and the way out */
export function hintView({ conductor }) {
  const { on, guess } = shownOf(conductor.state.experiment, 1);
  if (!on) return nothing;
  return html`<p class="hint">
    ${guess ? html`<strong>${projector.hidden}</strong>` : nothing}
    <span class="keys">${projector.hint.map(([key, means]) => html`<span><kbd>${key}</kbd> ${means}</span>`)}</span>
    <button type="button" class="link" @click=${() => toggleProjector(conductor)}>${keys.leave}</button>
  </p>`;
}
