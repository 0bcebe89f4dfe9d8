// The legend: the grid's own colours, side by side.
import { html } from 'lit';
import { page } from '../strings.js';
import { STEPS } from '../style/scale.js';

const steps = Array.from({ length: STEPS + 1 }, (_, i) => i);

export function legendView() {
  return html`
    <div class="legend">
      <span class="scale">
        <span class="ramp" aria-hidden="true">${steps.map((i) => html`<i class="p${i}"></i>`)}</span>
        <span class="ticks">${['0', '.25', '.5', '.75', '1'].map((t) => html`<span>${t}</span>`)}</span>
      </span>
      <span class="what"><span>${page.legend}</span><br><b>${page.legendBold}</b> ${page.legendBoldMeans}</span>
    </div>
  `;
}
