// "Memories": which neurons of its block's MLP wrote what the selected cell holds, and the tokens their values promote.
// `view.by` is what they are ranked by: how much they write (default), or "effect", what they add to the logit of
// `view.of`; `view.neuron` ("L5N30") is the one whose page is open.
import { html, nothing } from 'lit';
import { siteOf } from '../engine/readout.js';
import { byName, memoriesOf } from '../engine/weights.js';
import { viewOf } from '../state/experiment.js';
import { memories as words } from '../strings.js';
import { given } from './cell_view.js';
import { endsLineView } from './ends.js';
import { gammaOf, gammaView } from './gamma.js';
import { NeuronPage, neuronName, neuronNamed } from './neuron.js';
import { Section } from './section.js';
import { styled } from './styled.js';
import { sentenceView } from './token.js';
import { barView } from './who.js';

/** @typedef {{layer: number, tables: Record<string, import('../engine/readout.js').Table>}} Answer */

const NEURONS = 8;
const TOKENS = 4;

if (!customElements.get('neuron-page')) customElements.define('neuron-page', NeuronPage);

/** From the middle to the right, as barView has what is above zero. @param {number} weight @param {number} most */
const weightView = (weight, most) =>
  html`<span class="signed" aria-hidden="true"><i class="up" ${styled('width', `${(50 * weight) / most}%`)}></i></span><span class="number">${weight.toFixed(2)}</span>`;

/** @extends {Section<Answer>} */
export class Memories extends Section {
  /** The block whose MLP wrote last to the row; −1 for none. */
  get #layer() {
    const { block, site } = siteOf(this.drawing.readout.rows[this.selection.row]);
    return site === 'post' ? block : block - 1;
  }

  /** @override */
  question() {
    const { position, row } = this.selection;
    const { by, of } = viewOf(this.experiment);
    const { readout, model } = this.drawing;
    if (this.#layer < 0) return null;
    const chosen = model.vocabulary.idOf(of);
    return {
      what: 'memories',
      ...{ layer: this.#layer, position, neurons: NEURONS, top: TOKENS },
      ...gammaOf(this.experiment),
      ...(by === 'effect' ? { by, token: chosen >= 0 ? chosen : readout.topId(row, position) } : {}),
    };
  }

  /** @override @param {import('../engine/readout.js').Table[]} tables @param {{layer: number}} read @returns {Answer} */
  answered(tables, { layer }) {
    return { layer, tables: byName(tables) };
  }

  /** @override */
  render() {
    return this.#layer < 0 ? html`<p class="note">${words.nothing}</p>` : super.render();
  }

  /** @override @param {Answer} answer */
  view({ layer, tables }) {
    const { vocabulary, info } = this.drawing.model;
    const effect = viewOf(this.experiment).by === 'effect';
    const list = memoriesOf(tables);
    const size = (/** @type {import('../engine/weights.js').Memory} */ m) => (effect ? m.effect : m.weight);
    const most = Math.max(...list.map((m) => Math.abs(size(m))));
    const open = neuronNamed(viewOf(this.experiment).neuron, info);
    const [token] = tables.effect_token.data;
    return html`<div class="memories">
      <label>${words.by}
        <select @change=${(/** @type {Event} */ e) => {
          const { value } = /** @type {HTMLSelectElement} */ (e.target);
          this.conductor.setView({ by: value === 'effect' ? value : undefined });
        }}>
          <option value="weight" ?selected=${!effect}>${words.weight}</option>
          <option value="effect" ?selected=${effect}>${words.effect(vocabulary.token(token).plain)}</option>
        </select>
      </label>
      ${gammaView(this)}
      <p>${words.active(layer, tables.active_share.data[0], info.d_mlp)}</p>
      <p class="note">${effect ? words.effectMeans : words.weightMeans} ${words.direct}</p>
      <ol class="neurons">
        ${list.map((m) => {
          const name = neuronName(layer, m.neuron);
          const here = open?.name === name;
          return html`<li>
            <button type="button" class="plain" aria-expanded=${here ? 'true' : 'false'} @click=${() => this.conductor.setView({ neuron: here ? undefined : name })}>${name}</button>
            ${effect ? barView(m.effect, most) : weightView(m.weight, most)}
            ${endsLineView(vocabulary, m, TOKENS)}
          </li>`;
        })}
      </ol>
      <p>${words.explained(list.length, list[list.length - 1].explained)}
        ${sentenceView(
          vocabulary,
          words.layerTop(
            { token: tables.layer_top.data[0] },
            [...tables.says_layer_top.data].map((n) => neuronName(layer, n)),
          ),
        )}</p>
      ${open ? html`<neuron-page ${given(this)} .neuron=${open}></neuron-page>` : nothing}
      <p class="note">${words.papers}</p>
    </div>`;
  }
}
