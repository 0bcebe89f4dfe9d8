// What stands where the grid will be: bytes on their way, or why there are none.
import { html, nothing } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import { megabytes, page } from '../strings.js';

/** @typedef {{state: import("../state/conductor.js").State, conductor: import("../state/conductor.js").Conductor}} Args */

/** Where a grid is on show already it stands beside, and nothing is pushed about: not even itself. @param {Args} args */
export function statusView(args) {
  const beside = args.state.drawing ? 'beside' : '';
  return keyed(beside, view(args, beside));
}

/** @param {Args} args @param {string} beside */
function view({ state: { loading, failure }, conductor }, beside) {
  if (failure)
    return html`<div class="status ${beside} ${failure.again === 'retry' ? 'failed' : ''}" role="alert">
      <p>${failure.message}</p>
      <button type="button" @click=${() => conductor.retry()}>${page[failure.again]}</button>
    </div>`;
  if (!loading) return nothing;
  const { what, loaded, total, rate, slowed } = loading;
  const bytes = total && total > 1 ? page.of(megabytes(loaded), megabytes(total)) : loaded > 1 ? megabytes(loaded) : '';
  // A rate of the first moment says little.
  const known = rate && total && loaded > 0.01 * total;
  return html`<div class="status ${beside}">
    <p>
      <span role="status">${what}</span>
      <span class="number">${bytes}${known ? html` · ${page.rate(megabytes(rate))} · ${page.left((total - loaded) / rate)}` : nothing}</span>
    </p>
    ${slowed ? html`<p class="quiet">${page.inBackground}</p>` : nothing}
    <progress aria-label=${what} max=${total ?? nothing} value=${total === null ? nothing : loaded}></progress>
    <button type="button" class="link" @click=${() => conductor.cancel()}>${page.cancel}</button>
  </div>`;
}
