// <panel-sections>: what else there is to read of the selected cell, each kind in a section of its own that is closed at
// first; `view.sections` names the open ones. A section is an element with the properties below (section.js); its code
// is fetched when it is first opened.
import { html, LitElement, nothing } from 'lit';
import { viewOf } from '../state/experiment.js';
import { sections as words } from '../strings.js';

/**
 * @typedef {{conductor: import('../state/conductor.js').Conductor, drawing: import('../state/conductor.js').Drawing,
 *            selection: import('./grid.js').Selection, experiment: import('../state/experiment.js').Experiment,
 *            busy: boolean}} Shared
 * @typedef {{load: () => Promise<CustomElementConstructor>, view: (shared: Shared) => import('lit').TemplateResult}} Section
 */

/** By key: as `view.sections` and strings.js name them, and as its element is called. @type {Record<string, Section>} */
const SECTIONS = {
  moments: {
    load: async () => (await import('./moments.js')).Moments,
    view: (s) =>
      html`<section-moments .conductor=${s.conductor} .drawing=${s.drawing} .selection=${s.selection} .experiment=${s.experiment} .busy=${s.busy}></section-moments>`,
  },
  who: {
    load: async () => (await import('./who.js')).WhoWrote,
    view: (s) =>
      html`<section-who .conductor=${s.conductor} .drawing=${s.drawing} .selection=${s.selection} .experiment=${s.experiment} .busy=${s.busy}></section-who>`,
  },
  writes: {
    load: async () => (await import('./writes.js')).Writes,
    view: (s) =>
      html`<section-writes .conductor=${s.conductor} .drawing=${s.drawing} .selection=${s.selection} .experiment=${s.experiment} .busy=${s.busy}></section-writes>`,
  },
  attention: {
    load: async () => (await import('./attention.js')).Attention,
    view: (s) =>
      html`<section-attention .conductor=${s.conductor} .drawing=${s.drawing} .selection=${s.selection} .experiment=${s.experiment} .busy=${s.busy}></section-attention>`,
  },
  heads: {
    load: async () => (await import('./heads.js')).Heads,
    view: (s) =>
      html`<section-heads .conductor=${s.conductor} .drawing=${s.drawing} .selection=${s.selection} .experiment=${s.experiment} .busy=${s.busy}></section-heads>`,
  },
  memories: {
    load: async () => (await import('./memories.js')).Memories,
    view: (s) =>
      html`<section-memories .conductor=${s.conductor} .drawing=${s.drawing} .selection=${s.selection} .experiment=${s.experiment} .busy=${s.busy}></section-memories>`,
  },
  weights: {
    load: async () => (await import('./weights.js')).Weights,
    view: (s) =>
      html`<section-weights .conductor=${s.conductor} .drawing=${s.drawing} .selection=${s.selection} .experiment=${s.experiment} .busy=${s.busy}></section-weights>`,
  },
};

/** @type {Set<string>} those whose code is here, or on its way */
const loaded = new Set();

export class PanelSections extends LitElement {
  static properties = {
    conductor: { attribute: false },
    drawing: { attribute: false },
    selection: { attribute: false },
    experiment: { attribute: false },
    busy: { attribute: false },
  };

  #failed = false;

  constructor() {
    super();
    /** @type {Shared['conductor']} */
    this.conductor = /** @type {any} */ (null);
    /** @type {Shared['drawing']} */
    this.drawing = /** @type {any} */ (null);
    /** @type {Shared['selection']} */
    this.selection = { position: 0, row: 0 };
    /** @type {Shared['experiment']} */
    this.experiment = {};
    this.busy = false;
  }

  createRenderRoot() {
    return this;
  }

  render() {
    const open = openOf(this.experiment);
    return html`
      ${Object.entries(SECTIONS).map(
        ([key, { view }]) => html`<details
          class="section"
          ?open=${open.includes(key)}
          @toggle=${(/** @type {ToggleEvent} */ e) => this.#toggled(e, key)}
        >
          <summary><h3>${words.titles[key]}</h3></summary>
          ${open.includes(key) ? view(this) : nothing}
        </details>`,
      )}
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
      customElements.define(`section-${key}`, await SECTIONS[key].load());
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
