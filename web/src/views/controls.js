// What the grid shows and how: the colour in sight, everything else behind one “more”.
import { html, nothing } from 'lit';
import { lensOf, readOf } from '../state/experiment.js';
import { CALIBRATED } from '../state/lenses.js';
import { lensWords, controls as words } from '../strings.js';
import { asksOf, measuresOf, OVERLAYS, wordsOf } from './measures.js';
import { STRIDES } from './paint.js';

/**
 * @typedef {import("../state/conductor.js").Conductor} Conductor
 * @typedef {import("../state/conductor.js").Drawing} Drawing
 * @typedef {import("./paint.js").Paint} Paint
 */

// The lens that the raw one is held against.
const HATCHED_BY = 'tuned';
const NORMS = ['recomputed', 'frozen', 'none'];

/** @param {{conductor: Conductor, drawing: Drawing, paint: Paint}} args */
export function colourView({ conductor, drawing, paint }) {
  const chosen = (/** @type {Event} */ e) => {
    const colour = /** @type {HTMLSelectElement} */ (e.target).value;
    const { experiment } = conductor.state;
    const asks = asksOf(colour);
    const read = experiment ? readOf(experiment) : {};
    conductor.setView({ colour: colour === 'answer' ? undefined : colour });
    if (Object.entries(asks).some(([key, value]) => read[key] !== value)) conductor.setRead(asks);
  };
  return html`<label class="colour">
    <span>${words.colour}</span>
    <select @change=${chosen}>
      ${measuresOf(drawing).map(
        (m) =>
          html`<option value=${m.key} .selected=${m.key === paint.measure.key}>${wordsOf(m, drawing).name}</option>`,
      )}
    </select>
  </label>`;
}

/** Which lens, where there is more than the raw one. @param {{conductor: Conductor, drawing: Drawing, paint: Paint}} args */
export function lensView({ conductor, drawing, paint }) {
  const { experiment } = conductor.state;
  // A recorded grid says what there will be, so that nothing is pushed down when the engine comes.
  const { lenses } = /** @type {{lenses?: string[]}} */ (drawing.model);
  const names = (drawing.recorded && lenses) || conductor.lenses;
  if (!experiment || names.length < 2) return nothing;
  const lens = lensOf(experiment);
  const hatched = (/** @type {Event} */ e) =>
    conductor.setRead({ beside: /** @type {HTMLInputElement} */ (e.target).checked ? HATCHED_BY : undefined });
  return html`<div class="lens">
    <label>
      <span>${words.lens}</span>
      <select @change=${(/** @type {Event} */ e) => conductor.setLens(/** @type {HTMLSelectElement} */ (e.target).value)}>
        ${[...new Set([...names, lens])].map(
          (name) => html`<option value=${name} .selected=${name === lens}>${lensWords(name).name}</option>`,
        )}
      </select>
    </label>
    ${
      lens === 'raw' && names.includes(HATCHED_BY)
        ? html`<label class="hatch"><input type="checkbox" .checked=${paint.beside !== null} @change=${hatched}> <span>${words.hatch}</span></label>`
        : nothing
    }
  </div>`;
}

/** @param {{conductor: Conductor, drawing: Drawing, paint: Paint}} args */
export function moreView({ conductor, drawing, paint }) {
  const { experiment } = conductor.state;
  if (!experiment) return nothing;
  const read = readOf(experiment);
  const norm = NORMS.includes(read.norm) ? read.norm : NORMS[0];
  const depths = drawing.readout.rows.length;
  const value = (/** @type {Event} */ e) => /** @type {HTMLSelectElement} */ (e.target).value;
  const checked = (/** @type {Event} */ e) => /** @type {HTMLInputElement} */ (e.target).checked || undefined;
  return html`<details class="more">
    <summary>${words.more}</summary>
    <div class="settings">
      <fieldset ?disabled=${lensOf(experiment) === CALIBRATED}>
        <legend>${words.norm}</legend>
        ${NORMS.map(
          (key) => html`<label class="choice">
            <input type="radio" name="norm" value=${key} .checked=${key === norm} @change=${() => conductor.setRead({ norm: key })}>
            <span><b>${words.norms[key].name}</b> ${words.norms[key].means}</span>
          </label>`,
        )}
      </fieldset>
      <fieldset>
        <legend>${words.rows}</legend>
        <label class="choice">
          <input type="checkbox" .checked=${read.mid === true} @change=${(/** @type {Event} */ e) => conductor.setRead({ mid: checked(e) })}>
          <span>${words.mid}</span>
        </label>
        <label class="choice">
          <select aria-label=${words.stride} @change=${(/** @type {Event} */ e) => {
            const stride = Number(value(e));
            conductor.setView({ stride: stride === 1 ? undefined : stride });
          }}>
            ${[...new Set([...STRIDES.filter((n) => n < depths), paint.stride])].map(
              (n) => html`<option value=${n} .selected=${n === paint.stride}>${words.every(n)}</option>`,
            )}
          </select>
        </label>
      </fieldset>
      <fieldset>
        <legend>${words.cells}</legend>
        <label class="choice">
          <input type="checkbox" .checked=${paint.numbers} @change=${(/** @type {Event} */ e) => conductor.setView({ numbers: checked(e) })}>
          <span>${words.numbers}</span>
        </label>
        <label class="choice">
          <span>${words.overlay}</span>
          <select @change=${(/** @type {Event} */ e) => conductor.setView({ overlay: value(e) || undefined })}>
            <option value="" .selected=${paint.overlay === null}>${words.noOverlay}</option>
            ${OVERLAYS.filter((o) => !o.counts || conductor.countable).map(
              (o) =>
                html`<option value=${o.key} .selected=${o === paint.overlay}>${words.overlays[o.key].name}</option>`,
            )}
          </select>
        </label>
      </fieldset>
    </div>
  </details>`;
}
