// <lens-grid>: a real table, the output on top, one column for each position. A cell's text is its own top token, bold
// where that is the column's final answer and outlined where it differs from the row below; its colour is the measure
// that the paint names. Of a wide table only the columns near those in sight are in the document, keyed by position.
// On a narrow page it is a map of all cells and one column of the table.
//
// What moves often must be cheap: a row is drawn again only if something in it changed, sizes are read where the
// browser tells that they changed, and whatever reads the layout waits for the frame, when all other views are drawn.
import { html, LitElement, nothing } from 'lit';
import { guard } from 'lit/directives/guard.js';
import { page } from '../strings.js';
import { awayView, cellView, headView, opensText, rowLabel } from './cell.js';
import { columnView } from './column.js';
import { inOrder } from './in_order.js';
import { paintsAlike, rowsShown } from './paint.js';
import { styled } from './styled.js';
import { columnsDrawn, GAP, geometryOf, isAway, leftOf, scrolledTo, widthOf } from './window.js';

/**
 * @typedef {import("../state/conductor.js").Drawing} Drawing
 * @typedef {import("./paint.js").Paint} Paint
 * @typedef {import("./window.js").Sizes} Sizes
 * @typedef {import("./window.js").Geometry} Geometry
 * @typedef {{position: number, row: number}} Selection  row from the bottom
 * @typedef {(position: number, row: number) => void} Select
 */

const narrow = matchMedia('(max-width: 40rem)');
const PROBES = /** @type {const} */ (['names', 'opening', 'least', 'most']);

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
  /** Not known before the first drawing. @type {Sizes | null} */
  #sizes = null;
  /** Where the scroller stands, or is about to. */
  #scrolled = 0;
  /** The columns in the document; the same array while they are the same. @type {number[]} */
  #columns = [];
  /** The paint that is on show: every drawing brings a new one, mostly like the last. @type {Paint | null} */
  #painted = null;
  #whole = false;
  #frame = 0;
  /** @type {AbortController | null} */
  #gone = null;
  /** Whether the sizes are new, so that the selected column may have gone out of sight. */
  #refitted = false;
  /** Told of the first sizes too, in a frame whose layout is done: nothing has to be laid out to know them. */
  #resized = new ResizeObserver(() => {
    if (!this.#measure()) return;
    this.#refitted = true;
    requestAnimationFrame(() => this.requestUpdate()); // what changes sizes now would be told of in this same frame
  });
  /** @type {WeakSet<Element>} */
  #observed = new WeakSet();

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
    this.#observed = new WeakSet();
    cancelAnimationFrame(this.#frame);
  }

  /** The shown row nearest above the selected one. @param {number[]} rows the top one first */
  #row(rows) {
    return rows.findLast((r) => r >= this.selection.row) ?? rows[0];
  }

  /** @param {Sizes} sizes */
  #geometry(sizes) {
    return geometryOf(sizes, this.drawing.readout.positions, opensText(this.drawing, 0));
  }

  get #scroller() {
    return /** @type {HTMLElement | null} */ (this.querySelector('.scroller'));
  }

  /** Reads the style sheet's sizes; says whether they are new. */
  #measure() {
    const width = (/** @type {string} */ q) => this.querySelector(q)?.getBoundingClientRect().width ?? 0;
    const [names, opening, least, most] = PROBES.map((name) => width(`.probe.${name}`));
    const sizes = { room: this.#scroller?.clientWidth ?? 0, names, opening, least, most };
    if (
      this.#sizes &&
      Object.entries(sizes).every(([key, px]) => this.#sizes?.[/** @type {keyof Sizes} */ (key)] === px)
    )
      return false;
    this.#sizes = sizes;
    return true;
  }

  /** @override @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!this.drawing || !this.paint) return;
    if (changed.has('paint')) this.#painted = this.paint;
    // Moved from elsewhere, the selection takes the focus along.
    if (
      changed.has('selection') &&
      document.activeElement?.matches('.grid td') &&
      this.contains(document.activeElement)
    )
      this.#focus = true;
    this.toggleAttribute('data-numbers', this.paint.numbers);
    this.toggleAttribute('data-whole', this.#whole);
    if (!this.#sizes || narrow.matches) return;
    const g = this.#geometry(this.#sizes);
    // A selection out of sight is scrolled to, and drawn in the same turn.
    const most = Math.max(0, leftOf(g, g.positions) - g.room);
    this.#scrolled = Math.min(this.#scrolled, most);
    if (changed.has('selection') || changed.has('drawing') || this.#refitted)
      this.#scrolled = scrolledTo(g, this.selection.position, this.#scrolled);
    this.#window(g);
  }

  /** Tells on which sides there is more, and takes the columns to draw; says whether they are others than before. @param {Geometry} g */
  #window(g) {
    this.toggleAttribute('data-more-left', !this.#whole && this.#scrolled > 1);
    this.toggleAttribute('data-more-right', !this.#whole && leftOf(g, g.positions) > this.#scrolled + g.room + 4);
    const columns = this.#whole
      ? Array.from({ length: g.positions }, (_, p) => p)
      : columnsDrawn(g, this.#scrolled, this.selection.position);
    if (String(columns) === String(this.#columns)) return false;
    this.#columns = columns;
    return true;
  }

  /** @override @param {Map<string, unknown>} changed */
  updated(changed) {
    const scroller = this.#scroller;
    if (!scroller) return;
    for (const box of this.querySelectorAll('.scroller, .probe'))
      if (!this.#observed.has(box)) {
        this.#observed.add(box);
        this.#resized.observe(box);
      }
    const cell = /** @type {HTMLElement | null} */ (this.querySelector('td.here'));
    if (this.#focus && cell) cell.focus({ preventScroll: true });
    this.#focus = false;
    if (!changed.has('selection') && !changed.has('drawing') && !this.#refitted) return;
    this.#refitted = false;
    cancelAnimationFrame(this.#frame);
    const to = this.#scrolled; // for the scroller may tell of where it was before the frame comes
    this.#frame = requestAnimationFrame(() => {
      if (!narrow.matches && scroller.scrollLeft !== to) scroller.scrollLeft = to;
      if (cell?.isConnected) revealRow(scroller, cell);
    });
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
    return html`
      ${
        narrow.matches
          ? columnView({
              drawing: this.drawing,
              paint: this.paint,
              rows,
              position: this.selection.position,
              row,
              choose,
              pressed,
            })
          : html`<div class="scroller" @scroll=${this.#scrolling}>
              ${this.#sizes ? this.#table(this.#geometry(this.#sizes), rows, row, choose, pressed) : nothing}
            </div>`
      }
      ${PROBES.map((name) => html`<i class="probe ${name}" aria-hidden="true"></i>`)}
    `;
  }

  /**
   * @param {Geometry} g
   * @param {number[]} rows @param {number} row
   * @param {Select} choose @param {(e: KeyboardEvent) => void} pressed
   */
  #table(g, rows, row, choose, pressed) {
    const { drawing, selection } = this;
    const { readout } = drawing;
    const columns = this.#columns;
    const clicked = (/** @type {MouseEvent} */ e) => {
      const cell = /** @type {Element} */ (e.target).closest('td, thead th');
      const position = Number(cell?.getAttribute('aria-colindex')) - 2;
      const index = Number(cell?.parentElement?.getAttribute('aria-rowindex')) - 2;
      if (position >= 0) choose(position, rows[index] ?? row);
    };
    const px = (/** @type {number} */ x) => (this.#whole ? 'auto' : `calc(var(--names) + ${x}px)`);
    const left = leftOf(g, columns[0] ?? 0);
    const right = leftOf(g, (columns.at(-1) ?? -1) + 1);
    return html`
      <div class="track" ${styled('width', px(leftOf(g, readout.positions) + 2 * GAP + g.rest))}>
        <table
          class="grid"
          role="grid"
          aria-label=${page.title}
          aria-colcount=${readout.positions + 1}
          aria-rowcount=${rows.length + 1}
          @click=${clicked}
          @keydown=${pressed}
          ${styled('margin-inline-start', `${left}px`)}
          ${styled('width', px(right - left + 2 * GAP))}
        >
          <caption class="unseen">${page.caption}</caption>
          <thead>
            ${guard(
              [drawing, columns, selection.position, g.column, g.opening, this.#whole],
              () => html`<tr aria-rowindex="1">
                <td class="corner" aria-colindex="1"><span class="axis">${page.deeper} <span aria-hidden="true">↑</span></span></td>
                ${inOrder(columns, (p, i) => {
                  const width = this.#whole ? '' : `${widthOf(g, columns, i)}px`;
                  return isAway(p) ? awayView(width) : headView(drawing, p, p === selection.position, width);
                })}
              </tr>`,
            )}
          </thead>
          <tbody>
            ${rows.map((r, i) => {
              const here = r === row ? selection.position : null;
              return guard(
                [drawing, this.#painted, columns, r, rows[i + 1], here],
                () => html`<tr class=${i === 0 ? 'output' : ''} aria-rowindex=${i + 2}>
                  <th scope="row" aria-colindex="1" class=${here === null ? '' : 'here'}>${rowLabel(readout.rows[r], r === readout.rows.length - 1)}</th>
                  ${inOrder(columns, (p) =>
                    isAway(p) ? awayView('') : cellView(drawing, this.paint, r, rows[i + 1], p, p === here),
                  )}
                </tr>`,
              );
            })}
          </tbody>
        </table>
      </div>
    `;
  }

  #scrolling() {
    const scroller = this.#scroller;
    if (!scroller || !this.#sizes) return;
    this.#scrolled = scroller.scrollLeft;
    if (this.#window(this.#geometry(this.#sizes))) this.requestUpdate();
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
