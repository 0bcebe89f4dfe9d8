// <lens-grid>: a real table, the output on top, one column for each position. A cell's text is its own top token, bold
// where that is the column's final answer and outlined where it differs from the row below; its colour is the measure
// that the paint names. Of a wide table only the columns near those in sight are in the document, keyed by position.
// On a narrow page it is a map of all cells and one column of the table.
import { html, LitElement, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { page } from '../strings.js';
import { cellView, headView, opensText, rowLabel } from './cell.js';
import { columnView } from './column.js';
import { paintsAlike, rowsShown } from './paint.js';
import { styled } from './styled.js';
import { columnsAround, leftOf, scrolledTo } from './window.js';

/**
 * @typedef {import("../state/conductor.js").Drawing} Drawing
 * @typedef {import("./paint.js").Paint} Paint
 * @typedef {{position: number, row: number}} Selection  row from the bottom
 * @typedef {(position: number, row: number) => void} Select
 */

const narrow = matchMedia('(max-width: 40rem)');
const GAP = 2; // px, as grid.css has it

export class LensGrid extends LitElement {
  static properties = {
    drawing: { attribute: false },
    selection: {
      attribute: false,
      hasChanged: (/** @type {Selection} */ a, /** @type {Selection | undefined} */ b) =>
        a.position !== b?.position || a.row !== b.row,
    },
    paint: {
      attribute: false,
      hasChanged: (/** @type {Paint} */ a, /** @type {Paint | undefined} */ b) => a === null || !paintsAlike(a, b),
    },
    choose: { attribute: false, hasChanged: () => false },
  };

  #focus = false;
  /** Set by the first drawing, from the style sheet: the widths of a column and of the opening one. */
  #widths = { opening: 0, column: 0 };
  #around = { first: 0, end: 24 };
  #whole = false;
  /** @type {AbortController | null} */
  #gone = null;
  #resized = new ResizeObserver(() => this.#measure() && this.requestUpdate());

  constructor() {
    super();
    /** @type {Drawing} */
    this.drawing = /** @type {any} */ (null);
    /** @type {Selection} */
    this.selection = { position: 0, row: 0 };
    /** @type {Paint} */
    this.paint = /** @type {any} */ (null);
    /** @type {Select} */
    this.choose = () => {};
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.#gone = new AbortController();
    const { signal } = this.#gone;
    narrow.addEventListener('change', () => this.requestUpdate(), { signal });
  }

  /** Paper does not scroll: every column at once, or again only those in sight. @param {boolean} on */
  showWhole(on) {
    this.#whole = on;
    this.requestUpdate();
    this.performUpdate();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#gone?.abort();
    this.#resized.disconnect();
  }

  /** The shown row nearest above the selected one. @param {number[]} rows the top one first */
  #row(rows) {
    return rows.findLast((r) => r >= this.selection.row) ?? rows[0];
  }

  get #geometry() {
    const { opening, column } = this.#widths;
    const { positions } = this.drawing.readout;
    return { positions, column, opening: opensText(this.drawing, 0) ? opening : column };
  }

  get #scroller() {
    return /** @type {HTMLElement | null} */ (this.querySelector('.scroller'));
  }

  /** The width that columns have in the scroller. */
  get #room() {
    const names = this.querySelector('.corner')?.getBoundingClientRect().width ?? 0;
    return (this.#scroller?.clientWidth ?? 0) - names - 2 * GAP;
  }

  /** Reads the style sheet's widths; says whether they are new. */
  #measure() {
    const width = (/** @type {string} */ q) => (this.querySelector(q)?.getBoundingClientRect().width ?? -GAP) + GAP;
    const [column, opening] = [width('.probe'), width('.probe.bos')];
    if (column === this.#widths.column && opening === this.#widths.opening) return false;
    this.#widths = { column, opening };
    return column > 0;
  }

  /** @override @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!this.drawing || !this.paint) return;
    const opening = opensText(this.drawing, 0) ? 1 : 0;
    this.style.setProperty('--tokens', String(Math.max(1, this.drawing.readout.positions - opening)));
    this.toggleAttribute('data-numbers', this.paint.numbers);
    const scroller = this.#scroller;
    if (this.#whole) this.#around = { first: 0, end: this.drawing.readout.positions };
    if (!scroller || narrow.matches || this.#whole) return;
    // A selection out of sight is scrolled to, and drawn in the same turn.
    let scrolled = scroller.scrollLeft;
    const room = this.#room;
    if (changed.has('selection') || changed.has('drawing'))
      scrolled = scrolledTo(this.#geometry, this.selection.position, scrolled, room);
    this.#around = columnsAround(this.#geometry, scrolled, scrolled + room);
    // Whoever has the focus on a cell that goes keeps it on the table.
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest('td'));
    const position = Number(focused?.getAttribute('aria-colindex')) - 2;
    const stays = position >= this.#around.first && position < this.#around.end;
    if (focused && this.contains(focused) && !stays) this.querySelector('table')?.focus({ preventScroll: true });
  }

  /** @override @param {Map<string, unknown>} changed */
  updated(changed) {
    const scroller = this.#scroller;
    if (!scroller) return;
    if (this.#measure() && !narrow.matches) {
      this.requestUpdate('selection', { position: -1, row: -1 });
      return;
    }
    for (const probe of this.querySelectorAll('.scroller, .probe')) this.#resized.observe(probe);
    const cell = /** @type {HTMLElement | null} */ (this.querySelector('td.here'));
    if (changed.has('selection') || changed.has('drawing')) {
      if (!narrow.matches)
        scroller.scrollLeft = scrolledTo(this.#geometry, this.selection.position, scroller.scrollLeft, this.#room);
      if (cell) revealRow(scroller, cell);
    }
    if (this.#focus && cell) cell.focus({ preventScroll: true });
    this.#focus = false;
    this.#edges();
  }

  render() {
    if (!this.drawing || !this.paint) return nothing;
    const { readout } = this.drawing;
    const rows = rowsShown(readout.rows.length, this.paint.stride);
    const row = this.#row(rows);
    const choose = (/** @type {number} */ position, /** @type {number} */ r) => {
      this.#focus = true;
      this.choose(position, r);
    };
    const pressed = (/** @type {KeyboardEvent} */ e) => {
      const to = moved(e, this.selection.position, rows.indexOf(row), readout.positions - 1, rows.length - 1);
      if (!to) return;
      e.preventDefault();
      choose(to.position, rows[to.index]);
    };
    if (narrow.matches)
      return columnView({
        drawing: this.drawing,
        paint: this.paint,
        rows,
        position: this.selection.position,
        row,
        choose,
        pressed,
      });

    const clicked = (/** @type {MouseEvent} */ e) => {
      const cell = /** @type {Element} */ (e.target).closest('td, thead th');
      const position = Number(cell?.getAttribute('aria-colindex')) - 2;
      const index = Number(cell?.parentElement?.getAttribute('aria-rowindex')) - 2;
      if (position >= 0) choose(position, rows[index] ?? row);
    };
    const g = this.#geometry;
    const first = Math.min(this.#around.first, Math.max(0, readout.positions - 1));
    const positions = Array.from(
      { length: Math.max(0, Math.min(this.#around.end, readout.positions) - first) },
      (_, i) => first + i,
    );
    const seen = positions.includes(this.selection.position);
    const here = (/** @type {number} */ p, /** @type {number} */ r) => p === this.selection.position && r === row;
    return html`
      <div class="scroller" @scroll=${this.#scrolled}>
        <div class="track" ${styled('width', g.column && !this.#whole ? `calc(var(--names) + ${leftOf(g, readout.positions) + GAP}px)` : 'auto')}>
          <table
            class="grid"
            role="grid"
            aria-label=${page.title}
            aria-colcount=${readout.positions + 1}
            aria-rowcount=${rows.length + 1}
            tabindex=${seen ? '-1' : '0'}
            @click=${clicked}
            @keydown=${pressed}
            ${styled('margin-inline-start', `${leftOf(g, first)}px`)}
            ${styled('width', g.column && !this.#whole ? `calc(var(--names) + ${leftOf(g, first + positions.length) - leftOf(g, first) + 2 * GAP}px)` : 'max-content')}
          >
            <caption class="unseen">${page.caption}</caption>
            <thead>
              <tr aria-rowindex="1">
                <td class="corner" aria-colindex="1"><span class="axis">${page.deeper} <span aria-hidden="true">↑</span></span></td>
                ${repeat(
                  positions,
                  (p) => p,
                  (p) => headView(this.drawing, p, p === this.selection.position),
                )}
              </tr>
            </thead>
            <tbody>
              ${rows.map(
                (r, i) => html`<tr class=${i === 0 ? 'output' : ''} aria-rowindex=${i + 2}>
                  <th scope="row" aria-colindex="1" class=${r === row ? 'here' : ''}>${rowLabel(readout.rows[r], r === readout.rows.length - 1)}</th>
                  ${repeat(
                    positions,
                    (p) => p,
                    (p) => cellView(this.drawing, this.paint, r, rows[i + 1], p, here(p, r)),
                  )}
                </tr>`,
              )}
            </tbody>
          </table>
        </div>
        <i class="probe" aria-hidden="true"></i><i class="probe bos" aria-hidden="true"></i>
      </div>
    `;
  }

  #scrolled() {
    this.#edges();
    const scroller = this.#scroller;
    if (!scroller || !this.#widths.column) return;
    const { first, end } = columnsAround(this.#geometry, scroller.scrollLeft, scroller.scrollLeft + this.#room);
    if (first !== this.#around.first || end !== this.#around.end) this.requestUpdate();
  }

  /** Says on which sides there is more to scroll to. */
  #edges() {
    const scroller = this.#scroller;
    if (!scroller) return;
    const rest = scroller.scrollWidth - scroller.clientWidth - scroller.scrollLeft;
    this.toggleAttribute('data-more-left', scroller.scrollLeft > 1);
    this.toggleAttribute('data-more-right', rest > 4);
  }
}

/**
 * @param {KeyboardEvent} e
 * @param {number} position
 * @param {number} index of the row, from the top
 * @param {number} lastPosition
 * @param {number} lastIndex
 * @returns {{position: number, index: number} | null}
 */
function moved(e, position, index, lastPosition, lastIndex) {
  if (e.altKey || e.metaKey || e.shiftKey) return null;
  if (e.ctrlKey && e.key !== 'Home' && e.key !== 'End') return null;
  switch (e.key) {
    case 'ArrowLeft':
      return { position: Math.max(0, position - 1), index };
    case 'ArrowRight':
      return { position: Math.min(lastPosition, position + 1), index };
    case 'ArrowUp':
      return { position, index: Math.max(0, index - 1) };
    case 'ArrowDown':
      return { position, index: Math.min(lastIndex, index + 1) };
    case 'Home':
      return { position: 0, index: e.ctrlKey ? 0 : index };
    case 'End':
      return { position: lastPosition, index: e.ctrlKey ? lastIndex : index };
    default:
      return null;
  }
}

/** Scrolls `box` alone, not the page, so far that `cell` is seen below what sticks at the top. @param {Element} box @param {Element} cell */
function revealRow(box, cell) {
  const [b, c] = [box.getBoundingClientRect(), cell.getBoundingClientRect()];
  const top = b.top + (box.querySelector('thead')?.getBoundingClientRect().height ?? 0);
  if (c.top < top) box.scrollTop -= top - c.top;
  else if (c.bottom > b.bottom) box.scrollTop += c.bottom - b.bottom;
}
