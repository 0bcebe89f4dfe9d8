// The model menu: what can be opened, what the browser keeps, and the model that is being looked at before its bytes come.
import { html, nothing } from 'lit';
import { ref } from 'lit/directives/ref.js';
import { sizeOf } from '../engine/loader.js';
import { precisionOf } from '../engine/refs.js';
import { shownModel } from '../state/experiment.js';
import { isLens } from '../state/lenses.js';
import { choicesOf, isMetered, roomFor } from '../state/shelf.js';
import { megabytes, models as words } from '../strings.js';
import { dialogView, openDialog } from './dialog.js';
import { filesOf } from './drop.js';
import { statusView } from './status.js';

/**
 * @typedef {import('../state/conductor.js').Conductor} Conductor
 * @typedef {import('../engine/loader.js').CatalogEntry} CatalogEntry
 */

const NAME = 'models';

/** @param {Element} within */
export function openModels(within) {
  openDialog(within, NAME);
}

/** @param {{conductor: Conductor}} args */
export function modelsView({ conductor }) {
  const { shelf } = conductor;
  const { state } = conductor;
  const { saved, begun, asking, problem, again, seen, wanted } = state.shelf;
  const loading = conductor.opening && state.loading !== null;
  const typed = (/** @type {SubmitEvent} */ e) => {
    e.preventDefault();
    const box = /** @type {HTMLInputElement} */ (/** @type {HTMLFormElement} */ (e.target).elements.namedItem('hub'));
    if (box.value.trim() !== '') shelf.lookAt(box.value);
  };
  const chosen = (/** @type {Event} */ e) => {
    const input = /** @type {HTMLInputElement} */ (e.target);
    conductor.take([...(input.files ?? [])]);
    input.value = '';
  };
  return dialogView(
    NAME,
    words.title,
    html`
      <p class="quiet">${words.intro}</p>
      ${wanted ? html`<p>${words.wanted(precisionOf(wanted).base)}</p>` : nothing}
      <ul class="shelf">
        ${Object.entries(shelf.catalog).map(([key, entry]) => entryView(conductor, key, entry))}
        ${begun ? begunView(conductor, begun) : nothing}
        ${saved
          .filter((s) => !Object.keys(shelf.catalog).some((key) => shelf.savedOf(key) === s))
          .map((s) => rowView(conductor, s.ref, s.title, words.entryOwn(s.bytes)))}
      </ul>
      <form class="typed" @submit=${typed}>
        <label>
          <span>${words.typed}</span>
          <input
            name="hub"
            type="text"
            spellcheck="false"
            autocomplete="off"
            autocapitalize="off"
            placeholder=${words.typedHint}
            .value=${wanted && !wanted.startsWith('file:') ? precisionOf(wanted).base : ''}
          >
        </label>
        <button>${words.look}</button>
        <p class="quiet">${words.typedMeans}</p>
      </form>
      <fieldset class="own">
        <legend>${words.own}</legend>
        <p class="quiet">${words.ownMeans}</p>
        <label class="pick"><input type="file" multiple class="unseen" @change=${chosen}><span>${words.files}</span></label>
        <label class="pick"><input type="file" webkitdirectory class="unseen" @change=${chosen}><span>${words.folder}</span></label>
      </fieldset>
      <div class="seen" aria-live="polite">
        ${asking ? html`<p role="status">${words.asking(asking)}</p>` : nothing}
        ${problem ? html`<p class="problem" role="alert" ${ref(sighted)}>${problem}${again ? html` <button type="button" class="link" @click=${() => shelf.lookAt(again)}>${words.again}</button>` : nothing}</p>` : nothing}
        ${seen && !loading ? html`<div ${ref(sighted)}>${seenView(conductor, seen)}</div>` : nothing}
        <published-checks .conductor=${conductor} .model=${state.drawing?.recorded ? null : (state.drawing?.model ?? null)}></published-checks>
        ${loading ? statusView({ state: { ...state, drawing: null, failure: null }, conductor }) : nothing}
      </div>
    `,
  );
}

/** What was found comes into sight, once. @param {Element | undefined} el */
function sighted(el) {
  requestAnimationFrame(() => el?.scrollIntoView({ block: 'nearest' })); // it has its words by then
}

/** @param {Conductor} conductor @param {string} key @param {CatalogEntry} entry */
function entryView(conductor, key, entry) {
  const about = entry.files ? words.entryOwn(sizeOf(entry)) : words.entry(entry.n_param, entry.size);
  return rowView(conductor, key, entry.title, about, entry.about);
}

/** @param {Conductor} conductor @param {string} key @param {string} title @param {string} size @param {string} [about] */
function rowView(conductor, key, title, size, about) {
  const { experiment } = conductor.state;
  const on = experiment === null ? '' : precisionOf(shownModel(experiment)).base;
  const saved = conductor.shelf.savedOf(key);
  const shown = on === key || (saved !== undefined && on === saved.ref);
  return html`<li>
    <button type="button" class="model-row" aria-current=${shown ? 'true' : nothing} @click=${() => conductor.shelf.lookAt(key)}>
      <b>${title}</b> <span class="quiet">${size}${shown ? ` · ${words.onShow}` : nothing}</span>
      ${about ? html`<span class="what">${about}</span>` : nothing}
    </button>
    ${
      saved
        ? html`<span class="kept">${words.saved} ·
            <button type="button" class="link" aria-label=${words.removeOf(title)} @click=${() => conductor.shelf.remove(saved)}>${words.remove}</button></span>`
        : nothing
    }
  </li>`;
}

/** A model whose loading ended early. @param {Conductor} conductor @param {import('../engine/saved.js').Saved} begun */
function begunView({ shelf, opening, state }, begun) {
  const loading = opening || state.loading !== null; // perhaps this one
  return html`<li>
    <button type="button" class="model-row" @click=${() => shelf.lookAt(begun.ref)}><b>${begun.title}</b> <span class="quiet">${words.begun}</span></button>
    ${loading ? nothing : html`<span class="kept"><button type="button" class="link" aria-label=${words.removeOf(begun.title)} @click=${() => shelf.remove(begun)}>${words.remove}</button></span>`}
  </li>`;
}

/** @param {Conductor} conductor @param {NonNullable<import('../state/shelf.js').Shown['seen']>} seen */
function seenView(conductor, { found, looked, precision, asked }) {
  const { shelf } = conductor;
  const { plan, sources, bytes } = looked;
  const revision = /@([0-9a-f]{40})/.exec(found.base)?.[1];
  const choices = choicesOf(plan);
  const withheld = !choices.includes('as_stored');
  const spare = isMetered() && found.remote;
  const large = plan.kept[precision] > roomFor();
  const open = async (/** @type {Event} */ e) => {
    const dialog = /** @type {Element} */ (e.target).closest('dialog');
    if (await conductor.openModel()) dialog?.close();
  };
  return html`
    <h3>${found.title}</h3>
    <p>${words.shape(plan)}</p>
    <p>${words.facts(plan, sources.length, bytes)}${revision ? html` · <span class="number">${words.revision(revision)}</span>` : nothing}</p>
    <p class="can">${words.openable}</p>
    ${plan.has_tokenizer ? nothing : html`<p class="problem">${words.noTokenizer}</p>`}
    ${
      choices.length === 1 && !withheld
        ? nothing
        : html`<fieldset>
            <legend>${words.keep}</legend>
            ${choices.map(
              (p) => html`<label class="choice">
                <input type="radio" name="precision" .checked=${p === precision} @change=${() => shelf.choose(p)}>
                <span><b>${words[p].name}</b> ${words[p].means(megabytes(plan.kept[p]))}</span>
              </label>`,
            )}
            ${withheld ? html`<p class="quiet">${words.withheld}</p>` : nothing}
            ${asked && plan.kept[asked] > plan.kept[choices[0]] ? html`<p class="problem">${words.withheldAsked(asked, precision)}</p>` : nothing}
          </fieldset>`
    }
    ${spare || large ? smallerView(conductor, spare ? words.metered : words.large, found.base, bytes) : nothing}
    <button type="button" class="open" @click=${open}>${words.open(bytes)}</button>
  `;
}

/** @param {Conductor} conductor @param {string} why @param {string} base @param {number} bytes */
function smallerView({ shelf }, why, base, bytes) {
  const own = shelf.entryOf(base);
  const smaller = Object.entries(shelf.catalog)
    .filter(([, entry]) => entry !== own && sizeOf(entry) < 0.9 * bytes)
    .sort(([, a], [, b]) => sizeOf(b) - sizeOf(a))[0];
  return html`<p class="problem">
    ${why}
    ${
      smaller
        ? html`${words.smaller} <button type="button" class="link" @click=${() => shelf.lookAt(smaller[0])}>${smaller[1].title}, ${megabytes(sizeOf(smaller[1]))}</button>`
        : nothing
    }
  </p>`;
}

/**
 * Files dropped anywhere on the page are looked at in the menu.
 * @param {HTMLElement} element @param {Conductor} conductor
 */
export function takeDrops(element, conductor) {
  const carries = (/** @type {DragEvent} */ e) => e.dataTransfer?.types.includes('Files');
  const over = (/** @type {boolean} */ is) => element.toggleAttribute('data-drop', is);
  addEventListener('dragover', (e) => {
    if (!carries(e)) return;
    e.preventDefault();
    over(true);
  });
  addEventListener('dragleave', (e) => {
    if (!e.relatedTarget) over(false);
  });
  addEventListener('drop', async (e) => {
    if (!carries(e) || !e.dataTransfer) return;
    e.preventDefault();
    over(false);
    const files = await filesOf(e.dataTransfer);
    const dialog = /** @type {HTMLDialogElement | null} */ (element.querySelector(`dialog[data-name=${NAME}]`));
    if (!dialog?.open && !(await isLens(files))) openModels(element);
    conductor.take(files);
  });
}
