// "Attention patterns": every head of a block small, one large over the prompt's tokens. `view.part` names the head, as
// in "Who wrote this?". In the large one arrows move the crosshair; the prompt below is shaded by what its row attends to.
import { html, nothing } from 'lit';
import { siteOf } from '../engine/readout.js';
import { viewOf } from '../state/experiment.js';
import { theme } from '../state/theme.js';
import { attention as words } from '../strings.js';
import { PREFIX, ramp, stepOf } from '../style/scale.js';
import { formatSigned } from './format.js';
import { Section } from './section.js';
import { sentenceView, tokenView } from './token.js';

/**
 * @typedef {{layer: number, n: number, heads: number, pattern: Float32Array, head: number, written: Float32Array,
 *            r: number, pairs: number, readout: import('../engine/readout.js').Readout}} Pattern
 *   pattern [head, position, key position]; written [position, key position] is the one head's, in logits
 */

const FEWEST_PAIRS = 20; // of a correlation, as in the engine

/** @extends {Section<Pattern>} */
export class Attention extends Section {
  #query = -1; // the crosshair's row; −1: the selected position
  #key = -1; // its column; −1: where that row attends most
  /** @type {unknown[]} what the crosshair was set in */
  #within = [];
  #themed = new MutationObserver(() => this.requestUpdate());

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    this.#themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    this.#themed.disconnect();
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
          <canvas data-head=${h} width=${n} height=${n}></canvas><span>${layer}.${h}</span>
        </button></li>`,
      )}</ol>
      <div
        class="large"
        tabindex="0"
        role="application"
        aria-label=${words.large(layer, head)}
        @keydown=${(/** @type {KeyboardEvent} */ e) => this.#pressed(e, n, query, key)}
      >
        <canvas class="whole" @click=${(/** @type {MouseEvent} */ e) => this.#pointed(e, n)}></canvas>
        <p role="status">${sentenceView(vocabulary, words.says({ token: readout.token(query) }, { token: readout.token(key) }, row[key]))}</p>
      </div>
      <ol class="sources" aria-label=${words.from(vocabulary.token(readout.token(query)).spoken)}>
        ${Array.from({ length: n }, (_, j) => {
          const shade = j <= query ? `${PREFIX.warm}${stepOf(row[j])}` : 'later';
          return html`<li class="${shade} ${j === query ? 'here' : ''}">${tokenView(vocabulary, readout.token(j))}<span class="unseen">${j <= query ? words.share(row[j]) : words.later}</span></li>`;
        })}
      </ol>
      <p class="note">${words.means}</p>
      ${pattern.head === head ? copiesView(pattern) : nothing}
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

  /** @param {KeyboardEvent} e @param {number} n @param {number} query @param {number} key */
  #pressed(e, n, query, key) {
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
    const { width, height } = /** @type {HTMLElement} */ (e.target).getBoundingClientRect();
    this.#query = Math.max(0, Math.min(n - 1, Math.floor((e.offsetY / height) * n)));
    this.#key = Math.max(0, Math.min(this.#query, Math.floor((e.offsetX / width) * n)));
    this.requestUpdate();
  }

  /** @override */
  updated() {
    super.updated();
    const pattern = this.answer;
    if (!pattern) return;
    const head = Math.min(pattern.heads - 1, this.#head.head);
    for (const canvas of /** @type {NodeListOf<HTMLCanvasElement>} */ (this.querySelectorAll('canvas[data-head]')))
      draw(canvas, pattern, Number(canvas.dataset.head), 1, null);
    const large = /** @type {HTMLCanvasElement | null} */ (this.querySelector('canvas.whole'));
    const scatter = /** @type {HTMLCanvasElement | null} */ (this.querySelector('canvas.scatter'));
    if (large) draw(large, pattern, head, Math.max(1, Math.floor(640 / pattern.n)), this.#crosshair(pattern, head));
    if (scatter) drawScatter(scatter, pattern);
  }
}

/** Whether the head writes what it looks at. @param {Pattern} pattern */
function copiesView({ r, pairs, layer, head }) {
  return html`<section class="copies">
    <h4>${words.copies(layer, head)}</h4>
    <p>${correlationOf(r, pairs)}</p>
    ${
      Number.isFinite(r)
        ? html`<div class="axes"><canvas class="scatter" aria-hidden="true"></canvas><span>${words.raises}</span><span>${words.attends}</span></div>`
        : nothing
    }
    <p class="note">${words.copiesMeans(strideOf(pairs))}</p>
  </section>`;
}

/** @param {number} r @param {number} pairs */
function correlationOf(r, pairs) {
  if (Number.isFinite(r)) return words.correlation(formatSigned(r), pairs);
  return pairs < FEWEST_PAIRS ? words.tooFew(pairs, FEWEST_PAIRS) : words.steady(pairs);
}

/** @param {Pattern} pattern @param {number} head @param {number} query */
function rowOf({ pattern, n }, head, query) {
  const from = (head * n + query) * n;
  return pattern.subarray(from, from + n);
}

/**
 * Rows are the tokens that attend, columns those attended to.
 * @param {HTMLCanvasElement} canvas @param {Pattern} pattern @param {number} head
 * @param {number} size pixels of a square @param {{query: number, key: number} | null} crosshair
 */
function draw(canvas, pattern, head, size, crosshair) {
  const { n } = pattern;
  canvas.width = canvas.height = n * size;
  const ink = canvas.getContext('2d');
  if (!ink) return;
  const colours = ramp(theme());
  for (let query = 0; query < n; query++) {
    const row = rowOf(pattern, head, query);
    // Neighbours of one colour at once: of a long row most are.
    for (let from = 0, key = 0; from <= query; from = key) {
      const step = stepOf(row[from]);
      while (key <= query && stepOf(row[key]) === step) key++;
      ink.fillStyle = colours[step].background;
      ink.fillRect(from * size, query * size, (key - from) * size, size);
    }
  }
  if (!crosshair) return;
  ink.strokeStyle = getComputedStyle(canvas).color;
  ink.lineWidth = Math.max(1, size / 8);
  ink.strokeRect(crosshair.key * size, crosshair.query * size, size, size);
}

const SCATTER = { width: 640, height: 300, dot: 4, most: 4000 };

/** Every how many pairs have a dot: a long prompt has half a million. @param {number} pairs */
function strideOf(pairs) {
  return Math.max(1, Math.ceil(pairs / SCATTER.most));
}

/** Attention to the right, what is written upwards; a line where nothing is. @param {HTMLCanvasElement} canvas @param {Pattern} pattern */
function drawScatter(canvas, { pattern, written, head, n, pairs }) {
  const { width, height, dot } = SCATTER;
  [canvas.width, canvas.height] = [width, height];
  const ink = canvas.getContext('2d');
  if (!ink) return;
  let most = 0;
  for (let i = 1; i < n; i++) for (let j = 1; j <= i; j++) most = Math.max(most, Math.abs(written[i * n + j]));
  const style = getComputedStyle(canvas);
  ink.fillStyle = style.color;
  ink.globalAlpha = 0.25;
  ink.fillRect(0, height / 2, width, 1);
  ink.globalAlpha = 0.6;
  const stride = strideOf(pairs);
  let pair = 0;
  for (let i = 1; i < n; i++)
    for (let j = 1; j <= i; j++) {
      if (pair++ % stride > 0) continue;
      const [x, y] = [pattern[(head * n + i) * n + j], written[i * n + j] / (most || 1)];
      ink.beginPath();
      ink.arc(dot + x * (width - 2 * dot), height / 2 - y * (height / 2 - dot), dot, 0, 2 * Math.PI);
      ink.fill();
    }
}
