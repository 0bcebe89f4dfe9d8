// "What do the heads do?": the previous-token, duplicate-token and induction score of every head, measured on random
// tokens twice over, for two seeds; `view.score` is the one on the map. The model's, not the prompt's.
import { html } from 'lit';
import { shownModel, viewOf } from '../state/experiment.js';
import { heads as words } from '../strings.js';
import { PREFIX, STEPS, stepOf } from '../style/scale.js';
import { formatProb } from './format.js';
import { endsView, headMapView } from './head_map.js';
import { Section } from './section.js';

/**
 * @typedef {'previous' | 'duplicate' | 'induction'} Score
 * @typedef {{layers: number, heads: number, length: number, scores: Record<Score, number[]>}} Scores
 */

const SEEDS = [1, 2];
const SCORES = /** @type {const} */ (['induction', 'previous', 'duplicate']);
const FORMED = 0.4; // of its attention: from here on a head is said to do that

/** @extends {Section<Scores>} */
export class Heads extends Section {
  /** @override */
  question() {
    return { what: 'head_scores' };
  }

  /** @override as long as the model is the same, so is the answer */
  subject() {
    return shownModel(this.experiment);
  }

  /** @override in runs of its own @param {object} read */
  asked(read) {
    const names = SEEDS.map((seed) => `seed ${seed}`);
    return this.conductor.run(
      {
        v: 1,
        models: { m: shownModel(this.experiment) },
        runs: Object.fromEntries(SEEDS.map((seed, i) => [names[i], { model: 'm', repeat: { seed } }])),
        reads: names.map((run) => ({ ...read, run })),
      },
      this.lane,
    );
  }

  /** @override @param {import('../engine/readout.js').Table[]} tables @returns {Scores} */
  answered(tables) {
    const of = (/** @type {string} */ name) => tables.filter((t) => t.name === name);
    const [layer, head] = of('induction')[0].dims;
    const mean = (/** @type {string} */ name) =>
      Array.from(of(name)[0].data, (_, i) => of(name).reduce((sum, t) => sum + t.data[i], 0) / of(name).length);
    return {
      layers: layer.size,
      heads: head.size,
      length: of('token')[0].dims[0].size / 2,
      scores: { induction: mean('induction'), previous: mean('previous'), duplicate: mean('duplicate') },
    };
  }

  /** @override @param {Scores} answer */
  view({ layers, heads, length, scores }) {
    const { score: asked } = viewOf(this.experiment);
    const score = SCORES.find((s) => s === asked) ?? SCORES[0];
    const values = scores[score];
    const name = (/** @type {number} */ i) => `${Math.floor(i / heads)}.${i % heads}`;
    const best = values.map((_, i) => i).sort((a, b) => values[b] - values[a]);
    return html`<div class="heads">
      <label>${words.score}
        <select @change=${(/** @type {Event} */ e) => {
          const { value } = /** @type {HTMLSelectElement} */ (e.target);
          this.conductor.setView({ score: value === SCORES[0] ? undefined : value });
        }}>${SCORES.map((s) => html`<option value=${s} ?selected=${s === score}>${words.scores[s].name}</option>`)}</select>
      </label>
      <p>${words.scores[score].means}</p>
      ${headMapView({
        ...{ label: words.map(words.scores[score].name), layers, heads, mlp: false, chosen: '', choose: null },
        row: (layer) =>
          Array.from({ length: heads }, (_, h) => {
            const i = layer * heads + h;
            return { key: name(i), name: words.head(name(i)), value: values[i] };
          }),
        paint: (value) => `${PREFIX.warm}${stepOf(value)}`,
        short: formatProb,
        say: formatProb,
        caption: endsView(
          Array.from({ length: STEPS + 1 }, (_, i) => `${PREFIX.warm}${i}`),
          '0',
          '1',
        ),
      })}
      <p class="found">${words.best(name(best[0]), formatProb(values[best[0]]))} ${verdict(best.filter((i) => values[i] >= FORMED).map(name))}</p>
      <p class="note">${words.how(length, SEEDS.length, formatProb(FORMED))}</p>
    </div>`;
  }
}

/** @param {string[]} formed */
function verdict(formed) {
  return formed.length === 0 ? words.none : words.formed(formed);
}
