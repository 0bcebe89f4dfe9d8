// The parts of the grid's table: a column's head, a row's name, a cell.
import { html, nothing } from 'lit';
import { outputRow, rowName } from '../strings.js';
import { shadeOf, stripOf } from './paint.js';
import { styled } from './styled.js';
import { tokenView } from './token.js';

/** @typedef {import("./measures.js").Drawing} Drawing */
/** @typedef {import("./paint.js").Paint} Paint */

/** @param {Drawing} drawing @param {number} position */
export function opensText({ readout, model }, position) {
  return position === 0 && model.info.bos !== null && readout.token(0) === model.info.bos;
}

/** @param {Drawing} drawing @param {number} position @param {boolean} here */
export function headView(drawing, position, here) {
  const { readout, model } = drawing;
  const classes = `${opensText(drawing, position) ? 'bos ' : ''}${here ? 'here' : ''}`;
  const id = readout.token(position);
  return html`<th scope="col" aria-colindex=${position + 2} class=${classes} title=${id < 0 ? nothing : model.vocabulary.token(id).plain}>
    ${id < 0 ? nothing : tokenView(model.vocabulary, id)}
  </th>`;
}

/**
 * @param {Drawing} drawing @param {Paint} paint @param {number} row
 * @param {number | undefined} below the row shown below it
 * @param {number} position @param {boolean} here
 */
export function cellView(drawing, paint, row, below, position, here) {
  const { readout, model } = drawing;
  const id = readout.topId(row, position);
  const bos = opensText(drawing, position);
  const strip = bos ? Number.NaN : stripOf(paint, drawing, row, position);
  return html`<td
    class=${cellClasses(drawing, paint, row, below, position, here)}
    aria-colindex=${position + 2}
    tabindex=${here ? '0' : nothing}
    aria-selected=${here ? 'true' : nothing}
  >${id < 0 ? nothing : tokenView(model.vocabulary, id)}${
    paint.numbers && !bos && id >= 0
      ? html`<span class="number">${paint.measure.scale.format(paint.measure.value(drawing, row, position))}</span>`
      : nothing
  }${strip >= 0 ? html`<i class="strip" ${styled('width', `${Math.round(100 * strip)}%`)}></i>` : nothing}</td>`;
}

/**
 * @param {Drawing} drawing @param {Paint} paint @param {number} row @param {number | undefined} below
 * @param {number} position @param {boolean} here
 */
export function cellClasses(drawing, paint, row, below, position, here) {
  const { readout } = drawing;
  const id = readout.topId(row, position);
  const bos = opensText(drawing, position);
  const turns = !bos && below !== undefined && id >= 0 && id !== readout.topId(below, position);
  return [
    bos ? 'bos' : shadeOf(paint, drawing, row, position),
    id >= 0 && id === readout.answer(position) ? 'same' : '',
    turns ? 'turns' : '',
    here ? 'here' : '',
  ]
    .filter(Boolean)
    .join(' ');
}

/** @param {string} hook @param {boolean} output */
export function rowLabel(hook, output) {
  const { lead, label } = rowName(hook);
  if (output) return html`<span class="label">${outputRow}</span>`;
  return html`${lead ? html`<span class="lead">${lead}</span>` : nothing}<span class="label">${label}</span>`;
}
