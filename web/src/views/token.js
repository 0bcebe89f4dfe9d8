// A token on the page: always text, always isolated from its neighbours' direction.
import { html } from 'lit';
import { spreadCharacters } from '../engine/token_text.js';
import { partOf } from '../strings.js';
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

/** @type {WeakMap<import("../engine/readout.js").Readout, Map<number, {classes: string, over: string, text: string}>>} */
const spread = new WeakMap();

/**
 * How a position's token shares in a character with its neighbours: one bracket lies over all of them, the finished
 * text on the first. null where the token is whole.
 * @param {import("./measures.js").Drawing} drawing
 * @param {number} position
 */
export function bracketOf({ readout, model }, position) {
  let known = spread.get(readout);
  if (!known) {
    known = new Map();
    const ids = Array.from({ length: readout.positions }, (_, p) => readout.token(p));
    for (const { from, to, text } of spreadCharacters(ids.map((id) => model.vocabulary.token(id).bytes)))
      for (let p = from; p <= to; p++) {
        const ends = [p === from ? 'first' : '', p === to ? 'last' : ''].filter(Boolean);
        known.set(p, {
          classes: ['spread', ...ends].join(' '),
          over: p === from ? text.replace(/^\p{M}/u, '◌$&') : '',
          text,
        });
      }
    spread.set(readout, known);
  }
  return known.get(position) ?? null;
}

const SOME = 8; // tokens: one emoji is no other writing

/** Whether most tokens are pieces of characters. @param {import("./measures.js").Drawing} drawing */
export function mostlyBytes(drawing) {
  const { positions } = drawing.readout;
  let pieces = 0;
  for (let p = 0; p < positions; p++) if (bracketOf(drawing, p)) pieces++;
  return pieces >= SOME && pieces > positions / 2;
}

/** A prompt's token for a screen reader. @param {import("./measures.js").Drawing} drawing @param {number} position */
export function spokenAt(drawing, position) {
  const { spoken } = drawing.model.vocabulary.token(drawing.readout.token(position));
  const bracket = bracketOf(drawing, position);
  return bracket ? partOf(spoken, bracket.text) : spoken;
}
