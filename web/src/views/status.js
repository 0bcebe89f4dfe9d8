// What stands where the grid will be: bytes on their way, or why there are none.
import { html, nothing } from 'lit';
import { megabytes, page } from '../strings.js';

/** @param {{state: import("../state/conductor.js").State, conductor: import("../state/conductor.js").Conductor}} args */
export function statusView({ state: { loading, failure }, conductor }) {
  if (failure)
    return html`<div class="status failed" role="alert">
      <p>${failure.message}</p>
      <button type="button" @click=${() => conductor.retry()}>${page.retry}</button>
    </div>`;
  if (!loading) return nothing;
  const { what, loaded, total } = loading;
  return html`<div class="status">
    <p>
      <span role="status">${what}</span>
      <span class="number">${total && total > 1 ? page.of(megabytes(loaded), megabytes(total)) : loaded > 1 ? megabytes(loaded) : nothing}</span>
    </p>
    <progress aria-label=${what} max=${total ?? nothing} value=${total === null ? nothing : loaded}></progress>
  </div>`;
}
