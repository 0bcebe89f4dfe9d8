// <panel-sections>: what else there is to read of the selected cell, each kind in a section of its own that is closed at
// first; `view.sections` names the open ones. A section is an element with those of cell_view.js (section.js); its code
// is fetched when it is first opened.
import { html, nothing } from 'lit';
import { html as staticHtml, unsafeStatic } from 'lit/static-html.js';
import { viewOf } from '../state/experiment.js';
import { sections as words } from '../strings.js';
import { CellView, given } from './cell_view.js';

/** By key: as `view.sections` and strings.js name them, and as its element is called. @type {Record<string, () => Promise<CustomElementConstructor>>} */
const SECTIONS = {
  moments: async () => (await import('./moments.js')).Moments,
  compare: async () => (await import('./compare.js')).Compare,
  who: async () => (await import('./who.js')).WhoWrote,
  writes: async () => (await import('./writes.js')).Writes,
  attention: async () => (await import('./attention.js')).Attention,
  heads: async () => (await import('./heads.js')).Heads,
  memories: async () => (await import('./memories.js')).Memories,
  weights: async () => (await import('./weights.js')).Weights,
};

/** @type {Set<string>} those whose code is here, or on its way */
const loaded = new Set();

export class PanelSections extends CellView {
  #failed = false;

  render() {
    const open = openOf(this.experiment);
    return html`
      ${Object.keys(SECTIONS).map((key) => {
        const tag = unsafeStatic(`section-${key}`);
        return html`<details
          class="section"
          ?open=${open.includes(key)}
          @toggle=${(/** @type {ToggleEvent} */ e) => this.#toggled(e, key)}
        >
          <summary><h3>${words.titles[key]}</h3></summary>
          ${open.includes(key) ? staticHtml`<${tag} ${given(this)}></${tag}>` : nothing}
        </details>`;
      })}
      ${this.#failed ? html`<p class="note">${words.failed}</p>` : nothing}
    `;
  }

  updated() {
    for (const key of openOf(this.experiment)) if (!loaded.has(key)) this.#load(key);
  }

  /** @param {string} key */
  async #load(key) {
    loaded.add(key);
    try {
      customElements.define(`section-${key}`, await SECTIONS[key]());
      this.#failed = false;
    } catch {
      loaded.delete(key);
      this.#failed = true;
      this.requestUpdate();
    }
  }

  /** @param {ToggleEvent} e @param {string} key */
  #toggled(e, key) {
    const { open: shown } = /** @type {HTMLDetailsElement} */ (e.target);
    const open = openOf(this.experiment);
    if (e.target !== e.currentTarget || shown === open.includes(key)) return;
    const left = shown ? [...open, key] : open.filter((k) => k !== key);
    this.conductor.setView({ sections: left.length > 0 ? left : undefined });
  }
}

/** @param {import('../state/experiment.js').Experiment} experiment @returns {string[]} */
export function openOf(experiment) {
  const { sections } = viewOf(experiment);
  return Array.isArray(sections) ? sections.filter((key) => Object.hasOwn(SECTIONS, key)) : [];
}
