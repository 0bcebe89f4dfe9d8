// A token on the page: always text, always isolated from its neighbours' direction.
import { html } from 'lit';
import { formatProb } from './format.js';

/** @typedef {import("../engine/vocabulary.js").Vocabulary} Vocabulary */
/** @typedef {import("./story.js").Part} Part */

/** @type {WeakMap<Vocabulary, Map<number, import("lit").TemplateResult>>} */
const made = new WeakMap();

/** @param {Vocabulary} vocabulary @param {number} id */
export function tokenView(vocabulary, id) {
  const known = made.get(vocabulary) ?? new Map();
  made.set(vocabulary, known);
  let view = known.get(id);
  if (!view) {
    const pieces = vocabulary.token(id).pieces;
    const mark = pieces.length === 1 ? 'mark alone' : 'mark';
    view = html`<bdi data-id=${id}>${pieces.map((p) => (p.kind === 'mark' ? html`<span class=${mark}>${p.text}</span>` : p.text))}</bdi>`;
    known.set(id, view);
  }
  return view;
}

/** @param {Vocabulary} vocabulary @param {Part[]} parts */
export function sentenceView(vocabulary, parts) {
  return parts.map((part) => {
    if (typeof part === 'string') return part;
    if ('prob' in part) return html`<span class="number">${formatProb(part.prob)}</span>`;
    return html`<span class="token" role="img" aria-label=${vocabulary.token(part.token).spoken}>${tokenView(vocabulary, part.token)}</span>`;
  });
}
