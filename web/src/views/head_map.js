// Layers × heads, and perhaps a column for the MLPs: one number of each as a coloured cell, the deepest layer on top. A
// grid for the keyboard: arrows move, Enter opens what stands there.
import { html, nothing } from 'lit';
import { headMap as words } from '../strings.js';
import { divergingClass } from '../style/scale.js';

/**
 * @typedef {{key: string, name: string, value: number}} Place  NaN where there is nothing
 * @typedef {object} HeadMap
 * @property {string} label
 * @property {number} layers
 * @property {number} heads
 * @property {(layer: number) => Place[]} row   its heads, and the MLP where there is a column for it
 * @property {boolean} mlp
 * @property {(value: number) => string} paint  a class of the scale
 * @property {(value: number) => string} short  what a cell has room for; empty for nothing
 * @property {(value: number) => string} say
 * @property {string} chosen                    a place's key, or empty
 * @property {((key: string) => void) | null} choose
 * @property {unknown} caption
 */

const NUMBERS_UP_TO = 10; // heads, for a panel has room for as many numbers

/** @param {HeadMap} map */
export function headMapView({ label, layers, heads, row, mlp, paint, short, say, chosen, choose, caption }) {
  if (layers === 0) return nothing;
  const dense = heads > NUMBERS_UP_TO;
  const focus = chosen || row(layers - 1)[0].key;
  const cell = (/** @type {Place} */ { key, name, value }) => {
    if (!Number.isFinite(value)) return html`<td></td>`;
    const said = `${name}: ${say(value)}`;
    return html`<td
      class="${paint(value)} ${key === chosen ? 'here' : ''}"
      data-part=${key}
      tabindex=${key === focus ? '0' : '-1'}
      aria-selected=${choose ? String(key === chosen) : nothing}
      title=${said}
    ><span class="unseen">${said}</span>${dense ? nothing : html`<span aria-hidden="true">${short(value)}</span>`}</td>`;
  };
  return html`<figure class="head-map">
    <table
      role="grid"
      class=${dense ? 'dense' : ''}
      aria-label=${label}
      @click=${(/** @type {MouseEvent} */ e) => pick(/** @type {Element} */ (e.target), choose)}
      @keydown=${(/** @type {KeyboardEvent} */ e) => pressed(e, choose)}
    >
      <thead>
        <tr>
          <td></td>
          ${Array.from({ length: heads }, (_, h) => html`<th scope="col"><span class="unseen">${words.head}</span>${h}</th>`)}
          ${mlp ? html`<th scope="col" class="mlp">${words.mlp}</th>` : nothing}
        </tr>
      </thead>
      <tbody>
        ${Array.from({ length: layers }, (_, i) => {
          const layer = layers - 1 - i;
          return html`<tr><th scope="row"><span class="unseen">${words.layer}</span>${layer}</th>${row(layer).map(cell)}</tr>`;
        })}
      </tbody>
    </table>
    <figcaption>${caption}</figcaption>
  </figure>`;
}

/** A scale with what its ends mean. @param {string[]} classes @param {string} from @param {string} to */
export function endsView(classes, from, to) {
  return html`<span class="ends"><span>${from}</span><span class="ramp" aria-hidden="true">${classes.map((c) => html`<i class=${c}></i>`)}</span><span>${to}</span></span>`;
}

const HALF = 25; // steps of the diverging scale's picture on either side

/** The diverging scale with what its ends mean. @param {string} from @param {string} to */
export function divergingEndsView(from, to) {
  const classes = Array.from({ length: 2 * HALF + 1 }, (_, i) => divergingClass(i - HALF, HALF));
  return endsView(classes, from, to);
}

/** @param {Element} target @param {((key: string) => void) | null} choose */
function pick(target, choose) {
  const part = /** @type {HTMLElement | null} */ (target.closest('td[data-part]'))?.dataset.part;
  if (part) choose?.(part);
}

/** @param {KeyboardEvent} e @param {((key: string) => void) | null} choose */
function pressed(e, choose) {
  const cell = /** @type {HTMLTableCellElement | null} */ (/** @type {Element} */ (e.target).closest('td[data-part]'));
  if (!cell || e.ctrlKey || e.altKey || e.metaKey) return;
  const row = /** @type {HTMLTableRowElement} */ (cell.parentElement);
  const body = /** @type {HTMLTableSectionElement} */ (row.parentElement);
  const [x, y] = [cell.cellIndex, row.sectionRowIndex];
  const to = { ArrowLeft: [x - 1, y], ArrowRight: [x + 1, y], ArrowUp: [x, y - 1], ArrowDown: [x, y + 1] }[e.key];
  if (e.key === 'Enter' || e.key === ' ') pick(cell, choose);
  else if (to) /** @type {HTMLElement | undefined} */ (body.rows[to[1]]?.cells[to[0]])?.focus();
  else return;
  e.preventDefault();
  e.stopPropagation();
}
