// What every section of the panel does: it asks for a reading of its own once the selection rests, and shows the last
// answer until the next one comes.
import { html, nothing } from 'lit';
import { troubleOf } from '../engine/errors.js';
import { sections as words } from '../strings.js';
import { CellView } from './cell_view.js';
import { turn } from './turn.js';

/** @typedef {import('../engine/readout.js').Table} Table */

const REST_MS = 180; // after the chart's own read

let n_section = 0;

/** @template Answer */
export class Section extends CellView {
  /** What is shown. @type {Answer | null} */
  answer = null;
  /** What the answer on show, or on its way, is to. @type {unknown[]} */
  #asked = [];
  /** @type {ReturnType<typeof setTimeout> | 0} */
  #timer = 0;
  #trouble = '';
  /** One question at a time, each element for itself. @protected */
  lane = `section ${++n_section}`;

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    this.#asked = [];
  }

  /** What it wants to know now, as in the Experiment's reads but without a run. @returns {object | object[] | null} */
  question() {
    return null;
  }

  /** What the question is about: another one is another question. @returns {unknown} */
  subject() {
    return this.drawing.readout;
  }

  /** @param {object | object[]} read @returns {Promise<Table[] | null>} null where a newer question won */
  asked(read) {
    return this.conductor.look(read, this.lane);
  }

  /** @param {Table[]} _tables @param {any} _read what they answer @returns {Answer} */
  answered(_tables, _read) {
    throw new Error('a section says what its tables mean');
  }

  /** @param {Answer} _answer @returns {unknown} */
  view(_answer) {
    return nothing;
  }

  /** Many may be open, and each step of the selection redraws them all. @override */
  async scheduleUpdate() {
    await turn();
    super.scheduleUpdate();
  }

  render() {
    if (this.#trouble) return html`<p class="note">${this.#trouble}</p>`;
    return this.answer ? this.view(this.answer) : html`<p class="note">${words.reading}</p>`;
  }

  updated() {
    const { readout } = this.drawing;
    if (this.busy || !readout.has(this.selection.position)) return;
    const read = this.question();
    const asked = [this.subject(), JSON.stringify(read)];
    if (!read || (asked.length === this.#asked.length && asked.every((a, i) => a === this.#asked[i]))) return;
    this.#asked = asked;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(read, asked), this.answer ? REST_MS : 0);
  }

  /** @param {object | object[]} read @param {unknown[]} asked */
  async #ask(read, asked) {
    try {
      const tables = await this.asked(read);
      if (!tables || this.#asked !== asked) return;
      this.answer = this.answered(tables, read);
      this.#trouble = '';
    } catch (e) {
      const { code, message } = troubleOf(e);
      if (code === 'crash') return; // the page tells of that
      this.#trouble = message;
    }
    this.requestUpdate();
  }
}
