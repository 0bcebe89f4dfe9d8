// <lens-scores>: how far each lens of the shown model is from the output, by depth, on held-out text: what
// models/fit_lenses.py measured, as three plots and a table. Fetched when the element first comes in sight.
import { html, LitElement } from 'lit';
import { embedRow, lensWords, outputRow, about as words } from '../strings.js';
import { formatCount } from './format.js';

/**
 * @typedef {Record<'kl' | 'cross_entropy' | 'entropy', number[]>} Scores  by row, the embedding first, the output last; nats
 * @typedef {{positions: number, lenses: Record<string, Scores>}} File
 */

const MEASURES = /** @type {const} */ (['kl', 'cross_entropy', 'entropy']);

export class LensScores extends LitElement {
  static properties = { conductor: { attribute: false } };

  /** @type {File | null} */
  #file = null;
  /** @type {string | null} the model that they were asked for */
  #asked = null;
  #seen = new IntersectionObserver((entries) => {
    if (entries.some((e) => e.isIntersecting)) this.#ask();
  });

  constructor() {
    super();
    /** @type {import('../state/conductor.js').Conductor} */
    this.conductor = /** @type {any} */ (null);
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.#seen.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#seen.disconnect();
  }

  render() {
    const file = this.#file;
    if (!file) return html`<i class="awaited"></i>`;
    const lenses = Object.entries(file.lenses).map(([name, scores]) => ({ name: lensWords(name).name, scores }));
    const rows = lenses[0].scores.kl.map((_, r, all) =>
      r === 0 ? embedRow : r === all.length - 1 ? outputRow : `${r - 1}`,
    );
    return html`
      <h3>${words.lensesTitle}</h3>
      <p>${words.lensesNote(formatCount(file.positions))}</p>
      <p class="lens-key" aria-hidden="true">${lenses.map(({ name }) => html`<span><i></i>${name}</span>`)}</p>
      <div class="lens-plots" aria-hidden="true"></div>
      <div class="wide" tabindex="0" role="region" aria-label=${words.lensesTitle}><table>
        <thead>
          <tr>
            <th scope="col" rowspan="2">${words.lensesRow}</th>
            ${MEASURES.map((m) => html`<th scope="colgroup" colspan=${lenses.length}>${words.lensesMeasures[m]}</th>`)}
          </tr>
          <tr>${MEASURES.map(() => lenses.map(({ name }) => html`<th scope="col">${name}</th>`))}</tr>
        </thead>
        <tbody>
          ${rows.map(
            (row, r) => html`<tr>
              <th scope="row">${row}</th>
              ${MEASURES.map((m) => lenses.map(({ scores }) => html`<td>${scores[m][r].toFixed(2)}</td>`))}
            </tr>`,
          )}
        </tbody>
      </table></div>
    `;
  }

  async #ask() {
    const { drawing } = this.conductor.state;
    if (!drawing || this.#asked === drawing.model.info.ref) return;
    this.#asked = drawing.model.info.ref;
    try {
      const file = await this.conductor.lensScores();
      this.#file = isFile(file) ? file : null;
      this.requestUpdate();
      if (!this.#file) return;
      await this.updateComplete;
      const { drawnScores } = await import('./lens_plot.js');
      const lenses = Object.entries(/** @type {File} */ (file).lenses);
      const plots = MEASURES.map((m) =>
        drawnScores(
          words.lensesMeasures[m],
          lenses.map(([name, scores]) => ({ name: lensWords(name).name, values: scores[m] })),
        ),
      );
      this.querySelector('.lens-plots')?.replaceChildren(...plots);
    } catch {
      this.#asked = null; // the next time it is in sight
    }
  }
}

/** @param {any} file @returns {file is File} */
function isFile(file) {
  const lenses = file && typeof file.lenses === 'object' ? Object.values(file.lenses) : [];
  const n = lenses[0]?.kl?.length;
  return (
    Number.isInteger(file?.positions) &&
    n > 0 &&
    lenses.every((l) =>
      MEASURES.every((m) => Array.isArray(l?.[m]) && l[m].length === n && l[m].every(Number.isFinite)),
    )
  );
}
