// <head-page>: one head from its weights: the strongest pairs of tokens in its OV and QK circuits, and what it does with
// the token at the selected position.
import { html } from 'lit';
import { byName, endsOf, pairsOf } from '../engine/weights.js';
import { shownModel, shownModelName } from '../state/experiment.js';
import { head as words } from '../strings.js';
import { endsTableView } from './ends.js';
import { formatSigned } from './format.js';
import { gammaOf } from './gamma.js';
import { Section } from './section.js';
import { sentenceView, tokenView } from './token.js';

/** @typedef {Record<string, import('../engine/readout.js').Table>} Answer */

/** @extends {Section<Answer>} */
export class HeadPage extends Section {
  static properties = { ...Section.properties, head: { attribute: false } };

  constructor() {
    super();
    this.head = { layer: 0, head: 0 };
  }

  /** @override */
  question() {
    const token = this.drawing.readout.token(this.selection.position);
    return {
      what: 'parameters',
      model: shownModelName(this.experiment),
      ...this.head,
      ...gammaOf(this.experiment),
      token,
      top: 5,
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
    const { vocabulary } = this.drawing.model;
    const pairs = (/** @type {'ov' | 'qk'} */ circuit, /** @type {'best' | 'worst'} */ end) =>
      html`<ol>${pairsOf(tables, circuit, end).map(
        ({ from, to, score }) =>
          html`<li><span>${tokenView(vocabulary, from)} <span class="soft">→</span> ${tokenView(vocabulary, to)}</span><span class="number">${formatSigned(score)}</span></li>`,
      )}</ol>`;
    const token = { token: tables.of.data[0] };
    return html`
      <p class="note">${words.ov}</p>
      <div class="both-ends"><div><h5>${words.raises}</h5>${pairs('ov', 'best')}</div><div><h5>${words.lowers}</h5>${pairs('ov', 'worst')}</div></div>
      <p class="note">${words.qk}</p>
      <div class="both-ends"><div><h5>${words.most}</h5>${pairs('qk', 'best')}</div><div><h5>${words.least}</h5>${pairs('qk', 'worst')}</div></div>
      <p class="note">${words.rare}</p>
      <p class="note">${sentenceView(vocabulary, words.writes(token))}</p>
      ${endsTableView(vocabulary, endsOf(tables, 'writes_'))}
      <p class="note">${sentenceView(vocabulary, words.attends(token))}</p>
      ${endsTableView(vocabulary, endsOf(tables, 'attends_to_'), [words.most, words.least])}
    `;
  }
}
