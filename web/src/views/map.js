// <lens-map>: every cell of the grid as a spot of its colour, for pages too narrow for the table. Rows as in the grid,
// the output on top; a tap chooses a cell. It is a picture of what the table says, so screen readers pass it by.
import { html, LitElement } from 'lit';
import { theme } from '../state/theme.js';
import { ramp } from '../style/scale.js';
import { opensText } from './cell.js';
import { stepIn } from './paint.js';
import { styled } from './styled.js';

const LEAST = 6; // px of a column, so that a finger finds one beside it
const MOST = 34;
const ROW = 14;

export class LensMap extends LitElement {
  static properties = {
    drawing: { attribute: false },
    paint: { attribute: false },
    rows: { attribute: false },
    selection: { attribute: false },
    choose: { attribute: false, hasChanged: () => false },
  };

  /** @type {ResizeObserver | null} */
  #resized = null;

  constructor() {
    super();
    /** @type {import("./paint.js").Drawing} */
    this.drawing = /** @type {any} */ (null);
    /** @type {import("./paint.js").Paint} */
    this.paint = /** @type {any} */ (null);
    /** The rows on show, the top one first. @type {number[]} */
    this.rows = [];
    /** @type {import("./grid.js").Selection} */
    this.selection = { position: 0, row: 0 };
    /** @type {import("./grid.js").Select} */
    this.choose = () => {};
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.#resized = new ResizeObserver(() => this.requestUpdate());
    this.#resized.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resized?.disconnect();
  }

  get #column() {
    const { positions } = this.drawing.readout;
    return Math.max(LEAST, Math.min(MOST, Math.floor(this.clientWidth / Math.max(1, positions))));
  }

  render() {
    const tapped = (/** @type {PointerEvent} */ e) => {
      const position = Math.floor(e.offsetX / this.#column);
      const row = this.rows[Math.floor(e.offsetY / ROW)];
      if (row !== undefined && position >= 0 && position < this.drawing.readout.positions) this.choose(position, row);
    };
    return html`<div class="spots" aria-hidden="true">
      <canvas @click=${tapped}></canvas>
      <i
        class="mark-here"
        ${styled('translate', `${this.selection.position * this.#column}px ${this.rows.indexOf(this.selection.row) * ROW}px`)}
        ${styled('width', `${this.#column}px`)}
        ${styled('height', `${ROW}px`)}
      ></i>
    </div>`;
  }

  updated() {
    const canvas = /** @type {HTMLCanvasElement} */ (this.querySelector('canvas'));
    const column = this.#column;
    const { positions } = this.drawing.readout;
    const [width, height] = [column * positions, ROW * this.rows.length];
    const sharp = Math.min(devicePixelRatio || 1, 2);
    canvas.width = width * sharp;
    canvas.height = height * sharp;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const ink = canvas.getContext('2d');
    if (!ink) return;
    ink.scale(sharp, sharp);
    const { measure } = this.paint;
    const colours = ramp(theme(), measure.scale.hue);
    for (const [i, row] of this.rows.entries())
      for (let p = opensText(this.drawing, 0) ? 1 : 0; p < positions; p++) {
        const step = stepIn(measure, this.drawing, row, p);
        if (step < 0) continue;
        ink.fillStyle = colours[step].background;
        ink.fillRect(p * column, i * ROW, column - (column > 8 ? 1 : 0), ROW - 1);
      }
    const spots = /** @type {HTMLElement} */ (canvas.parentElement);
    const at = this.selection.position * column;
    if (at < spots.scrollLeft || at + column > spots.scrollLeft + spots.clientWidth)
      spots.scrollLeft = at - spots.clientWidth / 2;
  }
}
