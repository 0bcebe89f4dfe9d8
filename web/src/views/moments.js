// "Moments": what happened at the selected position on its way up, and the same in short for every position; and the
// pinned sets against each other, row by row. `view.target` is the token that should come next, where the text ends.
import { html, nothing } from 'lit';
import { guard } from 'lit/directives/guard.js';
import { moments, nextToken } from '../engine/moments.js';
import { readOf, viewOf } from '../state/experiment.js';
import { outputRow, rowName, moments as words } from '../strings.js';
import { opensText } from './cell.js';
import { formatNats, formatProbFine, formatSigned } from './format.js';
import { Section } from './section.js';
import { sentenceView, tokenView } from './token.js';

/** @extends {Section<null>} */
export class Moments extends Section {
  /** @override what it says, it says of the grid's own numbers */
  render() {
    const { drawing, selection, conductor } = this;
    const { readout } = drawing;
    const { position } = selection;
    if (!readout.has(position)) return nothing;
    const choose = (/** @type {number} */ at) => conductor.select(at, this.selection.row);
    return html`<div class="moments">
      ${this.#own()}
      ${readout.sets.length > 0 ? setsView(drawing, position) : nothing}
      <h4>${words.everywhere}</h4>
      ${everywhereView(drawing, position, choose)}
      <p class="note">${words.lens(readOf(this.experiment).lens ?? 'raw')}</p>
    </div>`;
  }

  /** @override */
  updated() {}

  #own() {
    const { drawing, selection, conductor } = this;
    const { readout, model } = drawing;
    const { position } = selection;
    const next = nextToken(readout, position);
    const target = next >= 0 ? next : model.vocabulary.idOf(viewOf(this.experiment).target);
    const found = moments(readout, position, target);
    const { depth, first, flips, peak } = found;
    const answer = { token: readout.answer(position) };
    const said = (/** @type {import('./story.js').Part[]} */ parts) => sentenceView(model.vocabulary, parts);
    const goTo = (/** @type {number} */ row) =>
      html`<button type="button" class="plain" @click=${() => conductor.select(position, row)}>${nameOf(readout, row)}</button>`;
    return html`<dl>
      <dt>${words.settled}</dt>
      <dd>${depth === null ? words.notSettled : html`${goTo(depth)}${said(words.settledBy(answer))}`}</dd>
      ${first !== null && first !== depth ? html`<dt>${words.first}</dt><dd>${goTo(first)}${said(words.firstLed(answer))}</dd>` : nothing}
      <dt>${words.flips}</dt>
      <dd>${flips.length === 0 ? words.noFlips : nothing}
        <ol>${flips.map((f) => html`<li>${goTo(f.row)}${said(words.flip({ token: f.from }, { token: f.to }, formatSigned(f.margin), f.by))}</li>`)}</ol>
      </dd>
      <dt>${words.peak}</dt>
      <dd>${goTo(peak.row)}${words.peakMeans(formatNats(peak.nats))}</dd>
      <dt>${words.next}</dt>
      <dd>${next < 0 ? this.#targetView(target) : nothing}${found.target ? said(words.outcome(found.target.outcome, { token: target }, found.target.row < 0 ? '' : nameOf(readout, found.target.row))) : nothing}</dd>
    </dl>`;
  }

  /** What should come next, where the text ends. @param {number} target */
  #targetView(target) {
    const { conductor, drawing, selection } = this;
    const { readout, model } = drawing;
    const last = readout.rows.length - 1;
    const ids = [
      target,
      ...readout.guesses(last, selection.position).map((g) => g.id),
      ...conductor.pins.tokens.map((ref) => model.vocabulary.idOf(ref)),
    ].filter((id, i, all) => id >= 0 && all.indexOf(id) === i);
    return html`<label>${words.target}
      <select @change=${async (/** @type {Event} */ e) => {
        const id = Number(/** @type {HTMLSelectElement} */ (e.target).value);
        const [ref] = id < 0 ? [undefined] : await conductor.pins.named([id]);
        conductor.setView({ target: ref });
      }}>
        <option value="-1" ?selected=${target < 0}>${words.noTarget}</option>
        ${ids.map((id) => html`<option value=${id} ?selected=${id === target}>${model.vocabulary.token(id).plain}</option>`)}
      </select></label>`;
  }
}

/** @param {import('../engine/readout.js').Readout} readout @param {number} row */
function nameOf(readout, row) {
  if (row === readout.rows.length - 1) return outputRow;
  const { lead, label } = rowName(readout.rows[row]);
  return lead + label;
}

/**
 * Every position in a line: its answer, since when, how often the lead changed, and what became of the next token.
 * @param {import('../state/conductor.js').Drawing} drawing @param {number} here @param {(position: number) => void} choose
 */
function everywhereView(drawing, here, choose) {
  const { readout, model } = drawing;
  const positions = Array.from({ length: readout.positions }, (_, p) => p).filter(
    (p) => readout.has(p) && !opensText(drawing, p),
  );
  return html`<div class="scroller" tabindex="0" role="region" aria-label=${words.everywhere}><table>
    <thead><tr>${words.columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
    <tbody>${positions.map((p) =>
      guard([drawing, p === here], () => {
        const { depth, flips, target } = moments(readout, p, nextToken(readout, p));
        return html`<tr class=${p === here ? 'here' : ''}>
          <th scope="row"><button type="button" class="plain" @click=${() => choose(p)}>${tokenView(model.vocabulary, readout.token(p))}</button></th>
          <td>${tokenView(model.vocabulary, readout.answer(p))}</td>
          <td>${depth === null ? '–' : nameOf(readout, depth).replace(/^.* (?=\d)/, '')}</td>
          <td class="number">${flips.length}</td>
          <td>${target ? words.outcomes[target.outcome] : '–'}</td>
        </tr>`;
      }),
    )}</tbody>
  </table></div>`;
}

/** @param {import('../state/conductor.js').Drawing} drawing @param {number} position */
function setsView({ readout }, position) {
  const [first, second] = readout.sets;
  const rows = readout.rows.map((_, i) => readout.rows.length - 1 - i);
  const odds = (/** @type {number} */ row) => {
    const p = readout.setProb(row, position, 0);
    const q = second === undefined ? 1 - p : readout.setProb(row, position, 1);
    return Math.log(p / q);
  };
  return html`<h4>${words.sets}</h4>
    <div class="scroller" tabindex="0" role="region" aria-label=${words.sets}><table>
      <thead><tr><th scope="col">${words.row}</th>${readout.sets.map((name) => html`<th scope="col"><bdi>${name}</bdi></th>`)}<th scope="col">${words.odds}</th></tr></thead>
      <tbody>${rows.map(
        (row) => html`<tr><th scope="row">${nameOf(readout, row)}</th>
          ${readout.sets.map((_, i) => html`<td class="number">${formatProbFine(readout.setProb(row, position, i))}</td>`)}
          <td class="number">${formatSigned(odds(row))}</td></tr>`,
      )}</tbody>
    </table></div>
    <p class="note">${second === undefined ? words.oddsOfOne(first) : words.oddsOfTwo(first, second)}</p>`;
}
