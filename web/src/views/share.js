// The menu that takes the grid elsewhere: pictures, tables, a link, code, paper.
import { html, LitElement, nothing } from 'lit';
import { hubOf } from '../engine/refs.js';
import { fileName, lensCommand, transformerLensCode } from '../export/code.js';
import { pictureOf } from '../export/picture.js';
import { pngOf } from '../export/png.js';
import { svgOf } from '../export/svg.js';
import { csvOf, jsonOf } from '../export/tables.js';
import { lensOf, readOf } from '../state/experiment.js';
import { encodeLink } from '../state/link.js';
import { controls, lensWords, outputRow, page, share } from '../strings.js';
import { opensText } from './cell.js';
import { wordsOf } from './measures.js';
import { isDoubtful, paintOf, rowsShown, stepIn } from './paint.js';

/**
 * @typedef {import('../state/conductor.js').Drawing} Drawing
 * @typedef {import('../state/experiment.js').Experiment} Experiment
 */

const TOLD_MS = 2500;

export class ShareMenu extends LitElement {
  static properties = {
    drawing: { attribute: false },
    lensFile: { attribute: false },
    experiment: { attribute: false },
    told: { state: true },
    byHand: { state: true },
  };

  constructor() {
    super();
    /** @type {Drawing | null} */
    this.drawing = null;
    /** @type {Experiment | null} */
    this.experiment = null;
    /** Of the lens on show, as a command line may call it; null of the raw one. @type {string | null} */
    this.lensFile = null;
    /** What just happened. */
    this.told = '';
    /** Text that could not be copied, to be copied by hand. */
    this.byHand = '';
  }

  createRenderRoot() {
    return this;
  }

  render() {
    if (!this.drawing || !this.experiment) return nothing;
    const item = (/** @type {string} */ label, /** @type {() => unknown} */ act) =>
      html`<li><button type="button" @click=${() => this.#act(act)}>${label}</button></li>`;
    return html`
      <details class="menu" @focusout=${this.#left} @keydown=${this.#pressed}>
        <summary>${share.menu}</summary>
        <ul>
          ${item(share.link, () => this.#copy(this.#link()))}
          ${item(share.svg, () => save(new Blob([svgOf(this.#picture()).text], { type: 'image/svg+xml' }), this.#name('svg')))}
          ${item(share.png, async () => save(await pngOf(svgOf(this.#picture())), this.#name('png')))}
          ${item(share.csv, () => save(new Blob([this.#csv()], { type: 'text/csv;charset=utf-8' }), this.#name('csv')))}
          ${item(share.json, () => save(new Blob([this.#json()], { type: 'application/json' }), this.#name('json')))}
          ${item(share.code, () => this.#copy(transformerLensCode(this.#asked())))}
          ${item(share.command, () => this.#copy(lensCommand(this.#asked())))}
          ${item(share.print, () => setTimeout(() => print(), 0))}
        </ul>
      </details>
      <output class="told">${this.told}</output>
      ${
        this.byHand
          ? html`<dialog class="by-hand" @close=${() => {
              this.byHand = '';
            }}>
              <form method="dialog">
                <label>${share.byHand}<textarea readonly rows="8" .value=${this.byHand}></textarea></label>
                <button>${share.close}</button>
              </form>
            </dialog>`
          : nothing
      }
    `;
  }

  updated() {
    const dialog = this.querySelector('dialog');
    if (!dialog || dialog.open) return;
    dialog.showModal();
    dialog.querySelector('textarea')?.select();
  }

  /** @param {() => unknown} act */
  async #act(act) {
    const menu = /** @type {HTMLDetailsElement} */ (this.querySelector('details'));
    menu.open = false;
    menu.querySelector('summary')?.focus();
    try {
      await act();
    } catch (e) {
      this.#tell(share.failed(e instanceof Error ? e.message : String(e)));
    }
  }

  /** @param {string} text */
  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      this.#tell(share.copied);
    } catch {
      this.byHand = text; // no permission, or a page without https
    }
  }

  /** @param {string} message */
  #tell(message) {
    this.told = message;
    setTimeout(() => {
      if (this.told === message) this.told = '';
    }, TOLD_MS);
  }

  #shown() {
    const drawing = /** @type {Drawing} */ (this.drawing);
    return { ...drawing, experiment: /** @type {Experiment} */ (this.experiment), opens: opensText(drawing, 0) };
  }

  #picture() {
    const { readout, model, opens, experiment } = this.#shown();
    const drawing = { readout, model };
    const paint = paintOf(experiment, drawing, null);
    const { measure, numbers, stride, lens, beside } = paint;
    const chip = page.modelChip(model.title, model.info.n_layer, model.info.n_param);
    const { hue, format, ticks, label } = measure.scale;
    return pictureOf({
      readout,
      vocabulary: model.vocabulary,
      opens,
      hue,
      rows: rowsShown(readout.rows.length, stride).reverse(),
      paint: (row, p) => ({
        step: stepIn(measure, drawing, row, p),
        number: numbers ? format(measure.value(drawing, row, p)) : '',
        hatched: isDoubtful(paint, drawing, row, p),
      }),
      words: {
        model: lens === 'raw' ? chip : page.throughLens(chip, lensWords(lens).name),
        measure: wordsOf(measure, drawing).lit,
        hatched: beside ? controls.hatched(lensWords(beside).name) : null,
        ticks: ticks(model.info.d_vocab).map(label),
        deeper: page.deeper,
        output: outputRow,
      },
    });
  }

  #csv() {
    const { readout, model } = this.#shown();
    return csvOf(readout, (id) => model.vocabulary.token(id).text);
  }

  #json() {
    const { readout, experiment } = this.#shown();
    return jsonOf(experiment, readout.tables);
  }

  #link() {
    const url = new URL(location.href);
    url.hash = encodeLink(this.#shown().experiment);
    return url.href;
  }

  #asked() {
    const { readout, model, experiment } = this.#shown();
    const { norm = 'recomputed', mid = false, top = readout.top } = readOf(experiment);
    return {
      ...{
        model: model.title,
        file: model.file,
        hub: hubOf(model.info.ref),
        norm: String(norm),
        mid: mid === true,
        top: Number(top),
      },
      lens: this.lensFile === null ? null : { name: lensOf(experiment), file: this.lensFile },
      ids: Array.from({ length: readout.positions }, (_, p) => readout.token(p)),
      tokens: this.#picture()
        .columns.map((c) => c.text)
        .join(' '),
    };
  }

  /** @param {string} extension */
  #name(extension) {
    const { readout, model, opens } = this.#shown();
    const ids = Array.from({ length: readout.positions }, (_, p) => readout.token(p)).slice(opens ? 1 : 0);
    return fileName(ids.map((id) => model.vocabulary.token(id).text).join(''), extension);
  }

  /** @param {FocusEvent} e */
  #left(e) {
    const menu = /** @type {HTMLDetailsElement} */ (e.currentTarget);
    if (!menu.contains(/** @type {Node | null} */ (e.relatedTarget))) menu.open = false;
  }

  /** @param {KeyboardEvent} e */
  #pressed(e) {
    const menu = /** @type {HTMLDetailsElement} */ (e.currentTarget);
    if (e.key !== 'Escape' || !menu.open) return;
    e.stopPropagation();
    menu.open = false;
    menu.querySelector('summary')?.focus();
  }
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
