// Questions to, and changed copies of, the Experiment: the one shareable part of the page's state. What the document
// means is the engine's to say (core/engine/experiment.h); here are only the few places that the page itself touches.
// `view` is the page's own: {position, row}. position counts from 0, or from the end when negative; row is a row's
// name, absent for the output.

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

/** The ref of the model that the page draws. @param {Experiment} e @returns {string} */
export function shownModel(e) {
  const name = e.runs?.[shownRun(e)]?.model ?? Object.keys(e.models ?? {})[0];
  return e.models?.[name] ?? '';
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

/** @param {Experiment} e @returns {{position: number, row: string | null}} */
export function selectionOf(e) {
  const { position, row } = e.view ?? {};
  return { position: Number.isInteger(position) ? position : -1, row: typeof row === 'string' ? row : null };
}

/** @param {Experiment} e @param {{position: number, row: string | null}} selection @returns {Experiment} */
export function withSelection(e, { position, row }) {
  const { row: _, ...view } = e.view ?? {};
  return { ...e, view: { ...view, position, ...(row === null ? {} : { row }) } };
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
