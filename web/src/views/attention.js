// "Attention patterns": every head of a block small, one large over the prompt's tokens. `view.part` names the head, as
// in "Who wrote this?". In the large one arrows move the crosshair; the prompt below is shaded by what its row attends to.
import { html, nothing } from 'lit';
import { siteOf } from '../engine/readout.js';
import { viewOf } from '../state/experiment.js';
import { theme } from '../state/theme.js';
import { attention as words } from '../strings.js';
import { PREFIX, ramp, rgbOf, stepOf } from '../style/scale.js';
import { given } from './cell_view.js';
import { drawn } from './drawn.js';
import { OverPrompts } from './over_prompts.js';
import { correlationView, scatterView } from './scatter.js';
import { Section } from './section.js';
import { styled } from './styled.js';
import { sentenceView, tokenView } from './token.js';

/**
 * @typedef {{layer: number, n: number, heads: number, pattern: Float32Array, head: number, written: Float32Array,
 *            r: number, pairs: number, readout: import('../engine/readout.js').Readout}} Pattern
 *   pattern [head, position, key position]; written [position, key position] is the one head's, in logits
 */

if (!customElements.get('over-prompts')) customElements.define('over-prompts', OverPrompts);

/** @extends {Section<Pattern>} */
export class Attention extends Section {
  #query = -1; // the crosshair's row; −1: the selected position
  #key = -1; // its column; −1: where that row attends most
  /** @type {unknown[]} what the crosshair was set in */
  #within = [];
  #themed = new MutationObserver(() => this.requestUpdate());
  #width = 0;
  #resized = new ResizeObserver(([{ contentRect }]) => {
    this.#width = contentRect.width;
    this.requestUpdate();
  });

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    this.#themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    this.#resized.observe(this);
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    this.#themed.disconnect();
    this.#resized.disconnect();
  }

  get #head() {
    const [, layer, head] = /^(\d+)\.(\d+)$/.exec(String(viewOf(this.experiment).part)) ?? [];
    const { n_layer, n_head } = this.drawing.model.info;
    if (Number(layer) < n_layer && Number(head) < n_head) return { layer: Number(layer), head: Number(head) };
    const { block } = siteOf(this.drawing.readout.rows[this.selection.row]);
    return { layer: Math.min(n_layer - 1, block), head: 0 };
  }

  /** @override */
  question() {
    const { layer, head } = this.#head;
    return [
      { what: 'activations', hooks: [`blocks.${layer}.attn.hook_pattern`] },
      { what: 'head_writes', layer, head },
    ];
  }

  /** @override @param {import('../engine/readout.js').Table[]} tables @param {[object, {layer: number, head: number}]} reads @returns {Pattern} */
  answered(tables, [, { layer, head }]) {
    const [{ dims, data }] = tables.filter((t) => t.read === 0 && t.name !== 'token');
    const table = (/** @type {string} */ name) =>
      /** @type {Float32Array} */ (tables.find((t) => t.read === 1 && t.name === name)?.data);
    const [r, pairs] = table('correlation');
    return {
      ...{ layer, head, n: dims[1].size, heads: dims[0].size, readout: this.drawing.readout },
      ...{ pattern: /** @type {Float32Array} */ (data), written: table('written'), r, pairs },
    };
  }

  /** @override @param {Pattern} pattern */
  view(pattern) {
    const { layer, heads, n, readout } = pattern;
    const { vocabulary } = this.drawing.model;
    const head = Math.min(heads - 1, this.#head.head);
    const { query, key } = this.#crosshair(pattern, head);
    const row = rowOf(pattern, head, query);
    const choose = (/** @type {number} */ l, /** @type {number} */ h) => this.conductor.setView({ part: `${l}.${h}` });
    const looks = [pattern, theme(), this.#width];
    const picture = (/** @type {number} */ h) =>
      drawn([...looks, h], (/** @type {HTMLCanvasElement} */ canvas) => draw(canvas, pattern, h));
    return html`<div class="attention">
      <label>${words.layer}
        <select @change=${(/** @type {Event} */ e) => choose(Number(/** @type {HTMLSelectElement} */ (e.target).value), head)}>
          ${Array.from({ length: this.drawing.model.info.n_layer }, (_, l) => html`<option value=${l} ?selected=${l === layer}>${l}</option>`)}
        </select>
      </label>
      <ol class="small">${Array.from(
        { length: heads },
        (
          _,
          h,
        ) => html`<li><button type="button" class="plain" aria-pressed=${h === head ? 'true' : 'false'} aria-label=${words.head(layer, h)} @click=${() => choose(layer, h)}>
          <canvas ${picture(h)}></canvas><span>${layer}.${h}</span>
        </button></li>`,
      )}</ol>
      <div
        class="large"
        tabindex="0"
        role="application"
        aria-label=${words.large(layer, head)}
        @keydown=${(/** @type {KeyboardEvent} */ e) => this.#pressed(e, pattern, head)}
      >
        <div class="whole" @click=${(/** @type {MouseEvent} */ e) => this.#pointed(e, n)}>
          <canvas ${picture(head)}></canvas>
          <i ${styled('left', `${(100 * key) / n}%`)} ${styled('top', `${(100 * query) / n}%`)} ${styled('width', `${100 / n}%`)} ${styled('height', `${100 / n}%`)}></i>
        </div>
        <p role="status">${sentenceView(vocabulary, words.says({ token: readout.token(query) }, { token: readout.token(key) }, row[key]))}</p>
      </div>
      <ol class="sources" aria-label=${words.from(vocabulary.token(readout.token(query)).spoken)}>
        ${Array.from({ length: n }, (_, j) => {
          const shade = j <= query ? `${PREFIX.warm}${stepOf(row[j])}` : 'later';
          return html`<li class="${shade} ${j === query ? 'here' : ''}">${tokenView(vocabulary, readout.token(j))}<span class="unseen">${j <= query ? words.share(row[j]) : words.later}</span></li>`;
        })}
      </ol>
      <p class="note">${words.means}</p>
      ${pattern.head === head ? copiesView(pattern, looks) : nothing}
      <over-prompts ${given(this)} .head=${this.#head}></over-prompts>
    </div>`;
  }

  /** @param {Pattern} pattern @param {number} head */
  #crosshair(pattern, head) {
    const within = [pattern, head, this.selection.position];
    if (within.some((w, i) => w !== this.#within[i])) {
      this.#within = within;
      this.#query = this.#key = -1;
    }
    const query = Math.min(pattern.n - 1, this.#query < 0 ? this.selection.position : this.#query);
    const row = rowOf(pattern, head, query);
    const most = row.reduce((best, share, j) => (share > row[best] ? j : best), 0);
    return { query, key: Math.min(query, this.#key < 0 ? most : this.#key) };
  }

  /** @param {KeyboardEvent} e @param {Pattern} pattern @param {number} head */
  #pressed(e, pattern, head) {
    const { n } = pattern;
    const { query, key } = this.#crosshair(pattern, head);
    const to = {
      ArrowUp: [query - 1, key],
      ArrowDown: [query + 1, key],
      ArrowLeft: [query, key - 1],
      ArrowRight: [query, key + 1],
    }[e.key];
    if (!to || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    e.stopPropagation();
    this.#query = Math.max(0, Math.min(n - 1, to[0]));
    this.#key = Math.max(0, Math.min(this.#query, to[1]));
    this.requestUpdate();
  }

  /** @param {MouseEvent} e @param {number} n */
  #pointed(e, n) {
    const { left, top, width, height } = /** @type {HTMLElement} */ (e.currentTarget).getBoundingClientRect();
    this.#query = Math.max(0, Math.min(n - 1, Math.floor(((e.clientY - top) / height) * n)));
    this.#key = Math.max(0, Math.min(this.#query, Math.floor(((e.clientX - left) / width) * n)));
    this.requestUpdate();
  }
}

/** Whether the head writes what it looks at. @param {Pattern} pattern @param {unknown[]} looks what the dots depend on */
function copiesView(pattern, looks) {
  const { r, pairs, layer, head } = pattern;
  return html`<section class="copies">
    <h4>${words.copies(layer, head)}</h4>
    <p>${correlationView(r, words.pairs(pairs), pairs)}</p>
    ${Number.isFinite(r) ? scatterView(looks, () => dotsOf(pattern)) : nothing}
    <p class="note">${words.copiesMeans(strideOf(pairs))}</p>
  </section>`;
}

/** @param {Pattern} pattern @param {number} head @param {number} query */
function rowOf({ pattern, n }, head, query) {
  const from = (head * n + query) * n;
  return pattern.subarray(from, from + n);
}

/**
 * Rows are the tokens that attend, columns those attended to; as many squares as there are, or as the screen has pixels:
 * then each shows the strongest of those that fall on it, or a diagonal would get lost between pixels.
 * @param {HTMLCanvasElement} canvas @param {Pattern} pattern @param {number} head
 */
function draw(canvas, pattern, head) {
  const { n } = pattern;
  const side = Math.max(1, Math.min(n, Math.round(canvas.getBoundingClientRect().width * devicePixelRatio)));
  const strongest = new Float32Array(side * side).fill(Number.NaN);
  const at = Uint32Array.from({ length: n }, (_, i) => Math.floor((i * side) / n));
  for (let query = 0; query < n; query++) {
    const row = rowOf(pattern, head, query);
    const from = at[query] * side;
    for (let key = 0; key <= query; key++) {
      const i = from + at[key];
      if (!(row[key] <= strongest[i])) strongest[i] = row[key];
    }
  }
  const colours = new Uint32Array(
    Uint8Array.from(ramp(theme()).flatMap(({ background }) => [...rgbOf(background), 255])).buffer,
  );
  const picture = new ImageData(side, side);
  const pixels = new Uint32Array(picture.data.buffer);
  strongest.forEach((share, i) => {
    pixels[i] = colours[stepOf(share)]; // nothing where it attends to nothing
  });
  canvas.width = canvas.height = side;
  canvas.getContext('2d')?.putImageData(picture, 0, 0);
}

const MOST_DOTS = 4000;

/** Every how many pairs have a dot: a long prompt has half a million. @param {number} pairs */
function strideOf(pairs) {
  return Math.max(1, Math.ceil(pairs / MOST_DOTS));
}

/** Those pairs that have a dot. @param {Pattern} pattern @returns {import('./scatter.js').Dot[]} */
function dotsOf({ pattern, written, head, n, pairs }) {
  const stride = strideOf(pairs);
  const dots = [];
  let pair = 0;
  for (let i = 1; i < n; i++)
    for (let j = 1; j <= i; j++)
      if (pair++ % stride === 0) dots.push({ attends: pattern[(head * n + i) * n + j], adds: written[i * n + j] });
  return dots;
}
