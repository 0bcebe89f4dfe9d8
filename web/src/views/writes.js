// "What attention and MLP wrote": the tokens that each block's attention alone and MLP alone promote and suppress at the
// selected position; the selected row's block first and with numbers.
import { html, nothing } from 'lit';
import { siteOf } from '../engine/readout.js';
import { byName, endsOf } from '../engine/weights.js';
import { readOf } from '../state/experiment.js';
import { writes as words } from '../strings.js';
import { endsTableView } from './ends.js';
import { Section } from './section.js';
import { tokenView } from './token.js';

/** @typedef {{hook: string} & import('../engine/weights.js').Ends} Write */

const TOP = 5;

/** @extends {Section<Write[]>} */
export class Writes extends Section {
  /** @override */
  question() {
    const { norm } = readOf(this.experiment);
    return { what: 'writes', positions: [this.selection.position], norm, top: TOP };
  }

  /** @override @param {import('../engine/readout.js').Table[]} tables @returns {Write[]} */
  answered(tables) {
    const named = byName(tables);
    const [{ labels }] = named.promoted_id.dims;
    return (labels ?? []).map((hook, i) => ({ hook, ...endsOf(named, '', i) }));
  }

  /** @override @param {Write[]} all */
  view(all) {
    const { readout } = this.drawing;
    const { block, site } = siteOf(readout.rows[this.selection.row]);
    // The embedding has nothing written to it yet.
    const own = site === 'pre' ? [] : all.filter(({ hook }) => hook.startsWith(`blocks.${block}.`));
    const { norm } = readOf(this.experiment);
    return html`<div class="writes">
      ${own.length === 0 ? html`<p class="note">${words.nothing}</p>` : nothing}
      ${own.slice(0, site === 'mid' ? 1 : 2).map((w) => this.#write(w, block))}
      <h4>${words.everywhere}</h4>
      ${this.#everywhere(all, site === 'pre' ? -1 : block)}
      <p class="note">${words.convention[norm ?? 'recomputed']}</p>
      <p class="note">${words.direct}</p>
    </div>`;
  }

  /** @param {Write} write @param {number} block */
  #write({ hook, promoted, suppressed }, block) {
    const name = hook.endsWith('attn_out') ? words.attention(block) : words.mlp(block);
    return html`<section aria-label=${name}>
      <h4>${name}</h4>
      ${endsTableView(this.drawing.model.vocabulary, { promoted, suppressed })}
    </section>`;
  }

  /** @param {Write[]} all @param {number} here the block in question */
  #everywhere(all, here) {
    const { vocabulary } = this.drawing.model;
    const blocks = Array.from({ length: all.length / 2 }, (_, i) => all.length / 2 - 1 - i);
    const few = (/** @type {Write} */ w) =>
      html`<td>${w.promoted.slice(0, 3).map(({ id }) => html`<span class="token">${tokenView(vocabulary, id)}</span> `)}</td>`;
    return html`<table>
      <thead><tr><th scope="col">${words.block}</th><th scope="col">${words.byAttention}</th><th scope="col">${words.byMlp}</th></tr></thead>
      <tbody>${blocks.map(
        (b) =>
          html`<tr class=${b === here ? 'here' : ''}><th scope="row">${b}</th>${few(all[2 * b])}${few(all[2 * b + 1])}</tr>`,
      )}</tbody>
    </table>`;
  }
}
