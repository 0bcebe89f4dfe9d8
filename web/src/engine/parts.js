// The tables of a components read → a cell's parts: who wrote it, in logits.

/**
 * @typedef {import('./readout.js').Table} Table
 * @typedef {'W_E' | 'W_pos' | 'ln_f bias' | 'lens bias' | 'head' | 'attn_bias' | 'mlp' | 'mlp_bias'} Kind
 * @typedef {{kind: Kind, layer: number, head: number, logit: number}} Part  layer and head −1 where there is none
 * @typedef {{id: number, logit: number, activation: number}} Neuron
 */

export class Parts {
  /** @type {Record<string, Table>} */
  #tables;

  /** @param {Table[]} tables of one components read */
  constructor(tables) {
    this.#tables = Object.fromEntries(tables.map((t) => [t.name, t]));
    const { of, total, head, outside } = this.#tables;
    /** The token, and perhaps the one whose logit is taken off. @type {number[]} */
    this.of = [...of.data];
    const [shown, , remainder, size] = total.data;
    /** The cell's logit. */
    this.shown = shown;
    /** What rounding left between it and the sum of its parts. */
    this.remainder = remainder;
    /** Σ |part| */
    this.size = size;
    this.layers = head.dims[0].size;
    this.heads = head.dims[1].size;
    /** Those that weigh most first. @type {Part[]} */
    this.list = [
      ...[...outside.data].map((logit, i) => part(/** @type {Kind} */ (outside.dims[0].labels?.[i]), logit)),
      ...[...head.data].map((logit, i) => part('head', logit, Math.floor(i / this.heads), i % this.heads)),
      .../** @type {const} */ (['attn_bias', 'mlp', 'mlp_bias']).flatMap((kind) =>
        [...this.#tables[kind].data].map((logit, layer) => part(kind, logit, layer)),
      ),
    ]
      .filter((p) => Number.isFinite(p.logit) && (p.kind !== 'lens bias' || p.logit !== 0))
      .sort((a, b) => Math.abs(b.logit) - Math.abs(a.logit));
    /** The largest head or MLP: the end of their common scale. */
    this.most = Math.max(0, ...this.list.filter((p) => isPlace(p.kind)).map((p) => Math.abs(p.logit)));
  }

  /** @param {number} layer @param {number} head */
  head(layer, head) {
    return this.#tables.head.data[layer * this.heads + head];
  }

  /** NaN where the row stands before it. @param {number} layer */
  mlp(layer) {
    return this.#tables.mlp.data[layer];
  }

  /** What a head took from each position up to the cell's own; it adds up to the head. @param {number} layer @param {number} head */
  sources(layer, head) {
    return this.#ofHead('source', layer, head);
  }

  /** How much it attended to each. @param {number} layer @param {number} head */
  attention(layer, head) {
    return this.#ofHead('pattern', layer, head);
  }

  /** Those that write most, either way. @param {number} layer @returns {Neuron[]} */
  neurons(layer) {
    const { neuron, neuron_id: ids, neuron_activation: activation } = this.#tables;
    const n = ids.dims[1].size;
    return Array.from({ length: n }, (_, i) => ({
      id: ids.data[layer * n + i],
      logit: neuron.data[layer * n + i],
      activation: activation.data[layer * n + i],
    })).filter((found) => found.id >= 0);
  }

  /** @param {'source' | 'pattern'} name @param {number} layer @param {number} head */
  #ofHead(name, layer, head) {
    const { data, dims } = this.#tables[name];
    const n = dims[2].size;
    const from = (layer * this.heads + head) * n;
    return data.subarray(from, from + n);
  }
}

/** Whether a part has its place on the map of layers and heads. @param {Kind} kind */
export function isPlace(kind) {
  return kind === 'head' || kind === 'mlp';
}

/** @param {Kind} kind @param {number} logit @param {number} [layer] @param {number} [head] @returns {Part} */
function part(kind, logit, layer = -1, head = -1) {
  return { kind, layer, head, logit };
}
