// "Other ways to read this cell": what each lens of the model says there, what the raw one says with other norms, how far
// its tokens are above what the output says on average, and who wrote the difference where they disagree.
import { html, nothing } from 'lit';
import { Parts } from '../engine/parts.js';
import { Readout, siteOf } from '../engine/readout.js';
import { CALIBRATED } from '../state/lenses.js';
import { lensWords, page, compare as words } from '../strings.js';
import { formatCount, formatProbFine, formatSigned } from './format.js';
import { Section } from './section.js';
import { sentenceView, tokenView } from './token.js';

/**
 * @typedef {import('../engine/readout.js').Table} Table
 * @typedef {{lens: string, norm: 'recomputed' | 'frozen' | 'none'}} Way
 * @typedef {{way: Way, id: number, prob: number, answerProb: number, answerRank: number}} Said
 * @typedef {{said: Said[], missing: Map<string, string>, lifts: {id: number, lift: number}[], parts: Parts, answer: number}} Answer
 */

const TOP = 10;
const PARTS = 3;

/** @extends {Section<Answer>} */
export class Compare extends Section {
  /** @type {Map<string, string>} why lenses could not be had, by their name */
  #missing = new Map();

  /** The raw lens first. @returns {Way[]} */
  get #ways() {
    return [
      ...this.conductor.lenses.map((lens) => ({ lens, norm: /** @type {const} */ ('recomputed') })),
      .../** @type {const} */ (['frozen', 'none']).map((norm) => ({ lens: 'raw', norm })),
    ];
  }

  /** @override */
  question() {
    const { position, row } = this.selection;
    const name = this.drawing.readout.rows[row];
    const mid = siteOf(name).site === 'mid' || undefined;
    const lift = this.conductor.lenses.includes(CALIBRATED) ? CALIBRATED : undefined;
    return this.#ways.map((way, i) => ({
      what: 'lens',
      ...way,
      ...{ rows: [name], mid, positions: [position], top: TOP, lift: i === 0 ? lift : undefined },
    }));
  }

  /** @override of the lenses that can be had, and who wrote what they disagree about @param {(Way & {lift?: string})[]} reads */
  async asked(reads) {
    const missing = await this.conductor.missingLenses([...new Set(reads.map(({ lens }) => lens))]);
    this.#missing = missing;
    const had = reads.filter(({ lens }) => !missing.has(lens));
    const found = await super.asked(
      had.map((read) => ({ ...read, lift: missing.has(read.lift ?? '') ? undefined : read.lift })),
    );
    if (!found) return null;
    const tables = found.map((t) => ({ ...t, read: reads.indexOf(had[t.read]) }));
    const said = saidOf(tables, reads);
    const of = said[0].id;
    const against = [...said.map((s) => s.id), tables.find((t) => t.name === 'answer_id')?.data[0] ?? of].find(
      (id) => id !== of,
    );
    const [{ rows, positions }] = /** @type {{rows: string[], positions: number[]}[]} */ (
      /** @type {unknown} */ (reads)
    );
    const tokens = against === undefined ? [of] : [of, against];
    const parts = await super.asked({ what: 'components', row: rows[0], position: positions[0], tokens, neurons: 0 });
    return parts && [...tables, ...parts.map((t) => ({ ...t, read: reads.length }))];
  }

  /** @override @param {Table[]} tables @param {Way[]} reads @returns {Answer} */
  answered(tables, reads) {
    const of = (/** @type {string} */ name) => tables.find((t) => t.read === 0 && t.name === name);
    const lifts = Array.from(of('top_lift')?.data ?? [], (lift, i) => ({ id: of('top_id')?.data[i] ?? -1, lift }));
    return {
      said: saidOf(tables, reads),
      missing: this.#missing,
      lifts: lifts.filter(({ lift }) => Number.isFinite(lift)),
      parts: new Parts(tables.filter((t) => t.read === reads.length)),
      answer: of('answer_id')?.data[0] ?? -1,
    };
  }

  /** @override @param {Answer} answer */
  view({ said, missing, lifts, parts, answer }) {
    const { vocabulary } = this.drawing.model;
    const groups = [...new Set(said.map((s) => s.id))].map((id) => ({
      token: { token: id },
      names: said.filter((s) => s.id === id).map(({ way }) => nameOf(way)),
    }));
    const told = parts.list.filter((p) => p.logit !== 0);
    const helping = told.filter((p) => p.logit > 0).slice(0, PARTS);
    const against = told.filter((p) => p.logit < 0).slice(0, PARTS);
    const named = (/** @type {import('../engine/parts.js').Part[]} */ list) =>
      list.map((p) => `${words.part(p.kind, p.layer, p.head)} ${formatSigned(p.logit)}`).join(', ');
    return html`<div class="compare">
      <p>${sentenceView(vocabulary, groups.length === 1 ? words.agree(groups[0].token, said.length) : words.differ(groups))}</p>
      <table>
        <thead><tr>
          <th scope="col">${words.way}</th><th scope="col">${words.says}</th><th scope="col" class="number">${words.prob}</th>
          <th scope="col" class="number">${words.answer}</th>
        </tr></thead>
        <tbody>${said.map(
          ({ way, id, prob, answerProb, answerRank }) => html`<tr>
            <th scope="row">${nameOf(way)}</th>
            <td class=${id === answer ? 'answer' : ''}>${tokenView(vocabulary, id)}</td>
            <td class="number">${formatProbFine(prob)}</td>
            <td class="number">${formatProbFine(answerProb)} <span class="soft">${words.rank(formatCount(answerRank))}</span></td>
          </tr>`,
        )}${[...missing].map(([lens, why]) => html`<tr><th scope="row">${lensWords(lens).name}</th><td class="soft" colspan="3">${why} <button type="button" class="link" @click=${() => this.conductor.retryLenses()}>${page.retry}</button></td></tr>`)}</tbody>
      </table>
      ${
        lifts.length === 0
          ? nothing
          : html`<h4>${words.lift}</h4>
            <ul class="lifts">${lifts.map(({ id, lift }) => html`<li>${tokenView(vocabulary, id)} <span class="number">${formatSigned(lift)}</span></li>`)}</ul>
            <p class="note">${words.liftMeans}</p>`
      }
      <h4>${words.attribution}</h4>
      <p>${sentenceView(vocabulary, words.wrote({ token: parts.of[0] }, parts.of.length > 1 ? { token: parts.of[1] } : null, formatSigned(parts.shown)))}
        ${helping.length > 0 ? words.helping(named(helping)) : nothing} ${against.length > 0 ? words.against(named(against)) : nothing}</p>
      <p class="note">${words.means}</p>
    </div>`;
  }
}

/** @param {Way} way */
function nameOf({ lens, norm }) {
  return norm === 'recomputed' ? lensWords(lens).name : words.norms[norm];
}

/** What each of some lens reads of one cell says, those that were answered. @param {Table[]} tables @param {Way[]} ways @returns {Said[]} */
function saidOf(tables, ways) {
  const answered = new Set(tables.map((t) => t.read));
  return ways.flatMap((way, read) => {
    if (!answered.has(read)) return [];
    const readout = new Readout(tables, read);
    return {
      way: { lens: way.lens, norm: way.norm },
      ...{ id: readout.topId(0, 0), prob: readout.topProb(0, 0) },
      ...{ answerProb: readout.answerProb(0, 0), answerRank: readout.answerRank(0, 0) },
    };
  });
}
