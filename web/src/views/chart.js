// <trajectory-chart>: over the rows of the selected position, the tokens that were ever on top and the pinned ones.
// Their numbers are a second read, asked for once the selection rests; until it comes the chart stays as it is.
// `view.chart` is what its height means: prob (default), rank or logit.
import { html, nothing } from 'lit';
import { readOf, viewOf } from '../state/experiment.js';
import { outputRow, rowName, chart as words } from '../strings.js';
import { CellView } from './cell_view.js';
import { formatCount, formatLogit, formatProbFine } from './format.js';
import { followed, lines } from './lines.js';

/**
 * @typedef {import("../state/conductor.js").Conductor} Conductor
 * @typedef {import("../state/conductor.js").Drawing} Drawing
 * @typedef {{lines: import('./lines.js').Line[], rows: string[], vocabulary: import('../engine/vocabulary.js').Vocabulary}} Shown
 */

const REST_MS = 120;
/** @type {Promise<typeof import('./plot.js')> | null} */
let plot = null;

export class TrajectoryChart extends CellView {
  /** @type {Shown | null} */
  #shown = null;
  /** @type {unknown[]} what the numbers on show, or on their way, answer */
  #asked = [];
  /** @type {ReturnType<typeof setTimeout> | 0} */
  #timer = 0;
  #width = 0;
  #failed = false;
  /** @type {unknown[]} what the picture on show is of */
  #drawn = [];
  /** Says on which row its rule stands. @type {(row: number) => void} */
  #mark = () => {};
  /** @type {ResizeObserver | null} */
  #resized = null;

  connectedCallback() {
    super.connectedCallback();
    this.#resized = new ResizeObserver(([{ contentRect }]) => {
      const width = Math.round(contentRect.width);
      if (width === this.#width) return;
      this.#width = width;
      this.requestUpdate();
    });
    this.#resized.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    this.#resized?.disconnect();
  }

  get #scale() {
    const { chart } = viewOf(this.experiment);
    return /** @type {import('./plot.js').Scale} */ (Object.hasOwn(words.scales, chart) ? chart : 'prob');
  }

  render() {
    const scale = this.#scale;
    return html`<figure class="chart">
      <figcaption>
        <label>${words.by}
          <select @change=${(/** @type {Event} */ e) => {
            const { value } = /** @type {HTMLSelectElement} */ (e.target);
            this.conductor.setView({ chart: value === 'prob' ? undefined : value });
          }}>
            ${Object.entries(words.scales).map(([key, name]) => html`<option value=${key} ?selected=${key === scale}>${name}</option>`)}
          </select>
        </label>
      </figcaption>
      <div class="plot" aria-hidden="true"></div>
      ${this.#failed ? html`<p class="note">${words.failed}</p>` : nothing}
      ${this.#shown ? tableView(this.#shown, scale) : nothing}
    </figure>`;
  }

  updated() {
    this.#ask();
    this.#draw();
  }

  #ask() {
    const { conductor, drawing, selection } = this;
    if (this.busy || !drawing.readout.has(selection.position)) return;
    const { readout, model } = drawing;
    const pins = conductor.pins.tokens.map((ref) => model.vocabulary.idOf(ref)).filter((id) => id >= 0);
    const asked = [readout, selection.position, JSON.stringify([readOf(this.experiment).norm, pins])];
    if (asked.every((a, i) => a === this.#asked[i])) return;
    this.#asked = asked;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        const trace = await conductor.trace(selection.position, followed(readout, selection.position, pins));
        if (!trace || this.#asked !== asked) return;
        this.#shown = { lines: lines(trace, pins), rows: trace.rows, vocabulary: model.vocabulary };
        this.requestUpdate();
      } catch {
        // The grid's own read tells what is wrong.
      }
    }, REST_MS);
  }

  async #draw() {
    const [shown, width, scale] = [this.#shown, this.#width, this.#scale];
    if (!shown || width === 0) return;
    const drawn = [shown, width, scale];
    if (drawn.every((d, i) => d === this.#drawn[i])) return this.#mark(this.selection.row);
    try {
      plot ??= import('./plot.js');
      const { drawn: draw } = await plot;
      if (this.#shown !== shown || this.#width !== width || this.#scale !== scale) return;
      const named = shown.lines.map((l) => ({ ...l, name: shown.vocabulary.token(l.id).plain }));
      const { svg, mark } = draw({
        lines: named,
        scale,
        width,
        deeper: words.deeper,
        rowLabels: shortLabels(shown.rows),
      });
      this.querySelector('.plot')?.replaceChildren(svg);
      [this.#drawn, this.#mark] = [drawn, mark];
      mark(this.selection.row);
    } catch {
      plot = null;
      if (this.#failed) return;
      this.#failed = true;
      this.requestUpdate();
    }
  }
}

/** The chart's numbers as a table, for who does not see it. @param {Shown} shown @param {import('./plot.js').Scale} scale */
function tableView({ lines: all, rows, vocabulary }, scale) {
  const write = { prob: formatProbFine, rank: formatCount, logit: formatLogit }[scale];
  // A table alone would be as wide as its words.
  return html`<div class="unseen"><table>
    <caption>${words.label(words.scales[scale])}</caption>
    <thead>
      <tr>
        <th scope="col">${words.token}</th>
        ${rows.map((hook, i) => {
          const { lead, label } = rowName(hook);
          return html`<th scope="col">${i === rows.length - 1 ? outputRow : lead + label}</th>`;
        })}
      </tr>
    </thead>
    <tbody>
      ${all.map(
        ({ id, points }) => html`<tr>
          <th scope="row">${vocabulary.token(id).spoken}</th>
          ${points.map((p) => html`<td>${write(p[scale])}</td>`)}
        </tr>`,
      )}
    </tbody>
  </table></div>`;
}

/** @param {string[]} rows */
function shortLabels(rows) {
  return rows.map((hook, i) => {
    if (i === 0) return words.embed;
    if (i === rows.length - 1) return words.output;
    return /^blocks\.(\d+)/.exec(hook)?.[1] ?? '';
  });
}
