// The selected cell: what the model would say there, with numbers; and how the final answer stands.
import { html, noChange, nothing } from 'lit';
import { Directive, directive } from 'lit/directive.js';
import { outputRow, panel, rowName } from '../strings.js';
import { formatLogit, formatProbFine } from './format.js';
import { opensText } from './grid.js';
import { sentenceView, tokenView } from './token.js';

/**
 * @typedef {import("../state/conductor.js").Drawing} Drawing
 * @typedef {import("../engine/readout.js").Guess} Guess
 */

// Through the CSSOM: a style attribute is what the page's content security policy forbids.
const width = directive(
  class extends Directive {
    /** @param {number} share */
    render(share) {
      return share;
    }

    /** @override @param {import('lit/directive.js').ElementPart} part @param {[number]} share */
    update(part, [share]) {
      /** @type {HTMLElement} */ (part.element).style.width = `${100 * share}%`;
      return noChange;
    }
  },
);

/** @param {{drawing: Drawing, selection: import("./grid.js").Selection}} args */
export function panelView({ drawing, selection: { row, position } }) {
  const { readout, model } = drawing;
  if (!readout.has(position)) return nothing;
  const { lead, label } = rowName(readout.rows[row]);
  const where = row === readout.rows.length - 1 ? outputRow : lead + label;
  const at = opensText(drawing, position) ? panel.titleStart() : panel.title({ token: readout.token(position) });
  const guesses = readout.guesses(row, position);
  const answer = readout.answerGuess(row, position);
  const listed = guesses.some((g) => g.id === answer.id);

  const line = (/** @type {Guess} */ g) => html`
    <tr class=${g.id === answer.id ? 'answer' : ''}>
      <td class="number rank">${g.rank.toLocaleString('en')}</td>
      <th scope="row" title=${model.vocabulary.token(g.id).plain}>${tokenView(model.vocabulary, g.id)}</th>
      <td class="bar" aria-hidden="true"><i ${width(g.prob)}></i></td>
      <td class="number prob">${formatProbFine(g.prob)}</td>
      <td class="number">${formatLogit(g.logit)}</td>
      <td class="number id">${g.id}</td>
    </tr>
  `;

  return html`
    <section class="panel" aria-label=${panel.label}>
      <h2><span class="where">${where}</span>${sentenceView(model.vocabulary, at)}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col" class="number"><span class="unseen">${panel.rank}</span></th>
            <th scope="col">${panel.token}</th>
            <td class="bar"></td>
            <th scope="col" class="number">${panel.prob}</th>
            <th scope="col" class="number">${panel.logit}</th>
            <th scope="col" class="number">${panel.id}</th>
          </tr>
        </thead>
        <tbody>${guesses.map(line)}</tbody>
        ${listed ? nothing : html`<tbody class="apart" aria-label=${panel.answer}>${line(answer)}</tbody>`}
      </table>
      <p class="measures">
        ${panel.measures(measure(readout.entropy(row, position)), measure(readout.kl(row, position)))} ${panel.logitNote}
      </p>
    </section>
  `;
}

/** @param {number} nats */
function measure(nats) {
  return Number.isFinite(nats) ? Math.abs(nats).toFixed(2) : '–';
}
