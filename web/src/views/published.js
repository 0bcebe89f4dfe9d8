// <published-checks>: a verified model against the figures that others published of it, each with what was expected and got.
import { html, LitElement, nothing } from 'lit';
import { troubleOf } from '../engine/errors.js';
import { precisionOf } from '../engine/refs.js';
import { verify } from '../state/published.js';
import { verifying as words } from '../strings.js';

/**
 * @typedef {import('../state/published.js').Outcome} Outcome
 * @typedef {import('../state/conductor.js').Model} Model
 * @typedef {{model: Model, sources: string[], n: number, outcomes: Outcome[], problem: string | null}} Round  n: checks in all
 */

export class PublishedChecks extends LitElement {
  static properties = { conductor: { attribute: false }, model: { attribute: false } };

  /** @type {Round | null} the latest */
  #round = null;

  constructor() {
    super();
    /** @type {import('../state/conductor.js').Conductor} */
    this.conductor = /** @type {any} */ (null);
    /** @type {Model | null} that is on show */
    this.model = null;
  }

  createRenderRoot() {
    return this;
  }

  render() {
    const { model } = this;
    if (!model?.published) return nothing;
    const round = this.#round?.model === model ? this.#round : null;
    const { precision } = precisionOf(model.info.ref);
    return html`
      <h3>${words.title(model.title)}</h3>
      <p class="quiet">${words.intro}${precision === 'as_stored' ? nothing : html` ${words.rounded}`}</p>
      <button type="button" ?disabled=${round !== null && round.outcomes.length < round.n} @click=${() => this.#verify(model)}>${words.verify}</button>
      ${round ? this.#roundView(round) : nothing}
    `;
  }

  /** @param {Round} round */
  #roundView({ model, sources, n, outcomes, problem }) {
    const say = (/** @type {number} */ id) => model.vocabulary.token(id).text ?? `#${id}`;
    const passed = outcomes.filter((o) => o.passed).length;
    return html`
      <p role="status">${problem ?? words.count(passed, outcomes.length, n)}</p>
      ${
        outcomes.length > 0
          ? html`<div class="wide" tabindex="0" role="region" aria-label=${words.verify}><table class="checks">
              <thead><tr><th scope="col"></th><th scope="col">${words.check}</th><th scope="col">${words.expected}</th><th scope="col">${words.got}</th></tr></thead>
              <tbody>
                ${outcomes.map(
                  (o) => html`<tr class=${o.passed ? '' : 'failed'}>
                    <td>${words.passed(o.passed)}</td>
                    <th scope="row">${nameOf(o.check, say)} <span class="quiet">${words.source(o.check.source + 1)}</span></th>
                    <td class="number">${shownOf(o.check, o.expected, say)}</td>
                    <td class="number">${o.problem ?? shownOf(o.check, o.got, say)}</td>
                  </tr>`,
                )}
              </tbody>
            </table></div>
            <ol class="cited quiet">${sources.map((source) => html`<li>${source}</li>`)}</ol>`
          : nothing
      }
    `;
  }

  /** @param {Model} model */
  async #verify(model) {
    const { conductor } = this;
    /** @type {Round} */
    let round = { model, sources: [], n: 1, outcomes: [], problem: null };
    // A question about a model that is no longer on show would bring it again.
    const gone = () => this.model !== model || !this.isConnected;
    const run = async (/** @type {object} */ experiment) => (gone() ? null : conductor.run(experiment));
    const tell = (/** @type {Partial<Round>} */ patch) => {
      if (gone()) return;
      this.#round = round = { ...round, ...patch };
      this.requestUpdate();
    };
    tell({});
    try {
      const published = await conductor.published(model);
      tell({ sources: published.sources, n: published.checks.length });
      for await (const outcome of verify(published, model.info, run)) {
        if (gone()) break;
        tell({ outcomes: [...round.outcomes, outcome] });
      }
    } catch (e) {
      tell({ n: 0, problem: troubleOf(e).message });
    }
    if (gone() && this.#round === round) this.#round = null;
  }
}

/** @param {import('../state/published.js').Check} check @param {(id: number) => string} say */
function nameOf(check, say) {
  const text = (/** @type {number[]} */ ids) => ids.map(say).join('');
  const end = (/** @type {number[]} */ ids) => words.ends(text(ids.slice(-4)));
  const { tolerance } = check;
  switch (check.what) {
    case 'next':
      return words.next(end(check.ids), tolerance);
    case 'loss':
      return words.loss(
        check.rows.flat().length - check.rows.length,
        words.begins(text(check.rows[0].slice(1, 5))),
        tolerance,
      );
    case 'greedy':
      return words.greedy(check.continuation.length, end(check.ids));
    case 'difference':
      return words.difference(say(check.right), say(check.wrong), end(check.ids), tolerance);
  }
}

/** @param {import('../state/published.js').Check} check @param {Outcome['got']} value @param {(id: number) => string} say */
function shownOf({ what }, value, say) {
  if (value === null) return '';
  if (!Array.isArray(value)) return words.figure(value);
  return what === 'greedy' ? value.map(say).join('') : value.map(words.figure).join(' ');
}
