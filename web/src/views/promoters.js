// <promoters-list>: the neurons of all blocks whose value promotes a token most: `view.of`, or the selected cell's own.
import { html, nothing } from 'lit';
import { byName, promotersOf } from '../engine/weights.js';
import { shownModel, shownModelName, viewOf } from '../state/experiment.js';
import { promoters as words } from '../strings.js';
import { given } from './cell_view.js';
import { formatSigned } from './format.js';
import { gammaOf } from './gamma.js';
import { neuronName, neuronNamed } from './neuron.js';
import { Section } from './section.js';
import { sentenceView } from './token.js';

/** @typedef {Record<string, import('../engine/readout.js').Table>} Answer */

const NEURONS = 9;

/** @extends {Section<Answer>} */
export class PromotersList extends Section {
  /** @override */
  question() {
    const { readout, model } = this.drawing;
    const { position, row } = this.selection;
    const of = model.vocabulary.idOf(viewOf(this.experiment).of);
    return {
      what: 'promoters',
      model: shownModelName(this.experiment),
      token: of >= 0 ? of : readout.topId(row, position),
      ...gammaOf(this.experiment),
      neurons: NEURONS,
    };
  }

  /** @override */
  subject() {
    return shownModel(this.experiment);
  }

  /** @override @param {import('../engine/readout.js').Table[]} tables @returns {Answer} */
  answered(tables) {
    return byName(tables);
  }

  /** @override @param {Answer} tables */
  view(tables) {
    const { vocabulary, info } = this.drawing.model;
    const open = neuronNamed(viewOf(this.experiment).neuron, info);
    return html`
      <h4><span>${sentenceView(vocabulary, words.title({ token: tables.of.data[0] }))}</span></h4>
      <ol class="promoters">${promotersOf(tables).map(({ layer, neuron, logit }) => {
        const name = neuronName(layer, neuron);
        const here = open?.name === name;
        return html`<li><button type="button" class="plain" aria-expanded=${here ? 'true' : 'false'} @click=${() => this.conductor.setView({ neuron: here ? undefined : name })}>${name}</button> <span class="number">${formatSigned(logit)}</span></li>`;
      })}</ol>
      <p class="note">${words.means}</p>
      ${open ? html`<neuron-page ${given(this)} .neuron=${open}></neuron-page>` : nothing}
    `;
  }
}
