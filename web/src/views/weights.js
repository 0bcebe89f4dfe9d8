// "Weights, without a prompt": every head's copying score as a map, a head's page, a neuron's page, and the neurons that
// promote the selected cell's token. `view.head` ("4.2") and `view.neuron` ("L5N30") are what is open.
import { html, nothing } from 'lit';
import { byName, feedersOf } from '../engine/weights.js';
import { shownModel, shownModelName, viewOf } from '../state/experiment.js';
import { weights as words } from '../strings.js';
import { divergingClass } from '../style/scale.js';
import { formatSigned } from './format.js';
import { HeadPage } from './head.js';
import { endsView, headMapView } from './head_map.js';
import { NeuronPage } from './neuron.js';
import { PromotersList } from './promoters.js';
import { Section } from './section.js';

/** @typedef {Record<string, import('../engine/readout.js').Table>} Answer */

const HALF = 25; // steps of the scale's picture on either side
const FEEDERS = 3;

for (const [name, element] of Object.entries({
  'head-page': HeadPage,
  'neuron-page': NeuronPage,
  'promoters-list': PromotersList,
}))
  if (!customElements.get(name)) customElements.define(name, element);

/** @extends {Section<Answer>} */
export class Weights extends Section {
  /** @override */
  question() {
    return { what: 'circuits', model: shownModelName(this.experiment) };
  }

  /** @override as long as the model is the same, so is the answer */
  subject() {
    return shownModel(this.experiment);
  }

  /** @override @param {import('../engine/readout.js').Table[]} tables @returns {Answer} */
  answered(tables) {
    return byName(tables);
  }

  /** @override @param {Answer} tables */
  view(tables) {
    const { copying } = tables;
    const [{ size: layers }, { size: heads }] = copying.dims;
    const name = (/** @type {number} */ i) => `${Math.floor(i / heads)}.${i % heads}`;
    const { head } = viewOf(this.experiment);
    const chosen = Array.from({ length: layers * heads }, (_, i) => i).find((i) => name(i) === head) ?? -1;
    const choose = (/** @type {string} */ key) => this.conductor.setView({ head: key === head ? undefined : key });
    return html`<div class="weights">
      <p>${words.copying}</p>
      ${headMapView({
        ...{ label: words.map, layers, heads, mlp: false, chosen: chosen < 0 ? '' : name(chosen), choose },
        row: (layer) =>
          Array.from({ length: heads }, (_, h) => {
            const i = layer * heads + h;
            return { key: name(i), name: words.head(name(i)), value: copying.data[i] };
          }),
        paint: (value) => divergingClass(value, 1),
        short: formatSigned,
        say: formatSigned,
        caption: html`${endsView(
          Array.from({ length: 2 * HALF + 1 }, (_, i) => divergingClass(i - HALF, HALF)),
          words.lowers,
          words.raises,
        )} ${words.press}`,
      })}
      ${tables.tied.data[0] ? html`<p class="note">${words.tied}</p>` : nothing}
      ${chosen < 0 ? nothing : this.#head(tables, chosen, name)}
      <promoters-list .conductor=${this.conductor} .drawing=${this.drawing} .selection=${this.selection} .experiment=${this.experiment} .busy=${this.busy}></promoters-list>
      <p class="note">${words.papers}</p>
    </div>`;
  }

  /** @param {Answer} tables @param {number} index @param {(i: number) => string} name */
  #head(tables, index, name) {
    const parts = /** @type {const} */ (['q', 'k', 'v']);
    const feeders = parts.map((part) => ({ part, list: feedersOf(tables, part, index, FEEDERS) }));
    const [layer, head] = name(index).split('.').map(Number);
    return html`<div class="head" role="group" aria-label=${words.head(name(index))}>
      <h4>${words.head(name(index))} <span class="number">${formatSigned(tables.copying.data[index])}</span></h4>
      <head-page .conductor=${this.conductor} .drawing=${this.drawing} .selection=${this.selection} .experiment=${this.experiment} .busy=${this.busy} .head=${{ layer, head }}></head-page>
      ${
        feeders[0].list.length === 0
          ? nothing
          : html`<p class="note">${words.composition}</p>
            <ul class="feeders">${feeders.map(
              ({ part, list }) =>
                html`<li>${words.parts[part]} ${list.map(
                  ({ first, score }) =>
                    html`<button type="button" class="plain" @click=${() => this.conductor.setView({ head: name(first) })}>${name(first)} <span class="number">${formatSigned(100 * score)}</span></button> `,
                )}</li>`,
            )}</ul>`
      }
    </div>`;
  }
}
