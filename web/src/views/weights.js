// "Weights, without a prompt": every head's copying score as a map, a head's page, a neuron's page, and the neurons that
// promote the selected cell's token. `view.copying` is the score on the map; `view.head` ("4.2")
// and `view.neuron` ("L5N30") are what is open.
import { html, nothing } from 'lit';
import { byName, feedersOf, NAMES } from '../engine/weights.js';
import { shownModel, viewOf } from '../state/experiment.js';
import { weights as words } from '../strings.js';
import { divergingClass, PREFIX, STEPS, stepOf } from '../style/scale.js';
import { given } from './cell_view.js';
import { formatProb, formatSigned } from './format.js';
import { gammaOf, gammaView } from './gamma.js';
import { HeadPage } from './head.js';
import { divergingEndsView, endsView, headMapView } from './head_map.js';
import { NeuronPage } from './neuron.js';
import { PromotersList } from './promoters.js';
import { Section } from './section.js';

/** @typedef {Record<string, import('../engine/readout.js').Table>} Answer */

const FEEDERS = 3;
const SCORES = /** @type {const} */ (['copying', 'copied', 'turned_round']);

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
    return { what: 'circuits', model: 'm', ...gammaOf(this.experiment) };
  }

  /** @override with Wang's score, on a run of names alone, where the model's context holds it @param {object} read */
  asked(read) {
    const { vocabulary, info } = this.drawing.model;
    const names = NAMES.map((name) => vocabulary.find(name)).filter((id) => id >= 0);
    const ids = [...(info.bos === null ? [] : [info.bos]), ...names];
    const counted = names.length > 0 && ids.length <= info.n_ctx;
    return this.conductor.run(
      {
        v: 1,
        models: { m: shownModel(this.experiment) },
        ...(counted ? { runs: { names: { model: 'm', ids } } } : {}),
        reads: [read, ...(counted ? [{ what: 'copying', run: 'names', names }] : [])],
      },
      this.lane,
    );
  }

  /** @override as long as the model is the same, so is the answer */
  subject() {
    return shownModel(this.experiment);
  }

  /** @override @param {import('../engine/readout.js').Table[]} tables @returns {Answer} */
  answered(tables) {
    const { copied, turned_round, names } = byName(tables, 1);
    return { ...byName(tables), ...(copied ? { copied, turned_round, names } : {}) };
  }

  /** @override @param {Answer} tables */
  view(tables) {
    const { copying: asked, head } = viewOf(this.experiment);
    const score = SCORES.find((s) => s === asked && tables[s]) ?? SCORES[0];
    const { dims, data } = tables[score];
    const scale = scaleOf(score, tables);
    const [{ size: layers }, { size: heads }] = dims;
    const name = (/** @type {number} */ i) => `${Math.floor(i / heads)}.${i % heads}`;
    const chosen = Array.from({ length: layers * heads }, (_, i) => i).find((i) => name(i) === head) ?? -1;
    const choose = (/** @type {string} */ key) => this.conductor.setView({ head: key === head ? undefined : key });
    return html`<div class="weights">
      <label>${words.score}
        <select @change=${(/** @type {Event} */ e) => {
          const { value } = /** @type {HTMLSelectElement} */ (e.target);
          this.conductor.setView({ copying: value === SCORES[0] ? undefined : value });
        }}>${SCORES.filter((s) => tables[s]).map((s) => html`<option value=${s} ?selected=${s === score}>${words.scores[s].name}</option>`)}</select>
      </label>
      ${gammaView(this)}
      <p>${words.scores[score].means(tables.names?.data.length ?? 0)}</p>
      ${headMapView({
        ...{ label: words.map(words.scores[score].name), layers, heads, mlp: false },
        ...{ chosen: chosen < 0 ? '' : name(chosen), choose },
        row: (layer) =>
          Array.from({ length: heads }, (_, h) => {
            const i = layer * heads + h;
            return { key: name(i), name: words.head(name(i)), value: data[i] };
          }),
        ...scale,
      })}
      ${score === 'copying' && tables.tied.data[0] ? html`<p class="note">${words.tied}</p>` : nothing}
      ${chosen < 0 ? nothing : this.#head(tables, chosen, name, scale.say(data[chosen]))}
      <promoters-list ${given(this)}></promoters-list>
      <p class="note">${words.papers}</p>
    </div>`;
  }

  /** @param {Answer} tables @param {number} index @param {(i: number) => string} name @param {string} score */
  #head(tables, index, name, score) {
    const parts = /** @type {const} */ (['q', 'k', 'v']);
    const feeders = parts.map((part) => ({ part, list: feedersOf(tables, part, index, FEEDERS) }));
    const [layer, head] = name(index).split('.').map(Number);
    return html`<div class="head" role="group" aria-label=${words.head(name(index))}>
      <h4>${words.head(name(index))} <span class="number">${score}</span></h4>
      <head-page ${given(this)} .head=${{ layer, head }}></head-page>
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

/**
 * How a score is coloured and written. With tied embeddings the sign of the eigenvalues' score says nothing: the lowest head
 * is pale and the highest dark.
 * @param {(typeof SCORES)[number]} score @param {Answer} tables
 */
function scaleOf(score, tables) {
  const { data } = tables[score];
  if (score !== 'copying') return { ...between(0, 1), short: formatProb, say: formatProb, caption: caption('0', '1') };
  const signed = { short: formatSigned, say: formatSigned };
  if (tables.tied.data[0]) {
    const [least, most] = [Math.min(...data), Math.max(...data)];
    return { ...between(least, most), ...signed, caption: caption(formatSigned(least), formatSigned(most)) };
  }
  return {
    paint: (/** @type {number} */ value) => divergingClass(value, 1),
    ...signed,
    caption: html`${divergingEndsView(words.lowers, words.raises)} ${words.press}`,
  };
}

/** @param {number} least @param {number} most */
function between(least, most) {
  return {
    paint: (/** @type {number} */ value) => `${PREFIX.warm}${stepOf((value - least) / (most - least || 1))}`,
  };
}

/** @param {string} from @param {string} to */
function caption(from, to) {
  const classes = Array.from({ length: STEPS + 1 }, (_, i) => `${PREFIX.warm}${i}`);
  return html`${endsView(classes, from, to)} ${words.press}`;
}
