// <logit-lens>: the whole page as one element, drawn in the light DOM from the conductor's state.
import { html, LitElement, nothing } from 'lit';
import { guard } from 'lit/directives/guard.js';
import { Conductor, selected } from '../state/conductor.js';
import { lensOf, readOf, sameQuestion, shownModel } from '../state/experiment.js';
import { forceTheme } from '../state/theme.js';
import { page } from '../strings.js';
import { aboutView, footView } from './about.js';
import { opensText, spokenOf } from './cell.js';
import { colourView, lensView, moreView } from './controls.js';
import { copied } from './copy.js';
import { keysView, pressed, touched } from './keys.js';
import { legendView } from './legend.js';
import { modelsView, openModels, takeDrops } from './models.js';
import { paintOf } from './paint.js';
import { fitPaper } from './paper.js';
import { hintView, sectionsView, shownOf, veiled } from './projector.js';
import { chipsView, examplesView, promptView } from './prompt.js';
import { statusView } from './status.js';
import { asked, story } from './story.js';
import { mostlyBytes, sentenceView } from './token.js';

/** @typedef {import("./grid.js").Selection} Selection */

// The address bar belongs to the first element of a page.
let linked = false;

export class LogitLens extends LitElement {
  #shown = '';
  /** Whether the dialogs are in the document: nobody waits for them, so they come in a task of their own. */
  #furnished = false;

  constructor() {
    super();
    this.conductor = new Conductor(new URL('.', import.meta.url), !linked, () => this.requestUpdate());
    linked = true;
    const grid = () => /** @type {import('./grid.js').LensGrid | null} */ (this.querySelector('lens-grid'));
    addEventListener('beforeprint', () => {
      grid()?.showWhole(true);
      fitPaper(this);
    });
    addEventListener('afterprint', () => grid()?.showWhole(false));
    this.addEventListener('copy', (e) => {
      const { drawing } = this.conductor.state;
      if (drawing) copied(e, drawing.model.vocabulary);
    });
    document.addEventListener('keydown', (e) => pressed(e, this, this.conductor), { capture: true });
    document.addEventListener('pointerdown', touched);
    takeDrops(this, this.conductor);
    this.conductor.begin();
  }

  createRenderRoot() {
    return this;
  }

  render() {
    const { conductor } = this;
    const { state } = conductor;
    const { experiment } = state;
    const drawing = veiled(state.drawing, experiment);
    const { on } = shownOf(experiment, 1);
    const keptBack = drawing !== state.drawing;
    const selection = experiment && drawing ? selected(experiment, drawing.readout) : { position: 0, row: 0 };
    const paint = experiment && drawing ? paintOf(experiment, drawing, state.frequency?.ranks ?? null) : null;
    const select = (/** @type {number} */ position, /** @type {number} */ row) => conductor.select(position, row);
    const choose = (/** @type {number} */ position) => {
      const { experiment, drawing } = conductor.state;
      if (experiment && drawing) select(position, selected(experiment, drawing.readout).row);
    };
    if (paint?.overlay?.counts) queueMicrotask(() => conductor.count());
    const opens = drawing !== null && opensText(drawing, selection.position);
    const tell = on && !drawing?.readout.has(selection.position) ? asked : story;
    const { norm } = experiment ? readOf(experiment) : {};
    const told = drawing ? tell(drawing.readout, selection.position, opens, norm) : [];
    const example = drawing && state.examples.find((x) => x.prompt === state.prompt);
    // What an example says was seen so, and with the catalog's first model.
    const [first, { title } = { title: '' }] = Object.entries(conductor.shelf.catalog)[0] ?? [];
    const asSeen =
      experiment !== null &&
      shownModel(experiment) === first &&
      lensOf(experiment) === 'raw' &&
      (norm ?? 'recomputed') === 'recomputed';
    const recorded = drawing?.recorded ?? null;
    const model = drawing?.model ?? state.model;
    const stale =
      state.notice?.about === 'prompt' || (recorded && experiment && !sameQuestion(recorded, experiment)) || false;
    return html`
      <header class=${recorded ? 'recorded' : ''}>
        <h1>${page.title}</h1>
        <p class="subtitle">${page.subtitle}</p>
        ${model ? chipView(model, () => openModels(this)) : nothing} ${drawing ? originView(recorded !== null) : nothing}
        ${hintView({ conductor })}
      </header>
      ${promptView({ state, conductor, openModels: () => openModels(this) })}
      <div class="under">
        ${guard([drawing, selection.position], () => chipsView({ drawing, position: selection.position, choose }))}
        ${examplesView({ state, conductor })}
        <lens-share .drawing=${drawing} .experiment=${experiment} .lensFile=${conductor.lensFile}></lens-share>
      </div>
      ${statusView({ state, conductor })}
      ${
        drawing && paint && experiment
          ? html`
            <div class="said" ?data-stale=${stale}>
              <p class="story">${sentenceView(drawing.model.vocabulary, told)}</p>
              ${mostlyBytes(drawing) ? html`<p class="look">${page.mostlyBytes}</p>` : nothing}
              ${example?.look_at ? html`<p class="look"><b>${asSeen ? page.lookAt : page.lookAtElsewhere(title)}</b> ${example.look_at}</p>` : nothing}
            </div>
            <div class="reading" ?data-busy=${state.busy} ?data-stale=${stale}>
              <div class="field" @keydown=${(/** @type {KeyboardEvent} */ e) => this.#pinned(e)} @click=${(/** @type {MouseEvent} */ e) => this.#tapped(e)}>
                <div class="controls">
                  ${colourView({ conductor, drawing, paint })}
                  ${lensView({ conductor, drawing, paint })}
                  ${guard([drawing.model, paint.measure.key, paint.overlay, paint.lens, paint.beside, keptBack], () => legendView({ drawing, paint, answers: !keptBack }))}
                  ${moreView({ conductor, drawing, paint })}
                </div>
                <lens-grid .drawing=${drawing} .selection=${selection} .paint=${paint} .choose=${select}></lens-grid>
              </div>
              ${
                on
                  ? keptBack
                    ? nothing
                    : sectionsView({ conductor, drawing, selection, experiment, busy: state.busy })
                  : html`<cell-panel
                .conductor=${conductor}
                .drawing=${drawing}
                .selection=${selection}
                .experiment=${experiment}
                .busy=${state.busy}
              ></cell-panel>`
              }
            </div>
            <p class="unseen" role="status">${drawing.readout.has(selection.position) ? spokenOf(drawing, paint, selection.row, selection.position).whole : nothing}</p>
          `
          : html`<div class=${state.failure || state.notice?.about === 'prompt' ? '' : 'awaited'}></div>`
      }
      ${footView({ conductor, element: this })}
      ${this.#furnished ? html`${guard([], () => aboutView(conductor))} ${guard([], keysView)} ${modelsView({ conductor })}` : nothing}
    `;
  }

  /** A tapped cell tells of itself, where there is no room to do that beside it. @param {MouseEvent} e */
  #tapped(e) {
    if (!(/** @type {Element} */ (e.target).closest('tbody td, [data-row]'))) return;
    /** @type {import('./panel.js').CellPanel | null} */ (this.querySelector('cell-panel'))?.show();
  }

  /** Enter pins the selected cell's own token, and lets it go again. @param {KeyboardEvent} e */
  #pinned(e) {
    const { experiment, drawing } = this.conductor.state;
    if (e.key !== 'Enter' || !(/** @type {Element} */ (e.target).matches('td')) || !experiment || !drawing) return;
    const { position, row } = selected(experiment, drawing.readout);
    const id = drawing.readout.topId(row, position);
    if (id >= 0) this.conductor.pins.toggle(id);
  }

  firstUpdated() {
    setTimeout(() => {
      this.#furnished = true;
      this.requestUpdate();
    });
  }

  updated() {
    const { experiment, drawing } = this.conductor.state;
    const { on } = shownOf(experiment, 1);
    this.toggleAttribute('data-projector', on);
    forceTheme(on ? 'light' : null); // bright rooms
    if (!experiment || !drawing) return;
    const { position } = selected(experiment, drawing.readout);
    const shown = `${position} ${drawing.readout.positions} ${on}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    // In the frame, when every view is drawn: the layout is read once.
    requestAnimationFrame(() => {
      for (const chip of this.querySelectorAll('.chips li.here'))
        reveal(/** @type {Element} */ (chip.parentElement), chip);
    });
  }
}

/** @param {import("../state/conductor.js").Model} model @param {() => void} choose */
function chipView({ title, about: text, kept, info }, choose) {
  const means = [text, kept, `${page.chooseModel}.`].filter(Boolean).join('\n');
  return html`<button type="button" class="model" aria-haspopup="dialog" title=${means} @click=${choose}>${page.modelChip(title, info.n_layer, info.n_param)}</button>`;
}

/** @param {boolean} recorded */
function originView(recorded) {
  return recorded
    ? html`<p class="origin recorded" title=${page.recordedMeans}>${page.recorded}</p>`
    : html`<p class="origin" title=${page.computedMeans}>${page.computed}</p>`;
}

/** Scrolls `box` alone, not the page, so far that `inner` is seen. @param {Element} box @param {Element} inner */
function reveal(box, inner) {
  const [b, i] = [box.getBoundingClientRect(), inner.getBoundingClientRect()];
  if (i.left < b.left) box.scrollLeft -= b.left - i.left + 8;
  else if (i.right > b.right) box.scrollLeft += i.right - b.right + 8;
  if (i.top < b.top) box.scrollTop -= b.top - i.top;
  else if (i.bottom > b.bottom) box.scrollTop += i.bottom - b.bottom;
}
