// The legend: the grid's own colours, side by side, with the measure's own ticks, and what the other marks mean.
import { html, nothing } from 'lit';
import { controls, lensWords, page } from '../strings.js';
import { PREFIX, STEPS } from '../style/scale.js';
import { wordsOf } from './measures.js';

const steps = Array.from({ length: STEPS + 1 }, (_, i) => i);

/** @param {{drawing: import("./paint.js").Drawing, paint: import("./paint.js").Paint, answers: boolean}} args answers: whether the output is on show */
export function legendView({ drawing, paint, answers }) {
  const { measure, overlay, lens, beside } = paint;
  const { hue, ticks, label } = measure.scale;
  // Rank's scale is lit at 1, which stands on the right as every scale's lit end does.
  return html`
    <div class="legend">
      <span class="scale">
        <span class="ramp" aria-hidden="true">${steps.map((i) => html`<i class="${PREFIX[hue]}${i}"></i>`)}</span>
        <span class="ticks">${ticks(drawing.model.info.d_vocab).map((t) => html`<span>${label(t)}</span>`)}</span>
      </span>
      <span class="what">
        <span>${wordsOf(measure, drawing).lit}</span><br>
        ${answers ? html`<span class="key"><b>${page.legendBold}</b> ${page.legendBoldMeans}</span>` : nothing}
        <span class="key"><i class="turn" aria-hidden="true"></i>${page.legendTurns}</span>
        ${beside ? html`<span class="key"><i class="hatched" aria-hidden="true"></i>${controls.hatched(lensWords(beside).name)}</span>` : nothing}
        ${lensWords(lens).means ? html`<span class="key">${lensWords(lens).means}</span>` : nothing}
        ${overlay ? html`<span class="key"><i class="sample" aria-hidden="true"></i>${controls.overlays[overlay.key].means}</span>` : nothing}
      </span>
    </div>
  `;
}
