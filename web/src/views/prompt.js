// The prompt's box, what the model makes of it (chips), and the examples.
import { html, nothing } from 'lit';
import { ref } from 'lit/directives/ref.js';
import { promptOf } from '../state/experiment.js';
import { page } from '../strings.js';
import { opensText } from './grid.js';
import { tokenView } from './token.js';

/**
 * @typedef {import("../state/conductor.js").State} State
 * @typedef {import("../state/conductor.js").Conductor} Conductor
 */

/** @param {{state: State, conductor: Conductor}} args */
export function promptView({ state, conductor }) {
  const { experiment, drawing, notice } = state;
  const ids = experiment !== null && promptOf(experiment) === null ? (drawing?.readout.positions ?? 0) : null;
  const pressed = (/** @type {KeyboardEvent} */ e) => {
    if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    conductor.commit();
  };
  // The box keeps its own text while it says the same, caret and all.
  const filled = (/** @type {Element | undefined} */ el) => {
    const box = /** @type {HTMLTextAreaElement | undefined} */ (el);
    if (!box) return;
    if (box.value.replace(/\p{Surrogate}/gu, '\ufffd') !== state.prompt) box.value = state.prompt;
  };
  return html`
    <div class="prompt">
      <label>
        <span class="unseen">${page.prompt}</span>
        <textarea
          rows="1"
          spellcheck="false"
          autocomplete="off"
          autocapitalize="off"
          title=${page.promptHint}
          placeholder=${ids === null ? page.prompt : page.promptIds(ids)}
          ${ref(filled)}
          @input=${(/** @type {InputEvent} */ e) => conductor.setPrompt(/** @type {HTMLTextAreaElement} */ (e.target).value)}
          @keydown=${pressed}
        ></textarea>
      </label>
      <p class="notice" role="alert">${notice ? notice.message : nothing}</p>
    </div>
  `;
}

/** @param {{drawing: import("../state/conductor.js").Drawing | null, position: number, choose: (position: number) => void}} args */
export function chipsView({ drawing, position, choose }) {
  if (!drawing) return html`<div class="chips"></div>`;
  const { readout, model } = drawing;
  const clicked = (/** @type {MouseEvent} */ e) => {
    const chip = /** @type {Element} */ (e.target).closest('li');
    if (chip?.parentElement) choose([...chip.parentElement.children].indexOf(chip));
  };
  const pressed = (/** @type {KeyboardEvent} */ e) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!step || e.ctrlKey || e.altKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    choose(Math.max(0, Math.min(readout.positions - 1, position + step)));
  };
  const own = readout.positions - (opensText(drawing, 0) ? 1 : 0);
  return html`
    <div class="chips">
      <ol tabindex="0" aria-label=${page.tokensLabel} @click=${clicked} @keydown=${pressed}>
        ${Array.from({ length: readout.positions }, (_, p) => {
          const id = readout.token(p);
          const classes = `${p === position ? 'here ' : ''}${opensText(drawing, p) ? 'bos' : ''}`;
          return html`<li class=${classes}>${id < 0 ? nothing : tokenView(model.vocabulary, id)}</li>`;
        })}
      </ol>
      <span class="count">${page.tokens(own)}</span>
    </div>
  `;
}

/** @param {{state: State, conductor: Conductor}} args */
export function examplesView({ state, conductor }) {
  if (state.examples.length === 0) return nothing;
  const close = (/** @type {Event} */ e) => {
    const box = /** @type {HTMLDetailsElement} */ (e.currentTarget);
    box.open = false;
  };
  const left = (/** @type {FocusEvent} */ e) => {
    const box = /** @type {HTMLDetailsElement} */ (e.currentTarget);
    if (!box.contains(/** @type {Node | null} */ (e.relatedTarget))) box.open = false;
  };
  const pressed = (/** @type {KeyboardEvent} */ e) => {
    if (e.key !== 'Escape') return;
    close(e);
    /** @type {HTMLElement} */ (/** @type {Element} */ (e.currentTarget).querySelector('summary')).focus();
  };
  return html`
    <details class="menu examples" @focusout=${left} @keydown=${pressed}>
      <summary>${page.examples}</summary>
      <ul>
        ${state.examples.map(
          (x) => html`<li>
            <button type="button" @click=${(/** @type {Event} */ e) => {
              const box = /** @type {Element} */ (e.currentTarget).closest('details');
              /** @type {HTMLElement | null | undefined} */ (box?.querySelector('summary'))?.focus();
              if (box) box.open = false;
              conductor.open(x);
            }}>
              <span class="text"><bdi>${x.prompt}</bdi></span>
              ${x.look_at ? html`<span class="look">${x.look_at}</span>` : nothing}
            </button>
          </li>`,
        )}
      </ul>
    </details>
  `;
}
