// <over-prompts>: whether a head writes what it looks at, over many prompts: each is a line of `view.prompts` that ends with a
// token which stands earlier in it, as a name does. A dot for each: how much the place before the end attends to that
// earlier token, and by how much what the head writes there raises it.
import { html, nothing } from 'lit';
import { correlation } from '../engine/correlation.js';
import { NAMES } from '../engine/weights.js';
import { shownModel, shownRun, viewOf } from '../state/experiment.js';
import { theme } from '../state/theme.js';
import { overPrompts as words } from '../strings.js';
import { formatSigned } from './format.js';
import { correlationView, scatterView } from './scatter.js';
import { Section } from './section.js';
import { tokenView } from './token.js';

/**
 * @typedef {import('../engine/readout.js').Table} Table
 * @typedef {import('./scatter.js').Dot & {prompt: string, token: number}} Named
 * @typedef {{head: {layer: number, head: number}, dots: Named[], without: string[], r: number}} Answer
 *   without: the lines whose last token does not stand earlier
 */

const PAIRS = 12; // of names, each in both orders

/** @extends {Section<Answer>} */
export class OverPrompts extends Section {
  static properties = { ...Section.properties, head: { attribute: false } };

  constructor() {
    super();
    this.head = { layer: 0, head: 0 };
  }

  get #prompts() {
    const { prompts } = viewOf(this.experiment);
    return Array.isArray(prompts) ? prompts.filter((line) => typeof line === 'string' && line.trim() !== '') : [];
  }

  /** @override */
  question() {
    const prompts = this.#prompts;
    return prompts.length > 0 ? { what: 'head_writes', ...this.head, prompts } : null;
  }

  /** @override */
  subject() {
    return shownModel(this.experiment);
  }

  /** @override each in a run of its own @param {{prompts: string[]}} read */
  asked({ prompts, ...read }) {
    const names = prompts.map((_, i) => `line ${i + 1}`);
    const { bos } = this.experiment.runs[shownRun(this.experiment)];
    return this.conductor.run(
      {
        v: 1,
        models: { m: shownModel(this.experiment) },
        runs: Object.fromEntries(names.map((name, i) => [name, { model: 'm', prompt: prompts[i], bos }])),
        reads: names.map((run) => ({ ...read, run })),
      },
      this.lane,
    );
  }

  /** @override @param {Table[]} tables @param {{prompts: string[], layer: number, head: number}} read @returns {Answer} */
  answered(tables, { prompts, layer, head }) {
    const found = prompts.map((prompt, read) => dotOf(tables, read, prompt));
    const dots = found.filter((dot) => dot !== null);
    return {
      ...{ head: { layer, head }, dots },
      without: prompts.filter((_, i) => found[i] === null),
      r: correlation(
        dots.map((d) => d.attends),
        dots.map((d) => d.adds),
      ),
    };
  }

  /** @override */
  render() {
    const prompts = this.#prompts;
    const put = (/** @type {string[]} */ lines) =>
      this.conductor.setView({ prompts: lines.length > 0 ? lines : undefined });
    const { layer, head } = this.head;
    return html`<details class="over" ?open=${prompts.length > 0}>
      <summary><h4>${words.title(layer, head)}</h4></summary>
      <p class="note">${words.means}</p>
      <label>${words.prompts}
        <textarea
          rows="4"
          spellcheck="false"
          .value=${prompts.join('\n')}
          @change=${(/** @type {Event} */ e) => put(linesOf(/** @type {HTMLTextAreaElement} */ (e.target).value))}
        ></textarea>
      </label>
      <button type="button" class="link" @click=${() => put(this.#example)}>${words.example}</button>
      ${prompts.length > 0 ? super.render() : nothing}
    </details>`;
  }

  /** Who is sung for: the name that stands there once, in either order; few pairs of names where few are tokens. */
  get #example() {
    const { vocabulary } = this.drawing.model;
    const names = NAMES.filter((name) => vocabulary.idOf(name) >= 0).map((name) => name.trim());
    const n = names.length;
    return Array.from({ length: Math.min(PAIRS, Math.floor((n * (n - 1)) / 2)) }, (_, k) => {
      const [a, b] = [names[k % n], names[(k + 1 + Math.floor(k / n)) % n]];
      return [words.sentence(a, b, b, a), words.sentence(b, a, b, a)];
    }).flat();
  }

  /** @override @param {Answer} answer */
  view({ head, dots, without, r }) {
    const { vocabulary } = this.drawing.model;
    if (head.layer !== this.head.layer || head.head !== this.head.head) return nothing; // the next one is on its way
    return html`<div class="copies">
      <p>${correlationView(r, words.counted(dots.length), dots.length)}</p>
      ${dots.length > 0 ? scatterView([this.answer, theme()], () => dots) : nothing}
      ${without.length > 0 ? html`<p class="note">${words.without(without.length, without[0])}</p>` : nothing}
      ${
        dots.length > 0
          ? html`<div class="scroller" tabindex="0" role="region" aria-label=${words.each}><table>
            <thead><tr><th scope="col">${words.token}</th><th scope="col" class="number">${words.attends}</th><th scope="col" class="number">${words.adds}</th></tr></thead>
            <tbody>${dots.map(
              ({ prompt, token, attends, adds }) =>
                html`<tr title=${prompt}><th scope="row">${tokenView(vocabulary, token)}</th><td class="number">${words.share(attends)}</td><td class="number">${formatSigned(adds)}</td></tr>`,
            )}</tbody>
          </table></div>`
          : nothing
      }
      <p class="note">${words.direct}</p>
    </div>`;
  }
}

/** @param {string} text */
function linesOf(text) {
  return text.split('\n').filter((line) => line.trim() !== '');
}

/** null where the last token does not stand earlier, but for the first position, where heads rest. @param {Table[]} tables @param {number} read @param {string} prompt @returns {Named | null} */
function dotOf(tables, read, prompt) {
  const table = (/** @type {string} */ name) =>
    /** @type {Table} */ (tables.find((t) => t.read === read && t.name === name)).data;
  const ids = table('token');
  const n = ids.length;
  const token = ids[n - 1];
  const [at, before] = [ids.lastIndexOf(token, n - 2), n - 2];
  if (n < 2 || at < 1) return null;
  const pair = before * n + at;
  return { prompt, token, attends: table('pattern')[pair], adds: table('written')[pair] };
}
