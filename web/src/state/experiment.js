// Questions to, and changed copies of, the Experiment: the one shareable part of the page's state. What the document
// means is the engine's to say (core/engine/experiment.h); here are only the few places that the page itself touches.
// What is asked of the grid (norm, mid rows, pinned tokens) is the shown read's; how it is painted is `view`, the page's own:
//
//   position  of the selected cell, from 0, or from the end when negative
//   row       its name, absent for the output
//   colour    what the grid is coloured by, a key of MEASURES (web/src/views/measures.js)
//   …         and whatever else a view documents beside the code that reads it

/** @typedef {import('./link.js').Json} Json */
/** @typedef {{[key: string]: any}} Experiment  as the engine's parser returned it */

/** @param {string} model @param {string} prompt @param {boolean} bos @returns {Experiment} */
export function newExperiment(model, prompt, bos) {
  return {
    v: 1,
    models: { m: model },
    runs: { main: { model: 'm', prompt, bos } },
    reads: [{ what: 'lens', run: 'main', lens: 'raw', norm: 'recomputed', top: 10 }],
    view: { position: -1 },
  };
}

/** The index of the read that the page draws, -1 where there is none. @param {Experiment} e */
export function shownRead(e) {
  return Array.isArray(e.reads) ? e.reads.findIndex((r) => r?.what === 'lens') : -1;
}

/** The name of the run that the page draws. @param {Experiment} e @returns {string} */
export function shownRun(e) {
  return e.reads?.[shownRead(e)]?.run ?? Object.keys(e.runs ?? {})[0] ?? '';
}

/** The name, in the Experiment, of the model that the page draws. @param {Experiment} e @returns {string} */
export function shownModelName(e) {
  return e.runs?.[shownRun(e)]?.model ?? Object.keys(e.models ?? {})[0];
}

/** The ref of the model that the page draws. @param {Experiment} e @returns {string} */
export function shownModel(e) {
  return e.models?.[shownModelName(e)] ?? '';
}

/** @param {Experiment} e @returns {string[]} */
export function modelRefs(e) {
  return [...new Set(Object.values(e.models ?? {}).map(String))];
}

/** null where the run is given as ids. @param {Experiment} e @returns {string | null} */
export function promptOf(e) {
  const run = e.runs?.[shownRun(e)];
  return typeof run?.prompt === 'string' ? run.prompt : null;
}

/** @param {Experiment} e @param {string} prompt @returns {Experiment} */
export function withPrompt(e, prompt) {
  const name = shownRun(e);
  const { ids: _, ...run } = e.runs?.[name] ?? {};
  return { ...e, runs: { ...e.runs, [name]: { ...run, prompt } } };
}

/** The shown run as ids. @param {Experiment} e @param {number[]} ids @returns {Experiment} */
export function withIds(e, ids) {
  const name = shownRun(e);
  const { prompt: _, ...run } = e.runs?.[name] ?? {};
  return { ...e, runs: { ...e.runs, [name]: { ...run, ids, bos: false } } };
}

/** The shown run by another model. @param {Experiment} e @param {string} ref @param {boolean} [bos] @returns {Experiment} */
export function withModel(e, ref, bos) {
  const name = shownRun(e);
  const run = e.runs?.[name] ?? {};
  const model = run.model ?? Object.keys(e.models ?? {})[0] ?? 'm';
  return {
    ...e,
    models: { ...e.models, [model]: ref },
    runs: { ...e.runs, [name]: { ...run, ...(bos === undefined ? {} : { bos }) } },
  };
}

/** @param {Experiment} e @returns {{position: number, row: string | null}} */
export function selectionOf(e) {
  const { position, row } = viewOf(e);
  return { position: Number.isInteger(position) ? position : -1, row: typeof row === 'string' ? row : null };
}

/** @param {Experiment} e @param {{position: number, row: string | null}} selection @returns {Experiment} */
export function withSelection(e, { position, row }) {
  return withView(e, { position, row: row ?? undefined });
}

/** The read that the page draws. @param {Experiment} e @returns {{[key: string]: any}} */
export function readOf(e) {
  return e.reads?.[shownRead(e)] ?? {};
}

/** The lens that the page draws with. @param {Experiment} e @returns {string} */
export function lensOf(e) {
  const { lens } = readOf(e);
  return typeof lens === 'string' ? lens : 'raw';
}

/** Every lens that a read names, with its model's ref. @param {Experiment} e @returns {{ref: string, name: string}[]} */
export function lensesNamed(e) {
  const [only, ...others] = Object.keys(e.runs ?? {});
  return (Array.isArray(e.reads) ? e.reads : []).flatMap((read) => {
    const run = e.runs?.[read?.run ?? (others.length === 0 ? only : '')];
    const models = Object.keys(e.models ?? {});
    const ref = e.models?.[run?.model ?? (models.length === 1 ? models[0] : '')];
    const names = [read?.lens, read?.beside, read?.lift].filter((name) => typeof name === 'string' && name !== 'raw');
    return ref === undefined ? [] : names.map((name) => ({ ref: String(ref), name }));
  });
}

/** Keys of the read that the page draws; undefined takes one away. @param {Experiment} e @param {object} patch @returns {Experiment} */
export function withRead(e, patch) {
  const shown = shownRead(e);
  return {
    ...e,
    reads: e.reads.map((/** @type {object} */ r, /** @type {number} */ i) => (i === shown ? merged(r, patch) : r)),
  };
}

/**
 * The shown read at one position alone, for other tokens.
 * @param {Experiment} e @param {number} position @param {number[]} track @returns {Experiment}
 */
export function traceOf(e, position, track) {
  const { sets: _, change: __, beside: ___, ...read } = readOf(e);
  return { ...e, reads: [{ ...read, top: 1, track, positions: [position] }] };
}

/** The shown run read in other ways. @param {Experiment} e @param {object | object[]} reads @returns {Experiment} */
export function besideOf(e, reads) {
  return { ...e, reads: [reads].flat().map((read) => ({ run: shownRun(e), ...read })) };
}

/** @param {Experiment} e @returns {{[key: string]: any}} untrusted: it may come from a link */
export function viewOf(e) {
  return e.view !== null && typeof e.view === 'object' && !Array.isArray(e.view) ? e.view : {};
}

/** @param {Experiment} e @param {object} patch undefined takes a key away @returns {Experiment} */
export function withView(e, patch) {
  return { ...e, view: merged(viewOf(e), patch) };
}

/** @param {object} base @param {object} patch */
function merged(base, patch) {
  return Object.fromEntries(Object.entries({ ...base, ...patch }).filter(([, value]) => value !== undefined));
}

/** Whether two Experiments ask the engine for the same thing. @param {Experiment} a @param {Experiment} b */
export function sameQuestion(a, b) {
  return question(a) === question(b);
}

/** @param {Experiment} e the text the engine is asked with */
export function question(e) {
  const { view: _, ...asked } = e;
  return JSON.stringify(asked);
}
