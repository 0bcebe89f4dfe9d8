// The grid: a real table, the output on top, one column for each position. A cell's text is its own top token, bold
// where that is the column's final answer; its colour is the probability there of the final answer.
import { html, nothing } from 'lit';
import { outputRow, page, rowName } from '../strings.js';
import { stepOf } from '../style/scale.js';
import { tokenView } from './token.js';

/**
 * @typedef {import("../state/conductor.js").Drawing} Drawing
 * @typedef {{position: number, row: number}} Selection  row from the bottom
 * @typedef {(position: number, row: number, focus: boolean) => void} Select
 */

/** @param {{drawing: Drawing, selection: Selection, select: Select}} args */
export function gridView({ drawing, selection, select }) {
  const { readout } = drawing;
  const last = readout.rows.length - 1;
  const positions = Array.from({ length: readout.positions }, (_, i) => i);

  const clicked = (/** @type {MouseEvent} */ e) => {
    const cell = /** @type {Element} */ (e.target).closest('td, thead th');
    const tr = /** @type {HTMLTableRowElement | null} */ (cell?.parentElement);
    const position = /** @type {HTMLTableCellElement | null} */ (cell)?.cellIndex ?? 0;
    if (!tr || position < 1) return;
    select(position - 1, cell?.tagName === 'TD' ? last - tr.sectionRowIndex : selection.row, true);
  };
  const pressed = (/** @type {KeyboardEvent} */ e) => {
    const to = moved(e, selection, readout.positions - 1, last);
    if (!to) return;
    e.preventDefault();
    select(to.position, to.row, true);
  };

  return html`
    <table class="grid" role="grid" aria-label=${page.title} @click=${clicked} @keydown=${pressed}>
      <caption class="unseen">${page.caption}</caption>
      <thead>
        <tr>
          <td class="corner"><span class="axis">${page.deeper} <span aria-hidden="true">↑</span></span></td>
          ${positions.map((p) => headView(drawing, p, p === selection.position))}
        </tr>
      </thead>
      <tbody>
        ${readout.rows.map((_, i) => {
          const row = last - i;
          return html`<tr class=${row === last ? 'output' : ''}>
            <th scope="row" class=${row === selection.row ? 'here' : ''}>${rowLabel(readout.rows[row], row === last)}</th>
            ${positions.map((p) => cellView(drawing, row, p, p === selection.position && row === selection.row))}
          </tr>`;
        })}
      </tbody>
    </table>
  `;
}

/** @param {Drawing} drawing @param {number} position */
export function opensText({ readout, model }, position) {
  return position === 0 && model.info.bos !== null && readout.token(0) === model.info.bos;
}

/** @param {Drawing} drawing @param {number} position @param {boolean} here */
function headView(drawing, position, here) {
  const { readout, model } = drawing;
  const classes = `${opensText(drawing, position) ? 'bos ' : ''}${here ? 'here' : ''}`;
  const id = readout.token(position);
  return html`<th scope="col" class=${classes} title=${model.vocabulary.token(id).plain}>
    ${id < 0 ? nothing : tokenView(model.vocabulary, id)}
  </th>`;
}

/** @param {Drawing} drawing @param {number} row @param {number} position @param {boolean} here */
function cellView(drawing, row, position, here) {
  const { readout, model } = drawing;
  const id = readout.topId(row, position);
  const bos = opensText(drawing, position);
  const step = bos ? -1 : stepOf(readout.answerProb(row, position));
  const classes = [
    bos ? 'bos' : '',
    step >= 0 ? `p${step}` : '',
    id >= 0 && id === readout.answer(position) ? 'same' : '',
    here ? 'here' : '',
  ];
  return html`<td class=${classes.filter(Boolean).join(' ')} tabindex=${here ? '0' : nothing} aria-selected=${here ? 'true' : nothing}>
    ${id < 0 ? nothing : tokenView(model.vocabulary, id)}
  </td>`;
}

/** @param {string} hook @param {boolean} output */
function rowLabel(hook, output) {
  const { lead, label } = rowName(hook);
  if (output) return html`<span class="label">${outputRow}</span>`;
  return html`${lead ? html`<span class="lead">${lead}</span>` : nothing}<span class="label">${label}</span>`;
}

/**
 * @param {KeyboardEvent} e
 * @param {Selection} at
 * @param {number} lastPosition
 * @param {number} lastRow
 * @returns {Selection | null}
 */
function moved(e, { position, row }, lastPosition, lastRow) {
  if (e.altKey || e.metaKey || e.shiftKey) return null;
  if (e.ctrlKey && e.key !== 'Home' && e.key !== 'End') return null;
  switch (e.key) {
    case 'ArrowLeft':
      return { position: Math.max(0, position - 1), row };
    case 'ArrowRight':
      return { position: Math.min(lastPosition, position + 1), row };
    case 'ArrowUp':
      return { position, row: Math.min(lastRow, row + 1) };
    case 'ArrowDown':
      return { position, row: Math.max(0, row - 1) };
    case 'Home':
      return { position: 0, row: e.ctrlKey ? lastRow : row };
    case 'End':
      return { position: lastPosition, row: e.ctrlKey ? 0 : row };
    default:
      return null;
  }
}
