// What a direction promotes and what it suppresses, as two lists of tokens.
import { html } from 'lit';
import { ends as words } from '../strings.js';
import { formatSigned } from './format.js';
import { tokenView } from './token.js';

/**
 * @typedef {import('../engine/weights.js').Ends} Ends
 * @typedef {import('../engine/vocabulary.js').Vocabulary} Vocabulary
 */

/** With numbers, side by side. @param {Vocabulary} vocabulary @param {Ends} ends @param {[string, string]} [titles] */
export function endsTableView(vocabulary, { promoted, suppressed }, titles = [words.promotes, words.suppresses]) {
  const list = (/** @type {string} */ title, /** @type {import('../engine/weights.js').Token[]} */ tokens) =>
    html`<div><h5>${title}</h5><ol>${tokens.map(
      ({ id, logit }) => html`<li>${tokenView(vocabulary, id)}<span class="number">${formatSigned(logit)}</span></li>`,
    )}</ol></div>`;
  return html`<div class="both-ends">${list(titles[0], promoted)}${list(titles[1], suppressed)}</div>`;
}

/** In a line each. @param {Vocabulary} vocabulary @param {Ends} ends @param {number} n */
export function endsLineView(vocabulary, { promoted, suppressed }, n) {
  const some = (/** @type {import('../engine/weights.js').Token[]} */ tokens) =>
    tokens.slice(0, n).map(({ id }) => html`<span class="token">${tokenView(vocabulary, id)}</span> `);
  return html`
    <span class="line"><span class="side" title=${words.promotes}><span aria-hidden="true">↑</span><span class="unseen">${words.promotes}</span></span> ${some(promoted)}</span>
    <span class="line"><span class="side" title=${words.suppresses}><span aria-hidden="true">↓</span><span class="unseen">${words.suppresses}</span></span> ${some(suppressed)}</span>
  `;
}
