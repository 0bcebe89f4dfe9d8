// "Who wrote this?": a cell's logit, of one token or of one rather than another, as the sum of what every part of the
// model wrote there directly. `view.of` and `view.against` are the tokens, `view.part` is the head ("3.2") or the MLP
// ("mlp 3") whose own parts are shown, `view.neuron` the neuron ("L3N7") whose page is open.
import { html, nothing } from 'lit';
import { isPlace, Parts } from '../engine/parts.js';
import { lensOf, readOf, viewOf } from '../state/experiment.js';
import { lensWords, who as words } from '../strings.js';
import { divergingClass } from '../style/scale.js';
import { given } from './cell_view.js';
import { formatSigned } from './format.js';
import { divergingEndsView, headMapView } from './head_map.js';
import { NeuronPage, neuronName, neuronNamed } from './neuron.js';
import { Section } from './section.js';
import { styled } from './styled.js';
import { sentenceView, tokenView } from './token.js';

/**
 * @typedef {import('../engine/parts.js').Part} Part
 * @typedef {{parts: Parts, position: number, drawing: import('../state/conductor.js').Drawing}} Answer
 */

const BARS = 10;

if (!customElements.get('neuron-page')) customElements.define('neuron-page', NeuronPage);

/** @extends {Section<Answer>} */
export class WhoWrote extends Section {
  /** @override */
  question() {
    const { position, row } = this.selection;
    const { readout } = this.drawing;
    const [of, against] = this.#tokens();
    return {
      what: 'components',
      row: readout.rows[row],
      position,
      lens: lensOf(this.experiment),
      norm: readOf(this.experiment).norm,
      tokens: against < 0 ? [of] : [of, against],
    };
  }

  /** @override @param {import('../engine/readout.js').Table[]} tables @param {{position: number}} read @returns {Answer} */
  answered(tables, { position }) {
    return { parts: new Parts(tables), position, drawing: this.drawing };
  }

  /** @override @param {Answer} answer */
  view({ parts, position, drawing }) {
    const { vocabulary } = drawing.model;
    const chosen = chosenOf(viewOf(this.experiment).part, parts);
    const choose = (/** @type {string} */ part) =>
      this.conductor.setView({ part: part === keyOf(chosen) ? undefined : part });
    return html`<div class="who">
      ${this.#tokensView()}
      <p class="sum">${sentenceView(vocabulary, words.sum({ token: parts.of[0] }, parts.of.length > 1 ? { token: parts.of[1] } : null, formatSigned(parts.shown)))}</p>
      <p class="note">${words.direct}</p>
      ${barsView(parts, chosen, choose)}
      ${mapView(parts, keyOf(chosen), choose)}
      ${chosen ? partView({ parts, part: chosen, position, drawing, shared: this }) : nothing}
      <p class="note">${words.adds(parts.remainder, parts.size)} ${readOf(this.experiment).norm === 'none' ? nothing : words.norms[readOf(this.experiment).norm ?? 'recomputed']}
${lensOf(this.experiment) === 'raw' ? nothing : words.lens(lensWords(lensOf(this.experiment)).name)}</p>
      <p class="note">${words.papers}</p>
    </div>`;
  }

  /** The token, and the one it is held against or −1. @returns {[number, number]} */
  #tokens() {
    const { position, row } = this.selection;
    const { readout, model } = this.drawing;
    const { of, against } = viewOf(this.experiment);
    const [first, second] = [of, against].map((ref) => model.vocabulary.idOf(ref));
    const shown = first >= 0 ? first : readout.topId(row, position);
    return [shown, second === shown ? -1 : second];
  }

  #tokensView() {
    const { conductor, drawing } = this;
    const { position, row } = this.selection;
    const { readout, model } = drawing;
    const [of, against] = this.#tokens();
    const pins = conductor.pins.tokens.map((ref) => model.vocabulary.idOf(ref));
    const ids = [
      ...readout.guesses(row, position).map((g) => g.id),
      readout.answer(position),
      ...pins,
      ...[of, against],
    ].filter((id, i, all) => id >= 0 && all.indexOf(id) === i);
    const chosen = async (/** @type {Event} */ e, /** @type {'of' | 'against'} */ key) => {
      const id = Number(/** @type {HTMLSelectElement} */ (e.target).value);
      const [ref] = id < 0 ? [undefined] : await conductor.pins.named([id]);
      conductor.setView({ [key]: ref });
    };
    const option = (/** @type {number} */ id, /** @type {number} */ now) =>
      html`<option value=${id} ?selected=${id === now}>${model.vocabulary.token(id).plain}</option>`;
    return html`<div class="tokens">
      <label>${words.of}
        <select @change=${(/** @type {Event} */ e) => chosen(e, 'of')}>
          <option value="-1" ?selected=${model.vocabulary.idOf(viewOf(this.experiment).of) < 0}>${words.own(model.vocabulary.token(readout.topId(row, position)).plain)}</option>
          ${ids.map((id) => option(id, model.vocabulary.idOf(viewOf(this.experiment).of)))}
        </select>
      </label>
      <label>${words.against}
        <select @change=${(/** @type {Event} */ e) => chosen(e, 'against')}>
          <option value="-1" ?selected=${against < 0}>${words.average}</option>
          ${ids.filter((id) => id !== of).map((id) => option(id, against))}
        </select>
      </label>
    </div>`;
  }
}

/** The parts that weigh most, and all the others together. @param {Parts} parts @param {Part | null} chosen @param {(part: string) => void} choose */
function barsView(parts, chosen, choose) {
  const shown = parts.list.slice(0, BARS);
  const others = parts.list.slice(BARS);
  const rest = others.reduce((sum, p) => sum + p.logit, 0);
  const most = Math.max(Math.abs(rest), ...shown.map((p) => Math.abs(p.logit)));
  return html`<ol class="parts">
    ${shown.map(
      (p) => html`<li>
        ${
          isPlace(p.kind)
            ? html`<button type="button" class="plain" aria-pressed=${keyOf(p) === keyOf(chosen) ? 'true' : 'false'} @click=${() => choose(keyOf(p))}>${nameOf(p)}</button>`
            : html`<span>${nameOf(p)}</span>`
        }
        ${barView(p.logit, most)}
      </li>`,
    )}
    ${others.length > 0 ? html`<li class="rest"><span>${words.others(others.length)}</span>${barView(rest, most)}</li>` : nothing}
  </ol>`;
}

/** From the middle to the right what is above zero, to the left what is below. @param {number} logit @param {number} most */
export function barView(logit, most) {
  const share = most > 0 ? (50 * Math.abs(logit)) / most : 0;
  return html`<span class="signed" aria-hidden="true"><i
      class=${logit < 0 ? 'down' : 'up'}
      ${styled('width', `${share}%`)}
    ></i></span><span class="number">${formatSigned(logit)}</span>`;
}

/** @param {Parts} parts @param {string} chosen @param {(part: string) => void} choose */
function mapView(parts, chosen, choose) {
  const { layers, heads, most } = parts;
  const place = (/** @type {Part} */ p) => ({ key: keyOf(p), name: nameOf(p), value: p.logit });
  return headMapView({
    ...{ label: words.map, layers, heads, mlp: true, chosen, choose },
    row: (layer) => [
      ...Array.from({ length: heads }, (_, head) =>
        place({ kind: 'head', layer, head, logit: parts.head(layer, head) }),
      ),
      place({ kind: 'mlp', layer, head: -1, logit: parts.mlp(layer) }),
    ],
    paint: (logit) => divergingClass(logit, most),
    short: (logit) => (Math.abs(logit) < 0.05 * most ? '' : shortLogit(logit)),
    say: formatSigned,
    caption: html`${divergingEndsView(formatSigned(-most), formatSigned(most))} ${words.mapMeans}`,
  });
}

/** In three characters or four: +1.2, −.4, +12. @param {number} logit */
function shortLogit(logit) {
  const size = Math.abs(logit);
  return `${logit < 0 ? '−' : '+'}${size >= 9.95 ? size.toFixed(0) : size.toFixed(1).replace(/^0/, '')}`;
}

/** What a head or an MLP is made of itself. @param {Answer & {part: Part, shared: import('./cell_view.js').Given}} args */
function partView({ parts, part, position, drawing, shared }) {
  return html`<section class="inside" aria-label=${words.inside(nameOf(part))}>
    <h4>${nameOf(part)} <span class="number">${formatSigned(part.logit)}</span></h4>
    ${part.kind === 'head' ? sourcesView(parts, part, position, drawing) : neuronsView(parts, part, shared)}
  </section>`;
}

/** @param {Parts} parts @param {Part} part @param {number} position @param {import('../state/conductor.js').Drawing} drawing */
function sourcesView(parts, { layer, head }, position, { readout, model }) {
  const sources = parts.sources(layer, head);
  const attention = parts.attention(layer, head);
  const most = Math.max(...[...sources].map(Math.abs));
  return html`
    <p class="note">${words.sources}</p>
    <ol class="sources">
      ${Array.from({ length: position + 1 }, (_, j) => {
        const token = model.vocabulary.token(readout.token(j));
        return html`<li class=${divergingClass(sources[j], most)} title=${words.source(formatSigned(sources[j]), attention[j])}>
          ${tokenView(model.vocabulary, token.id)}
          <span class="number">${formatSigned(sources[j])}</span>
          <span class="unseen">${words.attends(attention[j])}</span>
          <i class="attends" aria-hidden="true" ${styled('width', `${Math.round(100 * attention[j])}%`)}></i>
        </li>`;
      })}
    </ol>
  `;
}

/** @param {Parts} parts @param {Part} part @param {import('./cell_view.js').Given} shared */
function neuronsView(parts, { layer, logit }, shared) {
  const { conductor, drawing, experiment } = shared;
  const open = neuronNamed(viewOf(experiment).neuron, drawing.model.info);
  const neurons = parts.neurons(layer);
  const rest = neurons.reduce((left, n) => left - n.logit, logit);
  const most = Math.max(Math.abs(rest), ...neurons.map((n) => Math.abs(n.logit)));
  return html`
    <p class="note">${words.neurons}</p>
    <ol class="parts">
      ${neurons.map((n) => {
        const name = neuronName(layer, n.id);
        const here = open?.name === name;
        return html`<li title=${words.activation(formatSigned(n.activation))}>
            <button type="button" class="plain" aria-expanded=${here ? 'true' : 'false'} @click=${() => conductor.setView({ neuron: here ? undefined : name })}>${name}</button>
            ${barView(n.logit, most)}
          </li>`;
      })}
      <li class="rest"><span>${words.otherNeurons}</span>${barView(rest, most)}</li>
    </ol>
    ${open?.layer === layer ? html`<neuron-page ${given(shared)} .neuron=${open}></neuron-page>` : nothing}
  `;
}

/** @param {Part} part */
function nameOf({ kind, layer, head }) {
  return words.part(kind, layer, head);
}

/** As `view.part` names it; empty for none. @param {Part | null} part */
function keyOf(part) {
  if (!part || !isPlace(part.kind)) return '';
  return part.kind === 'head' ? `${part.layer}.${part.head}` : `mlp ${part.layer}`;
}

/** @param {unknown} key of a link, so it may be anything @param {Parts} parts @returns {Part | null} */
function chosenOf(key, parts) {
  return parts.list.find((p) => keyOf(p) !== '' && keyOf(p) === key) ?? null;
}
