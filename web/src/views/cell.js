// The parts of the grid's table: a column's head, a row's name, a cell.
import { html, nothing } from 'lit';
import { outputRow, rowName, spokenCell } from '../strings.js';
import { wordsOf } from './measures.js';
import { isDoubtful, shadeOf, stripOf } from './paint.js';
import { styled } from './styled.js';
import { bracketOf, spokenAt, tokenView } from './token.js';

/** @typedef {import("./measures.js").Drawing} Drawing */
/** @typedef {import("./paint.js").Paint} Paint */

/** @param {Drawing} drawing @param {number} position */
export function opensText({ readout, model }, position) {
  return position === 0 && model.info.bos !== null && readout.token(0) === model.info.bos;
}

/**
 * @param {Drawing} drawing @param {number} position @param {boolean} here
 * @param {string} [width] of the column
 */
export function headView(drawing, position, here, width = '') {
  const { readout, model } = drawing;
  const id = readout.token(position);
  const bracket = bracketOf(drawing, position);
  const classes = [opensText(drawing, position) ? 'bos' : '', here ? 'here' : '', bracket?.classes].filter(Boolean);
  return html`<th
    scope="col"
    aria-colindex=${position + 2}
    class=${classes.join(' ')}
    data-over=${bracket ? bracket.over : nothing}
    title=${id < 0 ? nothing : model.vocabulary.token(id).plain}
    aria-label=${id < 0 ? nothing : spokenAt(drawing, position)}
    ${styled('width', width)}
  >${id < 0 ? nothing : tokenView(model.vocabulary, id)}</th>`;
}

/** In place of columns that are not in the document. @param {string} width */
export function awayView(width) {
  return html`<td class="away" aria-hidden="true" ${styled('width', width)}></td>`;
}

/** A cell in words, by the measure that its colour shows. @param {Drawing} drawing @param {Paint} paint @param {number} row @param {number} position */
export function spokenOf(drawing, paint, row, position) {
  const { measure } = paint;
  const { readout, model } = drawing;
  const say = (/** @type {number} */ id) => model.vocabulary.token(id).spoken;
  const { lead, label } = rowName(readout.rows[row]);
  const [top, answer] = [readout.topId(row, position), readout.answer(position)];
  return spokenCell({
    row: row === readout.rows.length - 1 ? outputRow : lead + label,
    position,
    token: opensText(drawing, position) ? null : say(readout.token(position)),
    top: say(top),
    measure: wordsOf(measure, drawing).name,
    value: measure.scale.format(measure.value(drawing, row, position)),
    answer: top === answer || answer < 0 ? null : say(answer),
    hatched: isDoubtful(paint, drawing, row, position),
  });
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
    aria-label=${id < 0 ? nothing : spokenOf(drawing, paint, row, position).cell}
    tabindex=${here ? '0' : '-1'}
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
    !bos && isDoubtful(paint, drawing, row, position) ? 'doubt' : '',
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
