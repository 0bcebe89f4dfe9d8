// Whether weights are read through the final norm's γ, or without a norm as the papers published it: `view.gamma: false`.
import { html } from 'lit';
import { viewOf } from '../state/experiment.js';
import { gamma as words } from '../strings.js';

/** As the Experiment's reads say it. @param {import('../state/experiment.js').Experiment} experiment @returns {{gamma?: false}} */
export function gammaOf(experiment) {
  return viewOf(experiment).gamma === false ? { gamma: false } : {};
}

/** @param {import('./cell_view.js').Given} given */
export function gammaView({ conductor, experiment }) {
  const without = viewOf(experiment).gamma === false;
  return html`<label class="gamma">${words.label}
    <select @change=${(/** @type {Event} */ e) =>
      conductor.setView({
        gamma: /** @type {HTMLSelectElement} */ (e.target).value === 'without' ? false : undefined,
      })}>
      <option value="gamma" ?selected=${!without}>${words.through}</option>
      <option value="without" ?selected=${without}>${words.without}</option>
    </select>
  </label>`;
}
