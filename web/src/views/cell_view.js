// What all views of the selected cell are given, and hand on: `<section-who ${given(this)}></section-who>`.
import { LitElement, noChange } from 'lit';
import { Directive, directive } from 'lit/directive.js';

/**
 * @typedef {{conductor: import('../state/conductor.js').Conductor, drawing: import('../state/conductor.js').Drawing,
 *            selection: import('./grid.js').Selection, experiment: import('../state/experiment.js').Experiment,
 *            busy: boolean}} Given
 */

export class CellView extends LitElement {
  static properties = {
    conductor: { attribute: false },
    drawing: { attribute: false },
    selection: { attribute: false },
    experiment: { attribute: false },
    busy: { attribute: false },
  };

  constructor() {
    super();
    /** @type {Given['conductor']} */
    this.conductor = /** @type {any} */ (null);
    /** @type {Given['drawing']} */
    this.drawing = /** @type {any} */ (null);
    /** @type {Given['selection']} */
    this.selection = { position: 0, row: 0 };
    /** @type {Given['experiment']} */
    this.experiment = {};
    this.busy = false;
  }

  createRenderRoot() {
    return this;
  }
}

export const given = directive(
  class extends Directive {
    /** @param {Given} view */
    render(view) {
      return view;
    }

    /** @override @param {import('lit/directive.js').ElementPart} part @param {[Given]} view */
    update(part, [{ conductor, drawing, selection, experiment, busy }]) {
      Object.assign(part.element, { conductor, drawing, selection, experiment, busy });
      return noChange;
    }
  },
);
