// <neuron-page>: one neuron, L5N30: the tokens that its value promotes, those its key looks for, and where in the prompt
// it fires.
import { html, nothing } from 'lit';
import { byName, endsOf } from '../engine/weights.js';
import { neuron as words } from '../strings.js';
import { endsTableView } from './ends.js';
import { formatCount, formatSigned } from './format.js';
import { gammaOf } from './gamma.js';
import { Section } from './section.js';
import { tokenView } from './token.js';

/**
 * @typedef {{name: string, layer: number, neuron: number}} Named
 * @typedef {{of: Named, readout: import('../engine/readout.js').Readout, tables: Record<string, import('../engine/readout.js').Table>}} Answer
 */

/** As papers write it: L5N30. @param {number} layer @param {number} neuron */
export const neuronName = (layer, neuron) => `L${layer}N${neuron}`;

/** @param {unknown} name of a link, so it may be anything @param {import('#lens').ModelInfo} info @returns {Named | null} */
export function neuronNamed(name, info) {
  const [, layer, neuron] = /^L(\d{1,3})N(\d{1,5})$/.exec(typeof name === 'string' ? name : '') ?? [];
  if (!(Number(layer) < info.n_layer && Number(neuron) < info.d_mlp)) return null;
  return { name: neuronName(Number(layer), Number(neuron)), layer: Number(layer), neuron: Number(neuron) };
}

/** @extends {Section<Answer>} */
export class NeuronPage extends Section {
  static properties = { ...Section.properties, neuron: { attribute: false } };

  constructor() {
    super();
    /** @type {Named} */
    this.neuron = { name: '', layer: 0, neuron: 0 };
  }

  /** @override */
  question() {
    const { layer, neuron } = this.neuron;
    return { what: 'neuron', layer, neuron, ...gammaOf(this.experiment), top: 6, triggers: 6 };
  }

  /** @override @param {import('../engine/readout.js').Table[]} tables @param {Named} read @returns {Answer} */
  answered(tables, { layer, neuron }) {
    const of = { name: neuronName(layer, neuron), layer, neuron };
    return { of, readout: this.drawing.readout, tables: byName(tables) };
  }

  /** @override @param {Answer} answer */
  view({ of, tables, readout }) {
    const { vocabulary } = this.drawing.model;
    return html`<div class="neuron" role="group" aria-label=${words.label(of.name)}>
      <h4>${words.label(of.name)}</h4>
      <p class="note">${words.value}</p>
      ${endsTableView(vocabulary, endsOf(tables, 'value_'))}
      <p class="note">${words.key}</p>
      ${endsTableView(vocabulary, endsOf(tables, 'key_'), [words.most, words.least])}
      ${this.#triggers(tables, readout)}
    </div>`;
  }

  /** @param {Record<string, import('../engine/readout.js').Table>} tables @param {import('../engine/readout.js').Readout} readout */
  #triggers({ trigger, trigger_next_rank: ranks, activation, said_next: said }, readout) {
    const { vocabulary } = this.drawing.model;
    const { readout: shown } = this.drawing;
    if (shown !== readout) return nothing; // another prompt's
    if (trigger.data.length === 0) return html`<p class="note">${words.silent}</p>`;
    return html`
      <p class="note">${words.fires}</p>
      <table class="triggers">
        <thead><tr><th scope="col">${words.at}</th><th scope="col" class="number">${words.activation}</th><th scope="col">${words.next}</th><th scope="col" class="number">${words.rank}</th></tr></thead>
        <tbody>${[...trigger.data].map(
          (p, i) => html`<tr>
            <th scope="row"><button type="button" class="plain" title=${words.position(p)} @click=${() => this.conductor.select(p, this.selection.row)}>${tokenView(vocabulary, shown.token(p))}</button></th>
            <td class="number">${formatSigned(activation.data[p])}</td>
            <td>${ranks.data[i] > 0 ? tokenView(vocabulary, shown.token(p + 1)) : words.end}</td>
            <td class="number">${ranks.data[i] > 0 ? formatCount(ranks.data[i]) : '–'}</td>
          </tr>`,
        )}</tbody>
      </table>
      ${Number.isFinite(said.data[0]) ? html`<p class="note">${words.said(said.data[0])}</p>` : nothing}
    `;
  }
}
