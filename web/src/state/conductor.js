// Everything that happens on the page, without the page: one state object, replaced on every change, whose shareable
// part is the Experiment; and the verbs that change it. Views read the state and call the verbs.
import { startEngine } from '../engine/builds.js';
import { LensError, troubleOf } from '../engine/errors.js';
import { frequencyRanks } from '../engine/frequency.js';
import { fetchCatalog, fetchJson } from '../engine/loader.js';
import { Readout } from '../engine/readout.js';
import { openRecorded } from '../engine/recorded.js';
import { page, trouble } from '../strings.js';
import { AddressBar } from './address.js';
import {
  besideOf,
  lensesNamed,
  lensOf,
  modelRefs,
  newExperiment,
  promptOf,
  question,
  sameQuestion,
  selectionOf,
  shownModel,
  shownRead,
  traceOf,
  withIds,
  withModel,
  withPrompt,
  withRead,
  withSelection,
  withView,
} from './experiment.js';
import { CALIBRATED, isLens, Lenses, YOURS } from './lenses.js';
import { decodeLink, wellFormed, wellFormedText } from './link.js';
import { linked } from './linked.js';
import { Pins } from './pins.js';
import { Residents } from './residents.js';
import { Shelf } from './shelf.js';

/**
 * @typedef {import("./experiment.js").Experiment} Experiment
 * @typedef {import("../engine/client.js").Client} Client
 * @typedef {import("../engine/loader.js").Example} Example
 * @typedef {import("./residents.js").Model} Model
 * @typedef {{readout: Readout, model: Model, recorded: Experiment | null}} Drawing
 *   recorded: what it answers, where it was computed when the page was built
 *
 * @typedef {{experiment: Experiment, instead: Experiment, say: (message: string) => string}} Untried
 *
 * @typedef {object} State
 * @property {Experiment | null} experiment  what is asked; null until the link or the first example is known
 * @property {string} prompt                 what stands in the box
 * @property {Drawing | null} drawing        the latest answer, complete or growing
 * @property {boolean} busy                  a newer answer is being computed
 * @property {import("./residents.js").Loading | null} loading
 * @property {Model | null} model            that answers next, once it is here
 * @property {{message: string, again: "retry" | "resume"} | null} failure  nothing can be computed; resume: because the user said so
 * @property {{about: "link" | "prompt" | "engine" | "counts" | "lens", message: string, models?: boolean, lenses?: boolean} | null} notice  the page goes on; models: the model menu may help; lenses: to ask for the lens again may
 * @property {Example[]} examples
 * @property {string | null} undo  what an example put out of the box
 * @property {{ref: string, ranks: Int32Array | null} | null} frequency  of each token in a model's training text, once asked for
 * @property {import("./shelf.js").Shown} shelf  the model menu's
 */

const DRAW_AFTER_MS = 100;
const CRASHES_APART_MS = 20_000;
const IN_THE_MENU = ['saved_damaged', 'no_room']; // what can be mended there

export class Conductor {
  pins = new Pins(this);
  /** @type {State} */
  state = {
    experiment: null,
    prompt: '',
    drawing: null,
    model: null,
    busy: false,
    loading: null,
    failure: null,
    notice: null,
    examples: [],
    undo: null,
    frequency: null,
    shelf: /** @type {import("./shelf.js").Shown} */ ({}),
  };

  #base;
  #onChange;
  /** @type {AddressBar | null} */
  #address;
  /** @type {Client | null} */
  #client = null;
  #residents;
  /** @type {Promise<void>} when the examples are known, or known to be missing */
  #examples = Promise.resolve();
  /** @type {Lenses} */
  #lenses;
  #typed = false;
  #begun = false; // whether there is a client, and a catalog to ask it from
  #stop = new AbortController();
  /** @type {AbortController | null} of a model that is coming beside the one on show */
  #opening = null;
  #turns = 0; // of Back and Forward
  #draws = 0;
  /** @type {ReturnType<typeof setTimeout> | 0} */
  #timer = 0;
  #crashed = Number.NEGATIVE_INFINITY;
  /** @type {Untried | null} a link's Experiment that parses but has not been drawn yet */
  #untried = null;
  /** @type {PromiseWithResolvers<void>} */
  #ready = withResolvers();

  /**
   * @param {URL} base the page's own folder
   * @param {boolean} linked whether the address bar is this element's
   * @param {() => void} onChange
   */
  constructor(base, linked, onChange) {
    this.#base = base;
    this.#lenses = new Lenses(new URL('models/', base));
    this.#onChange = onChange;
    this.#address = linked ? new AddressBar((fragment) => this.#navigated(fragment)) : null;
    this.#ready.promise.catch(() => {});
    const engine = async () => {
      await this.#ready.promise;
      return this.#engine();
    };
    this.shelf = new Shelf(base, engine, () => this.#update({ shelf: this.shelf.state }));
    this.#residents = new Residents(
      new URL('models/', base),
      this.shelf,
      () => this.#engine(),
      (loading) => this.#update({ loading }),
    );
    this.state.shelf = this.shelf.state;
  }

  get ready() {
    return this.#ready.promise;
  }

  // Verbs of the user

  /** @param {string} text @param {boolean} [whole] whether it replaces all that was there */
  setPrompt(text, whole = false) {
    const prompt = wellFormedText(text);
    if (prompt === this.state.prompt) return;
    this.#typed = true;
    this.#update({ prompt, undo: null });
    if (this.state.experiment) this.#write(prompt, whole, DRAW_AFTER_MS);
  }

  /** What is typed next is an entry of the history for itself; what is typed already is drawn without delay. */
  commit() {
    this.#address?.pause();
    if (this.#timer) this.#drawSoon(0);
  }

  /** @param {Example} example */
  open(example) {
    const { prompt, examples } = this.state;
    const own = prompt !== '' && !examples.some((x) => x.prompt === prompt);
    this.#replacePrompt(example.prompt);
    this.#update({ undo: own ? prompt : null });
  }

  /** Brings back what an example put out of the box. */
  undo() {
    const { undo } = this.state;
    if (undo === null) return;
    this.#replacePrompt(undo);
    this.#update({ undo: null });
  }

  /** @param {string} prompt */
  #replacePrompt(prompt) {
    this.#address?.pause();
    this.setPrompt(prompt, true);
    this.commit();
  }

  /** @param {number} position @param {number} row both as drawn */
  select(position, row) {
    const { experiment, drawing } = this.state;
    if (!experiment || !drawing) return;
    const { positions, rows } = drawing.readout;
    const selection = {
      // The last one stays the last while the prompt grows.
      position: position === positions - 1 ? -1 : position,
      row: row === rows.length - 1 ? null : rows[row],
    };
    const selected = withSelection(experiment, selection);
    this.#update({ experiment: selected });
    this.#address?.replaceSoon(selected);
  }

  /** How the grid is painted. @param {object} patch of the Experiment's view; undefined takes a key away */
  setView(patch) {
    if (!this.state.experiment) return;
    const experiment = withView(this.state.experiment, patch);
    this.#update({ experiment });
    this.#address?.replaceSoon(experiment);
  }

  /** What is asked of every cell: norm, mid rows, tracked tokens. @param {object} patch of the shown read */
  setRead(patch) {
    if (this.state.experiment) this.#ask(withRead(this.state.experiment, patch), 0);
  }

  /** The names of the lenses that the shown model can be read with. @returns {string[]} */
  get lenses() {
    const { experiment } = this.state;
    return experiment
      ? this.#lenses.names(shownModel(experiment), this.shelf.catalog[shownModel(experiment)])
      : ['raw'];
  }

  /** The file of the lens on show, as a command line may call it; null of the raw one. */
  get lensFile() {
    const { experiment } = this.state;
    if (!experiment) return null;
    const ref = shownModel(experiment);
    return this.#lenses.fileOf(ref, lensOf(experiment), this.shelf.catalog[ref]);
  }

  /** The file with what each lens of the shown model does on held-out text, if there is one. @returns {Promise<any>} */
  async lensScores() {
    const { experiment } = this.state;
    const file = experiment && this.shelf.catalog[shownModel(experiment)]?.lens_scores;
    return file ? fetchJson(new URL(`models/${file}`, this.#base), `models/${file}`) : null;
  }

  /** @param {string} name */
  setLens(name) {
    this.#lenses.retry();
    // What is held against the raw lens is its own.
    this.setRead({ lens: name, beside: undefined, ...(name === CALIBRATED ? { norm: undefined } : {}) });
  }

  /** Asks again for lenses that could not be had, for the grid and for whatever else reads with them. */
  retryLenses() {
    this.#lenses.retry();
    this.#drawSoon(0);
  }

  /** Reads with a lens of the reader's own, for the shown model. @param {File[]} files */
  async takeLens(files) {
    const { info } = this.#drawn().model;
    try {
      await this.ready;
      await this.#lenses.take(this.#engine(), info.ref, files);
      const { experiment } = this.state;
      if (experiment && lensOf(experiment) === YOURS)
        this.#drawSoon(0); // another one in its place
      else this.setLens(YOURS);
    } catch (e) {
      const { code, message } = troubleOf(e);
      if (code !== 'crash') this.#update({ notice: { about: 'lens', message } });
    }
  }

  /** Whether it is known how often the shown model met each token in training. */
  get countable() {
    const { experiment } = this.state;
    return experiment !== null && Boolean(this.shelf.catalog[shownModel(experiment)]?.counts);
  }

  /** Loads how often the shown model met each token in training; once. */
  async count() {
    const { experiment, drawing, frequency } = this.state;
    if (!experiment || !drawing) return;
    const ref = shownModel(experiment);
    const { counts } = this.shelf.catalog[ref] ?? {};
    if (!counts || frequency?.ref === ref) return;
    this.#update({ frequency: { ref, ranks: null } });
    try {
      const file = await fetchJson(new URL(`models/${counts}`, this.#base), `models/${counts}`);
      const ranks = frequencyRanks(file, drawing.model.info.d_vocab);
      if (!ranks) throw new LensError('counts', trouble.counts(`models/${counts}`));
      this.#update({ frequency: { ref, ranks } });
    } catch (e) {
      this.#update({ notice: { about: 'counts', message: troubleOf(e).message } });
    }
  }

  /** The tokens of a text, by the shown model's tokenizer. @param {string} text */
  async tokenize(text) {
    const { info } = this.#drawn().model;
    await this.ready; // the recorded grid may be quicker
    return info.has_tokenizer ? this.#engine().tokenize(info.ref, wellFormedText(text)) : [];
  }

  /**
   * What every row at one position thinks of these tokens: a Readout of that position alone. null where a newer one won.
   * @param {number} position @param {number[]} ids
   */
  async trace(position, ids) {
    const { experiment } = this.state;
    if (!experiment) return null;
    await this.ready;
    const tables = await this.#engine().run(question(traceOf(experiment, position, ids)), { lane: 'trace' });
    return tables && new Readout(tables, 0);
  }

  /**
   * Other readings of the shown run. null where a newer one of the same lane won.
   * @param {object | object[]} reads as in the Experiment's, without their run
   * @param {string} lane
   */
  async look(reads, lane) {
    const { experiment } = this.state;
    if (!experiment) return null;
    await this.ready;
    const asked = besideOf(experiment, reads);
    await this.#bringLenses(this.#engine(), asked);
    return this.#engine().run(question(asked), { lane });
  }

  /** Which of these lenses of the shown model cannot be had, and why. @param {string[]} names @returns {Promise<Map<string, string>>} */
  async missingLenses(names) {
    const { experiment } = this.state;
    /** @type {Map<string, string>} */
    const missing = new Map();
    if (!experiment) return missing;
    await this.ready;
    const client = this.#engine();
    const bring = async (/** @type {string} */ name) => {
      try {
        await this.#bringLens(client, shownModel(experiment), name);
      } catch (e) {
        const { code, message } = troubleOf(e);
        if (code === 'crash') throw e;
        missing.set(name, message);
      }
    };
    await Promise.all(names.map(bring));
    return missing;
  }

  #drawn() {
    return /** @type {Drawing} */ (this.state.drawing);
  }

  /** Whether a model is on its way beside the one on show. */
  get opening() {
    return this.#opening !== null;
  }

  /** Opens the model that is being looked at; until it is here, and if it cannot come, the one on show stays. @returns {Promise<boolean>} whether it came */
  async openModel() {
    const { seen } = this.state.shelf;
    if (!seen || this.#opening) return false;
    const opening = new AbortController();
    this.#opening = opening;
    try {
      const { found, looked, precision } = seen;
      const model = await this.#residents.open(found, looked, precision, opening.signal);
      this.shelf.forget();
      this.#show(model);
      return true;
    } catch (e) {
      if (troubleOf(e).code !== 'crash') this.shelf.fail(e, seen.found.base);
      await this.shelf.refresh();
      return false;
    } finally {
      this.#opening = null;
      this.#update({ loading: null });
    }
  }

  /** Files dropped on the page, or chosen: a model, the tokenizer of the one on show, or a lens for it. @param {File[]} files */
  async take(files) {
    const { drawing } = this.state;
    if (drawing && (await isLens(files))) return this.takeLens(files);
    if (drawing && !drawing.recorded && !drawing.model.info.has_tokenizer && Shelf.tokenizerOnly(files))
      return this.#takeTokenizer(drawing.model.info.ref, files);
    await this.shelf.take(files);
  }

  /** @param {string} ref @param {File[]} files */
  async #takeTokenizer(ref, files) {
    try {
      await this.#residents.giveTokenizer(ref, files);
      this.shelf.forget();
      this.#drawSoon(0);
    } catch (e) {
      this.shelf.fail(e);
    }
  }

  /** What others published of a model whose tensors are theirs. @param {Model} model */
  published(model) {
    return this.#residents.published(model);
  }

  /** Draws with a model that has just come. @param {Model} model */
  #show(model) {
    const { ref, bos, has_tokenizer } = model.info;
    const wanted = this.shelf.wantedWith(ref);
    const shown = /** @type {Experiment} */ (this.state.experiment);
    const prompt = promptOf(wanted ?? shown) ?? this.state.examples[0]?.prompt ?? '';
    const fresh = newExperiment(ref, prompt, bos !== null && this.shelf.opensWithBos(ref));
    const ours = promptOf(shown) === null ? fresh : withModel(shown, ref, fresh.runs.main.bos);
    const asked = wanted ? withModel(wanted, ref) : withRead(ours, { lens: 'raw', beside: undefined });
    // Without a tokenizer it reads ids alone.
    const readable = (/** @type {Experiment} */ e) => (has_tokenizer ? e : withIds(e, [bos ?? 0]));
    const experiment = readable(asked);
    this.#untried = { experiment, instead: readable(fresh), say: trouble.othersPins };
    this.#address?.push(experiment);
    this.#update({ experiment, prompt: promptOf(experiment) ?? '', notice: null, undo: null });
    this.#drawSoon(0);
  }

  /** Stops whatever is being loaded. */
  cancel() {
    if (this.#opening) return this.#opening.abort(new LensError('cancelled', trouble.openingCancelled));
    this.#stop.abort(new LensError('cancelled', trouble.cancelled));
  }

  /** After a failure. */
  retry() {
    this.#end();
    this.#ready = withResolvers();
    this.#ready.promise.catch(() => {});
    this.#update({ failure: null });
    return this.begin();
  }

  /**
   * Computes any Experiment beside the page's own.
   * @param {Experiment} experiment
   * @param {string | null} [lane] where a newer one wins, and the older gives null
   */
  async run(experiment, lane = null) {
    await this.ready;
    const text = JSON.stringify(wellFormed(experiment));
    const client = this.#engine();
    const asked = await client.parse(text);
    await Promise.all(
      modelRefs(asked).map((ref) => this.shelf.has(ref) && this.#residents.get(ref, this.#stop.signal)),
    );
    await this.#bringLenses(client, asked);
    return client.run(text, { lane });
  }

  // From nothing to the first drawing

  async begin() {
    this.#stop = new AbortController();
    try {
      if (!this.#begun) await this.#start();
      if (!this.state.experiment) await this.#open();
      await this.#draw();
    } catch (e) {
      this.#fail(e);
    }
  }

  async #start() {
    const { signal } = this.#stop;
    this.#update({ loading: { what: page.loadingEngine, loaded: 0, total: null, rate: null } });
    const models = new URL('models/', this.#base);
    this.#examples = fetchJson(new URL('examples.json', models), 'models/examples.json').then(
      (list) =>
        this.#update({ examples: (Array.isArray(list) ? list : []).filter((x) => typeof x?.prompt === 'string') }),
      () => {},
    );
    if (!this.state.drawing) this.#showRecorded(models);
    const catalog = fetchCatalog(models);
    catalog.catch(() => {}); // told below, when there is an engine to end
    const { client } = await startEngine(this.#base, { signal, onDeath: (e) => this.#died(e) });
    this.#client = client;
    // Refs come from links: "constructor" is none of the catalog's.
    this.shelf.catalog = Object.assign(Object.create(null), await catalog);
    await this.shelf.refresh();
    this.#begun = client === this.#client; // or it has died since, and another is on its way
  }

  /**
   * Before there is an engine: what the first example gave when the page was built, if that is what is asked.
   * @param {URL} models the folder
   */
  async #showRecorded(models) {
    const fragment = this.#address?.read() ?? '';
    let linked = null;
    try {
      if (fragment.length > 1) linked = JSON.parse(decodeLink(fragment));
    } catch {
      return; // the engine will say what is wrong
    }
    const prompt = linked && typeof linked === 'object' ? promptOf(linked) : null;
    if (prompt !== null && !this.#typed) this.#update({ prompt: wellFormedText(prompt) });
    try {
      const file = await fetchJson(new URL('recorded.json', models), 'models/recorded.json');
      await this.#examples; // what one of them has to say comes with it
      const { experiment: first, drawing } = openRecorded(file);
      const experiment = linked ?? first;
      if (this.state.experiment || this.#typed || this.#address?.draft() || !sameQuestion(experiment, first)) return;
      this.#address?.settle(experiment);
      this.#update({ experiment, prompt: promptOf(first) ?? '', drawing: { ...drawing, recorded: first } });
      if (!linked) this.#address?.replaceSoon(experiment);
    } catch {
      // The page does without.
    }
  }

  /** The first Experiment: the link's, or the first example. */
  async #open() {
    const fragment = this.#address?.read() ?? '';
    const draft = this.#address?.draft();
    let experiment = await this.#default();
    if (fragment.length > 1 || draft) {
      try {
        const instead = experiment;
        experiment = await linked(draft ?? decodeLink(fragment), this.#engine(), this.shelf);
        if (!this.#typed) this.#untried = { experiment, instead, say: trouble.linkBroken };
      } catch (e) {
        const { code, message } = troubleOf(e);
        if (code === 'crash') throw e;
        const wanting = code === 'link_wants';
        if (this.shelf.waiting) experiment = withPrompt(experiment, promptOf(this.shelf.waiting) ?? '');
        this.#update({
          notice: { about: 'link', message: wanting ? message : trouble.linkBroken(message), models: wanting },
        });
      }
    }
    // Whoever was quicker than the engine keeps what they typed.
    if (this.#typed) experiment = withPrompt(experiment, this.state.prompt);
    this.#address?.settle(experiment);
    this.#update({ experiment, prompt: promptOf(experiment) ?? '' });
    // A link stays as it came until something changes; one that cannot be read can so be mended.
    if (fragment.length <= 1 || this.#typed || draft) this.#told(this.#address?.replaceSoon(experiment));
    this.#typed = false;
  }

  async #default() {
    const [ref, entry] = Object.entries(this.shelf.catalog)[0];
    await this.#examples; // asked for long ago
    return newExperiment(ref, this.state.examples[0]?.prompt ?? '', entry.bos);
  }

  /** Back, Forward, or another fragment put into this page. @param {string} fragment */
  async #navigated(fragment) {
    const turn = ++this.#turns;
    this.#typed = false;
    // Without an engine nobody can read it: whoever starts the next one will.
    if (!this.#begun) return this.#update({ experiment: null, drawing: null, prompt: '', undo: null });
    if (!this.state.experiment) return;
    try {
      const experiment =
        fragment.length > 1 ? await linked(decodeLink(fragment), this.#engine(), this.shelf) : await this.#default();
      if (turn !== this.#turns) return;
      this.#untried = { experiment, instead: this.state.experiment, say: trouble.linkBrokenLater };
      this.#address?.settle(experiment);
      this.#update({ experiment, prompt: promptOf(experiment) ?? '', notice: null, undo: null });
      this.#drawSoon(0);
    } catch (e) {
      const { code, message } = troubleOf(e);
      if (turn !== this.#turns) return;
      if (code === 'crash') return this.#update({ experiment: null });
      const wanting = code === 'link_wants';
      this.#update({
        notice: { about: 'link', message: wanting ? message : trouble.linkBrokenLater(message), models: wanting },
      });
    }
  }

  // Drawing

  /** @param {string} prompt @param {boolean} whole @param {number} delay */
  #write(prompt, whole, delay) {
    const written = withPrompt(/** @type {Experiment} */ (this.state.experiment), prompt);
    this.#ask(whole ? withSelection(written, { position: -1, row: null }) : written, delay, true);
  }

  /** @param {Experiment} experiment @param {number} delay @param {boolean} [typed] whether this is an entry of the history */
  #ask(experiment, delay, typed = false) {
    const { notice } = this.state;
    this.#update({ experiment, notice: notice?.about === 'prompt' ? notice : null });
    this.#told(typed ? this.#address?.typed(experiment) : this.#address?.replaceSoon(experiment));
    this.#drawSoon(delay);
  }

  /** @param {boolean | undefined} fits whether the address bar took the Experiment */
  #told(fits) {
    const { experiment } = this.state;
    if (fits === undefined || !experiment) return;
    this.#address?.keepDraft(fits ? null : experiment);
    if (!fits) this.#update({ notice: { about: 'link', message: trouble.linkTooLongToWrite } });
  }

  /** @param {number} delay */
  #drawSoon(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#draw().catch((e) => this.#fail(e));
    }, delay);
  }

  /** Draws the Experiment; a newer drawing wins. Throws only where nothing can be drawn at all. */
  async #draw() {
    const { experiment } = this.state;
    if (!experiment || !this.#client || !this.#begun || this.state.failure) return;
    const turn = ++this.#draws;
    const client = this.#client;
    let model;
    /** @type {string | null} the first that cannot be had */
    let failed = null;
    try {
      const { signal } = this.#stop;
      const asked = [shownModel(experiment), ...modelRefs(experiment)];
      const bring = (/** @type {string} */ ref) =>
        this.#residents.get(ref, signal).catch((e) => {
          failed ??= ref;
          throw e;
        });
      [model] = await Promise.all(asked.map(bring));
    } catch (e) {
      const { code, message } = troubleOf(e);
      if (turn !== this.#draws && code !== 'crash') return; // whoever draws now hears of it too
      const instead = this.#untried?.experiment === experiment ? this.#untried.instead : experiment;
      if (['crash', 'cancelled'].includes(code) || shownModel(instead) === shownModel(experiment)) throw e;
      const mendable = failed !== null && IN_THE_MENU.includes(code);
      if (mendable) this.shelf.want(/** @type {any} */ (failed), experiment);
      return this.#fallBack(message, mendable);
    }
    if (turn !== this.#draws) return;
    this.#update({ busy: true, loading: null, model });
    let lenses = false;
    try {
      await this.#bringLenses(client, experiment);
      lenses = true;
      if (turn !== this.#draws) return;
      const read = shownRead(experiment);
      const report = (/** @type {{tables: import("../engine/readout.js").Table[]}} */ partial) => {
        const { recorded } = this.state.drawing ?? {};
        if (turn !== this.#draws || (recorded && sameQuestion(recorded, experiment))) return; // that one is whole
        this.#update({ drawing: { readout: new Readout(partial.tables, read), model, recorded: null } });
      };
      const tables = await client.run(question(experiment), { lane: 'page', report });
      if (tables === null || turn !== this.#draws) return;
      const drawing = { readout: new Readout(tables, read), model, recorded: null };
      this.#update({ drawing, busy: false, notice: this.#settled() });
      this.#ready.resolve();
      this.#letGo(experiment);
    } catch (e) {
      if (turn !== this.#draws) return;
      const { code, message } = troubleOf(e);
      if (code === 'crash') throw e;
      if (this.#untried?.experiment === experiment && !code.startsWith('prompt')) return this.#fallBack(message);
      // Another model's answer is none to this.
      const others = this.state.drawing?.model.info.ref !== model.info.ref;
      this.#update({
        busy: false,
        notice: { about: 'prompt', message, lenses: !lenses },
        ...(others ? { drawing: null } : {}),
      });
      this.#ready.resolve();
    }
  }

  /** From a link that asks for what cannot be done. @param {string} message @param {boolean} [models] whether the model menu can mend it @returns {Promise<void>} */
  #fallBack(message, models = false) {
    const { experiment: asked, instead, say } = /** @type {Untried} */ (this.#untried);
    this.#untried = null;
    const experiment = models ? withPrompt(instead, promptOf(asked) ?? '') : instead;
    this.#address?.settle(experiment);
    this.#update({
      experiment,
      prompt: promptOf(experiment) ?? '',
      notice: { about: 'link', message: models ? message : say(message), models },
    });
    return this.#draw();
  }

  /** What is still to be said once a drawing succeeded. */
  #settled() {
    const { notice } = this.state;
    if (notice?.about === 'prompt' || notice?.about === 'lens') return null;
    return notice?.about === 'engine' ? { about: notice.about, message: trouble.restarted } : notice;
  }

  /** @param {Client} client @param {Experiment} experiment */
  async #bringLenses(client, experiment) {
    await Promise.all(lensesNamed(experiment).map(({ ref = '', name = '' }) => this.#bringLens(client, ref, name)));
  }

  /** @param {Client} client @param {string} ref @param {string} name */
  #bringLens(client, ref, name) {
    return this.#lenses.bring(client, ref, name, this.shelf.catalog[ref], this.#stop.signal);
  }

  /** Models that are no longer asked for make room, but for the page's own. @param {Experiment} experiment */
  #letGo(experiment) {
    const [own] = Object.keys(this.shelf.catalog);
    const gone = this.#residents.keep([own, shownModel(experiment), ...modelRefs(experiment)]);
    for (const ref of gone) this.#lenses.forget(ref);
  }

  // When things go wrong

  /** @param {LensError} error */
  async #died(error) {
    this.#end();
    const now = performance.now();
    const again = now - this.#crashed < CRASHES_APART_MS;
    this.#crashed = now;
    if (again) {
      this.#update({
        loading: null,
        busy: false,
        notice: null,
        failure: { message: trouble.crashedAgain(error.message), again: 'retry' },
      });
      this.#ready.reject(error);
      return;
    }
    this.#update({ notice: { about: 'engine', message: trouble.crashed } });
    await this.begin();
  }

  /** @param {unknown} e */
  #fail(e) {
    const { code, message } = troubleOf(e);
    if (code === 'crash') return; // the restart tells
    this.#end();
    const again = code === 'cancelled' ? 'resume' : 'retry';
    this.#update({ loading: null, busy: false, failure: { message, again } });
    this.#ready.reject(e);
  }

  #end() {
    this.#client?.end();
    this.#client = null;
    this.#begun = false;
    this.#residents.clear();
    this.#lenses.forget();
  }

  #engine() {
    if (!this.#client) throw new LensError('no_engine', this.state.failure?.message ?? trouble.crashed);
    return this.#client;
  }

  /** @param {Partial<State>} patch */
  #update(patch) {
    this.state = { ...this.state, ...patch };
    this.#onChange();
  }
}

/**
 * Where the selection lies in a drawing: clamped, counted from the left and from the bottom.
 * @param {Experiment} experiment
 * @param {Readout} readout
 */
export function selected(experiment, readout) {
  const { position, row } = selectionOf(experiment);
  const last = readout.positions - 1;
  const found = row === null ? -1 : readout.rows.indexOf(row);
  return {
    position: Math.max(0, Math.min(last, position < 0 ? last + 1 + position : position)),
    row: found < 0 ? readout.rows.length - 1 : found,
  };
}

/** @returns {PromiseWithResolvers<void>} */
function withResolvers() {
  /** @type {any} */
  const it = {};
  it.promise = new Promise((resolve, reject) => Object.assign(it, { resolve, reject }));
  return it;
}
