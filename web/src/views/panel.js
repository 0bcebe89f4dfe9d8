// The selected cell: what the model would say there, with numbers; the final answer, the pinned tokens and sets; and
// what the cell's measures say. `view.logits: "raw"` shows logits as they are, not centred.
import { html, nothing } from 'lit';
import { viewOf } from '../state/experiment.js';
import { outputRow, panel, rowName } from '../strings.js';
import { opensText } from './cell.js';
import { CellView, given } from './cell_view.js';
import { copyText } from './copy.js';
import { formatCount, formatLogit, formatNats, formatProbFine, formatRank } from './format.js';
import { styled } from './styled.js';
import { sentenceView, tokenView } from './token.js';

/**
 * @typedef {import("../state/conductor.js").Conductor} Conductor
 * @typedef {import("../state/conductor.js").Drawing} Drawing
 * @typedef {import("../engine/readout.js").Guess} Guess
 * @typedef {import("./grid.js").Selection} Selection
 */

const narrow = matchMedia('(max-width: 40rem)');
const SWIPE_PX = 40;

export class CellPanel extends CellView {
  /** The token whose details are open. @type {number | null} */
  #opened = null;
  /** What had the focus before the sheet came. @type {HTMLElement | null} */
  #from = null;
  #swipe = 0;

  /** The first time it waits until the grid is seen, which would wait for it otherwise. @override */
  async scheduleUpdate() {
    if (!this.hasUpdated) await new Promise((r) => requestAnimationFrame(() => setTimeout(r)));
    super.scheduleUpdate();
  }

  /** On a narrow page the panel is a sheet that comes up from below; elsewhere it is there anyway. */
  async show() {
    if (!narrow.matches || this.classList.contains('up')) return;
    this.#from = /** @type {HTMLElement | null} */ (document.activeElement);
    this.classList.add('up');
    this.requestUpdate();
    await this.updateComplete;
    /** @type {HTMLElement | null} */ (this.querySelector('.handle'))?.focus({ preventScroll: true });
  }

  hide() {
    if (!this.classList.contains('up')) return;
    this.classList.remove('up');
    if (this.contains(document.activeElement)) (this.#from?.isConnected ? this.#from : document.body).focus();
    this.requestUpdate();
  }

  /** @param {KeyboardEvent} e */
  #pressed(e) {
    if (e.key !== 'Escape' || !this.classList.contains('up')) return;
    e.preventDefault();
    this.hide();
  }

  /** Drawn down by its handle, it goes. @param {PointerEvent} e */
  #swiped(e) {
    const handle = /** @type {HTMLElement} */ (e.currentTarget);
    if (e.type === 'pointerdown') {
      this.#swipe = e.clientY;
      handle.setPointerCapture(e.pointerId);
    } else if (e.clientY - this.#swipe > SWIPE_PX) this.hide();
  }

  render() {
    const { drawing, conductor } = this;
    const { row, position } = this.selection;
    if (!drawing?.readout.has(position)) return nothing;
    const { readout, model } = drawing;
    const guesses = readout.guesses(row, position);
    const answer = readout.answerGuess(row, position);
    const raw = viewOf(this.experiment).logits === 'raw';

    return html`
      <section class="panel" aria-label=${panel.label} @keydown=${(/** @type {KeyboardEvent} */ e) => this.#pressed(e)}>
        <button
          type="button"
          class="handle"
          aria-label=${panel.close}
          @click=${() => this.hide()}
          @pointerdown=${(/** @type {PointerEvent} */ e) => this.#swiped(e)}
          @pointerup=${(/** @type {PointerEvent} */ e) => this.#swiped(e)}
        ></button>
        ${cellTitleView(drawing, this.selection)}
        <table>
          <thead>
            <tr>
              <th scope="col" class="number"><span class="unseen">${panel.rank}</span></th>
              <th scope="col">${panel.token}</th>
              <td class="bar"></td>
              <th scope="col" class="number">${panel.prob}</th>
              <th scope="col" class="number">
                <button
                  type="button"
                  class="plain"
                  aria-pressed=${raw ? 'true' : 'false'}
                  title=${raw ? panel.showCentred : panel.showRaw}
                  @click=${() => conductor.setView({ logits: raw ? undefined : 'raw' })}
                >${raw ? panel.rawLogit : panel.logit}</button>
              </th>
              <th scope="col" class="number">${panel.id}</th>
            </tr>
          </thead>
          <tbody>${guesses.map((g) => this.#line(g, raw))}</tbody>
          ${
            guesses.some((g) => g.id === answer.id)
              ? nothing
              : html`<tbody class="apart" aria-label=${panel.answer}>${this.#line(answer, raw)}</tbody>`
          }
          ${this.#pinned(raw)}
        </table>
        <pin-box .conductor=${conductor} .vocabulary=${model.vocabulary}></pin-box>
        <trajectory-chart ${given(this)}></trajectory-chart>
        ${measuresView(drawing, row, position)}
        <panel-sections ${given(this)}></panel-sections>
      </section>
    `;
  }

  /** @param {Guess} g @param {boolean} raw @param {import('lit').TemplateResult} [last] in place of the id */
  #line(g, raw, last) {
    const { drawing } = this;
    const { readout, model } = /** @type {Drawing} */ (drawing);
    const { row, position } = this.selection;
    const token = model.vocabulary.token(g.id);
    const open = this.#opened === g.id && !last;
    const toggle = () => {
      this.#opened = open ? null : g.id;
      this.requestUpdate();
    };
    return html`
      <tr class=${g.id === readout.answer(position) ? 'answer' : ''}>
        <td class="number rank" title=${g.rank >= 1000 ? formatCount(g.rank) : nothing}>${formatRank(g.rank)}</td>
        <th scope="row">
          <button
            type="button"
            class="plain"
            aria-label=${token.spoken}
            title=${panel.about(token.plain)}
            aria-expanded=${open ? 'true' : 'false'}
            @click=${toggle}
          >${tokenView(model.vocabulary, g.id)}</button>
        </th>
        <td class="bar" aria-hidden="true"><i ${styled('width', `${100 * (g.prob || 0)}%`)}></i></td>
        <td class="number prob">${formatProbFine(g.prob)}</td>
        <td class="number">${formatLogit(raw ? g.logit + readout.meanLogit(row, position) : g.logit)}</td>
        <td class="number id">${last ?? g.id}</td>
      </tr>
      ${open ? this.#details(token) : nothing}
    `;
  }

  /** @param {import('../engine/vocabulary.js').Token} token */
  #details({ id, bytes, text }) {
    const { conductor, drawing } = this;
    const { vocabulary } = /** @type {Drawing} */ (drawing).model;
    const pinned = conductor.pins.tokens.some((ref) => vocabulary.idOf(ref) === id);
    const hex = bytes && [...bytes].map((b) => b.toString(16).toUpperCase().padStart(2, '0')).join(' ');
    return html`
      <tr class="details">
        <td></td>
        <td colspan="5">
          <span>${panel.id} <span class="number">${id}</span></span>
          <span>${panel.bytes} <span class="hex">${hex ?? panel.bytesUnknown}</span></span>
          <span class="actions">
            <button type="button" class="plain" @click=${() => conductor.pins.toggle(id)}>${pinned ? panel.unpin : panel.pin}</button>
            ${bytes ? html`<button type="button" class="plain" @click=${() => copyText(text)}>${panel.copy}</button>` : nothing}
          </span>
        </td>
      </tr>
    `;
  }

  /** @param {boolean} raw */
  #pinned(raw) {
    const { conductor } = this;
    const { readout, model } = /** @type {Drawing} */ (this.drawing);
    const { row, position } = this.selection;
    const pins = conductor.pins.tokens.map((ref) => model.vocabulary.idOf(ref));
    const sets = Object.keys(conductor.pins.sets);
    if (pins.length + sets.length === 0) return nothing;
    const remove = (/** @type {string} */ name, /** @type {() => void} */ away) =>
      html`<button type="button" class="plain remove" aria-label=${panel.remove(name)} title=${panel.remove(name)} @click=${away}>×</button>`;
    return html`<tbody class="apart pins" aria-label=${panel.pinned}>
      ${pins.map((id) => {
        const i = readout.track.indexOf(id);
        const guess =
          i < 0 ? { id, prob: Number.NaN, logit: Number.NaN, rank: -1 } : readout.trackGuess(row, position, i);
        return this.#line(
          guess,
          raw,
          remove(model.vocabulary.token(id).spoken, () => conductor.pins.remove(id)),
        );
      })}
      ${sets.map((name) => {
        const i = readout.sets.indexOf(name);
        const prob = i < 0 ? Number.NaN : readout.setProb(row, position, i);
        return html`<tr>
          <td class="number rank">${panel.sum}</td>
          <th scope="row" title=${panel.sumOf(name)}><bdi>${name}</bdi></th>
          <td class="bar" aria-hidden="true"><i ${styled('width', `${100 * (prob || 0)}%`)}></i></td>
          <td class="number prob">${formatProbFine(prob)}</td>
          <td class="number"></td>
          <td class="number id">${remove(name, () => conductor.pins.putSet(name, []))}</td>
        </tr>`;
      })}
    </tbody>`;
  }
}

/** Which cell it is. @param {Drawing} drawing @param {Selection} selection */
export function cellTitleView(drawing, { row, position }) {
  const { readout, model } = drawing;
  const { lead, label } = rowName(readout.rows[row]);
  const where = row === readout.rows.length - 1 ? outputRow : lead + label;
  const at = opensText(drawing, position) ? panel.titleStart() : panel.title({ token: readout.token(position) });
  return html`<h2><span class="where">${where}</span>${sentenceView(model.vocabulary, at)}</h2>`;
}

/** @param {Drawing} drawing @param {number} row @param {number} position */
function measuresView(drawing, row, position) {
  const { readout, model } = drawing;
  const kl = readout.kl(row, position);
  const output = row === readout.rows.length - 1 && Math.abs(kl) < 0.005;
  const surprisal = readout.surprisal(row, position);
  const next = position + 1 < readout.positions ? readout.token(position + 1) : -1;
  const rank = readout.inputRank(row, position);
  const said = (/** @type {import('./story.js').Part[]} */ parts) => sentenceView(model.vocabulary, parts);
  const line = (/** @type {string} */ name, /** @type {string} */ value, /** @type {unknown} */ means) =>
    html`<div><dt>${name}</dt><dd class="number">${value}</dd><dd>${means}</dd></div>`;
  const nats = (/** @type {number} */ value) => (Number.isFinite(value) ? panel.nats(formatNats(value)) : '–');
  const listed = readout.guesses(row, position).find((g) => g.id === next);
  return html`<dl class="measures">
    ${line(panel.entropy, nats(readout.entropy(row, position)), panel.entropyMeans)}
    ${line(panel.kl, output ? '0' : nats(kl), output ? panel.klOutput : panel.klMeans)}
    ${line(
      panel.surprisal,
      nats(surprisal),
      next < 0
        ? panel.noNext
        : said([
            ...panel.next({ token: next }, { prob: Math.exp(-surprisal) }),
            ...(listed ? panel.nextRank(formatCount(listed.rank)) : []),
          ]),
    )}
    ${
      rank < 0 || opensText(drawing, position)
        ? nothing
        : line(
            panel.input,
            panel.inputRank(formatCount(rank)),
            said(panel.inputMeans({ token: readout.token(position) })),
          )
    }
  </dl>`;
}
