// The grid on a narrow page: a map of all cells to tap into, and the chosen column as a table: what each row would say,
// and how the final answer stands there, in the measure that the grid is coloured by.
import { html, nothing } from 'lit';
import { page } from '../strings.js';
import { cellClasses, headView, opensText, rowLabel, spokenOf } from './cell.js';
import { wordsOf } from './measures.js';
import { styled } from './styled.js';
import { tokenView } from './token.js';

/**
 * @param {{drawing: import("./paint.js").Drawing, paint: import("./paint.js").Paint, rows: number[], position: number, row: number,
 *          choose: import("./grid.js").Select, pressed: (e: KeyboardEvent) => void}} args  rows: the top one first
 */
export function columnView({ drawing, paint, rows, position, row, choose, pressed }) {
  const { readout, model } = drawing;
  const { measure } = paint;
  const clicked = (/** @type {MouseEvent} */ e) => {
    const tr = /** @type {Element} */ (e.target).closest('tbody tr');
    const r = rows[Number(tr?.getAttribute('aria-rowindex')) - 2];
    if (r !== undefined) choose(position, r);
  };
  const line = (/** @type {number} */ r, /** @type {number} */ i) => {
    const id = readout.topId(r, position);
    const value = measure.value(drawing, r, position);
    const share = measure.scale.share(value, model.info.d_vocab);
    const here = r === row;
    return html`<tr class=${i === 0 ? 'output' : ''} aria-rowindex=${i + 2}>
      <th scope="row" class=${here ? 'here' : ''}>${rowLabel(readout.rows[r], r === readout.rows.length - 1)}</th>
      <td
        class=${cellClasses(drawing, paint, r, rows[i + 1], position, here)}
        aria-label=${id < 0 ? nothing : spokenOf(drawing, paint, r, position).cell}
        tabindex=${here ? '0' : '-1'}
        aria-selected=${here ? 'true' : nothing}
      >${id < 0 ? nothing : tokenView(model.vocabulary, id)}</td>
      <td class="bar" aria-hidden="true">${share >= 0 ? html`<i class=${measure.scale.hue} ${styled('width', `${100 * share}%`)}></i>` : nothing}</td>
      <td class="number">${measure.scale.format(value)}</td>
    </tr>`;
  };
  return html`
    <lens-map
      .drawing=${drawing}
      .paint=${paint}
      .rows=${rows}
      .selection=${{ position, row }}
      .choose=${choose}
    ></lens-map>
    <div class="scroller">
      <table class="grid column" role="grid" aria-label=${page.title} aria-rowcount=${rows.length + 1} @click=${clicked} @keydown=${pressed}>
        <caption class="unseen">${page.captionColumn}</caption>
        <thead>
          <tr aria-rowindex="1">
            <td class="corner"><span class="axis">${page.deeper} <span aria-hidden="true">↑</span></span></td>
            ${headView(drawing, position, !opensText(drawing, position))}
            <th scope="col" class="measured" colspan="2">${wordsOf(measure, drawing).name}</th>
          </tr>
        </thead>
        <tbody>${rows.map(line)}</tbody>
      </table>
    </div>
  `;
}
