// <pin-box>: type a token and pin it. Completes against the vocabulary; several words with commas between are a set;
// what is not one token is told as the tokens that it is.
import { html, LitElement, nothing } from 'lit';
import { pins } from '../strings.js';
import { tokenView } from './token.js';

/** @typedef {{ids: number[], name: string | null}} Option  name: of a set */

const LISTED = 8;
let boxes = 0;

export class PinBox extends LitElement {
  static properties = { conductor: { attribute: false }, vocabulary: { attribute: false } };

  #text = '';
  #active = 0;
  #note = '';
  /** @type {Option[]} */
  #options = [];
  #list = `pin-options-${++boxes}`;

  constructor() {
    super();
    /** @type {import("../state/conductor.js").Conductor} */
    this.conductor = /** @type {any} */ (null);
    /** @type {import("../engine/vocabulary.js").Vocabulary} */
    this.vocabulary = /** @type {any} */ (null);
  }

  createRenderRoot() {
    return this;
  }

  render() {
    const open = this.#options.length > 0;
    return html`
      <input
        type="text"
        role="combobox"
        spellcheck="false"
        autocomplete="off"
        autocapitalize="off"
        aria-label=${pins.label}
        placeholder=${pins.hint}
        aria-autocomplete="list"
        aria-expanded=${open ? 'true' : 'false'}
        aria-controls=${this.#list}
        aria-activedescendant=${open ? `${this.#list}-${this.#active}` : nothing}
        .value=${this.#text}
        @input=${(/** @type {InputEvent} */ e) => this.#typed(/** @type {HTMLInputElement} */ (e.target).value)}
        @keydown=${(/** @type {KeyboardEvent} */ e) => this.#pressed(e)}
        @blur=${() => this.#typed('')}
      >
      <div class="offered">
        <p role="status">${this.#note}</p>
        <ul role="listbox" id=${this.#list} aria-label=${pins.options} ?hidden=${!open}>
          ${this.#options.map((option, i) => this.#optionView(option, i))}
        </ul>
      </div>
    `;
  }

  /** @param {Option} option @param {number} i */
  #optionView({ ids, name }, i) {
    const spoken = ids.map((id) => this.vocabulary.token(id).spoken).join(', ');
    // By mouse-down, before the box loses focus and closes.
    return html`<li
      role="option"
      id="${this.#list}-${i}"
      aria-selected=${i === this.#active ? 'true' : 'false'}
      @mousedown=${(/** @type {Event} */ e) => {
        e.preventDefault();
        this.#choose(i);
      }}
    >
      <span aria-hidden="true">
        ${ids.map((id) => html`<span class="token">${tokenView(this.vocabulary, id)}</span> `)}
        ${name === null ? html`<span class="number id">${ids[0]}</span>` : html`<span class="id">${pins.set(ids.length)}</span>`}
      </span>
      <span class="unseen">${name === null ? spoken : `${spoken}: ${pins.set(ids.length)}`}</span>
    </li>`;
  }

  /** @param {string} text */
  async #typed(text) {
    this.#text = text;
    this.#active = 0;
    this.#note = '';
    this.#options = [];
    const words = text.split(',').filter((w) => w.trim() !== '');
    if (words.length > 1) {
      const ids = words.map((w) => this.#wordId(w));
      const missing = ids.indexOf(-1);
      if (missing >= 0) this.#note = pins.nothing(words[missing].trim());
      else this.#options = [{ ids, name: words.map((w) => w.trim()).join(', ') }];
    } else if (text !== '') {
      this.#options = this.vocabulary.complete(text, LISTED).map((id) => ({ ids: [id], name: null }));
    }
    this.requestUpdate();
    if (text === '' || words.length > 1 || this.#options.length > 0) return;

    const ids = await this.conductor.tokenize(text).catch(() => []);
    if (this.#text !== text) return;
    this.#note = ids.length === 0 ? pins.nothing(text) : pins.pieces(text, ids.length);
    this.#options = [...new Set(ids)].map((id) => ({ ids: [id], name: null }));
    this.requestUpdate();
  }

  /** A word of a set: as it stands in the middle of a text, else as it was typed. @param {string} word */
  #wordId(word) {
    const bare = word.trim();
    const spaced = this.vocabulary.find(` ${bare}`);
    return spaced >= 0 ? spaced : this.vocabulary.find(bare);
  }

  /** @param {KeyboardEvent} e */
  #pressed(e) {
    if (e.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    const n = this.#options.length;
    if (step && n > 0) {
      this.#active = (this.#active + step + n) % n;
      this.requestUpdate();
    } else if (e.key === 'Enter') this.#choose(this.#active);
    else if (e.key === 'Escape' && this.#text !== '') {
      this.#typed('');
      e.stopPropagation();
    } else return;
    e.preventDefault();
  }

  /** @param {number} i */
  #choose(i) {
    const option = this.#options[i];
    if (!option) return;
    this.#typed('');
    if (option.name === null) this.conductor.pins.add(option.ids[0]);
    else this.conductor.pins.putSet(option.name, option.ids);
  }
}
