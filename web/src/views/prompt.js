// The prompt's box, what the model makes of it (chips), and the examples.
import { html, nothing } from 'lit';
import { ref } from 'lit/directives/ref.js';
import { promptOf } from '../state/experiment.js';
import { wellFormedText } from '../state/link.js';
import { models, page } from '../strings.js';
import { opensText } from './cell.js';
import { bracketOf, spokenAt, tokenView } from './token.js';

/**
 * @typedef {import("../state/conductor.js").State} State
 * @typedef {import("../state/conductor.js").Conductor} Conductor
 */

let whole = false; // whether the next input replaces all of the text

/** @param {{state: State, conductor: Conductor, openModels: () => void}} args */
export function promptView({ state, conductor, openModels }) {
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
    if (box && wellFormedText(box.value) !== state.prompt) fill(box, state.prompt);
  };
  // Whoever marks all and types or pastes begins anew.
  const before = (/** @type {InputEvent} */ e) => {
    const box = /** @type {HTMLTextAreaElement} */ (e.target);
    whole = box.selectionEnd - box.selectionStart === box.value.length;
  };
  return html`
    <div class="prompt">
      <label class="growing" data-text=${state.prompt}>
        <span class="unseen">${page.prompt}</span>
        <textarea
          rows="1"
          spellcheck="false"
          autocomplete="off"
          autocapitalize="off"
          title=${page.promptHint}
          placeholder=${ids === null ? page.promptEmpty : page.promptIds(ids)}
          ${ref(filled)}
          @beforeinput=${before}
          @input=${(/** @type {InputEvent} */ e) => conductor.setPrompt(/** @type {HTMLTextAreaElement} */ (e.target).value, whole)}
          @keydown=${pressed}
        ></textarea>
      </label>
      <p class="notice" role="alert">${notice ? notice.message : nothing}${notice?.models ? html` <button type="button" class="link" @click=${openModels}>${models.menu}</button>` : nothing}${notice?.lenses ? html` <button type="button" class="link" @click=${() => conductor.retryLenses()}>${page.retry}</button>` : nothing}</p>
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
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -position, End: readout.positions }[e.key];
    if (step === undefined || e.ctrlKey || e.altKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    choose(Math.max(0, Math.min(readout.positions - 1, position + step)));
  };
  const own = readout.positions - (opensText(drawing, 0) ? 1 : 0);
  return html`
    <div class="chips">
      <ol tabindex="0" aria-label=${page.tokensLabel} @click=${clicked} @keydown=${pressed}>
        ${Array.from({ length: readout.positions }, (_, p) => {
          const id = readout.token(p);
          const bracket = bracketOf(drawing, p);
          const classes = `${p === position ? 'here ' : ''}${opensText(drawing, p) ? 'bos ' : ''}${bracket?.classes ?? ''}`;
          return html`<li class=${classes} data-over=${bracket ? bracket.over : nothing} aria-label=${id < 0 ? nothing : spokenAt(drawing, p)}>${id < 0 ? nothing : tokenView(model.vocabulary, id)}</li>`;
        })}
      </ol>
      <span class="count">${page.tokens(own)}</span>
    </div>
  `;
}

/**
 * Writes into the box as if it had been typed, so that the browser's own undo (Ctrl + Z) brings back what was there.
 * @param {HTMLTextAreaElement} box
 * @param {string} text
 */
function fill(box, text) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  if (box.value !== '') {
    box.focus({ preventScroll: true });
    box.select();
    // Deprecated, and the only way that keeps the history of the box.
    document.execCommand(text === '' ? 'delete' : 'insertText', false, text);
    if (before !== box) before?.focus({ preventScroll: true });
  }
  if (wellFormedText(box.value) !== text) box.value = text;
}

/** @param {{state: State, conductor: Conductor}} args */
export function examplesView({ state, conductor }) {
  if (state.examples.length === 0) return nothing;
  const left = (/** @type {FocusEvent} */ e) => {
    const menu = /** @type {HTMLDetailsElement} */ (e.currentTarget);
    const to = /** @type {Node | null} */ (e.relatedTarget);
    if (to && !menu.contains(to)) menu.open = false;
  };
  const pressed = (/** @type {KeyboardEvent} */ e) => {
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    const menu = /** @type {HTMLDetailsElement} */ (e.currentTarget);
    const summary = /** @type {HTMLElement} */ (menu.querySelector('summary'));
    const items = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll('li button')]);
    const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (e.key === 'Escape' && menu.open) {
      menu.open = false;
      summary.focus();
    } else {
      const to = itemFor(e.key, at, menu.open ? state.examples.map((x) => x.prompt) : []);
      if (to === null && !(e.key === 'ArrowDown' && at < 0)) return;
      menu.open = true;
      items[to ?? 0].focus();
    }
    e.preventDefault();
    e.stopPropagation();
  };
  return html`
    ${
      state.undo === null
        ? nothing
        : html`<button type="button" class="link" title=${page.undoMeans(state.undo)} @click=${() => conductor.undo()}>
            ${page.undo}
          </button>`
    }
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

/**
 * Where a key leads in an open menu: up and down, Home and End, or to the next item that begins with this letter.
 * @param {string} key
 * @param {number} at -1 before the first
 * @param {string[]} items
 * @returns {number | null}
 */
export function itemFor(key, at, items) {
  const n = items.length;
  if (n === 0) return null;
  if (key === 'ArrowDown') return (at + 1) % n;
  if (key === 'ArrowUp') return (Math.max(at, 0) + n - 1) % n;
  if (key === 'Home') return 0;
  if (key === 'End') return n - 1;
  if (key.length !== 1 || key === ' ') return null;
  const begins = (/** @type {number} */ i) => items[i].toLowerCase().startsWith(key.toLowerCase());
  const found = Array.from({ length: n }, (_, i) => (at + 1 + i) % n).find(begins);
  return found ?? null;
}
