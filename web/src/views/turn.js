// What many views do at once is done one view at a time, each in a task of its own, so that the page answers in between.

/** @type {Promise<void>} */
let last = Promise.resolve();

/** Resolves when it is the caller's turn. @returns {Promise<void>} */
export function turn() {
  last = last.then(() => new Promise((resolve) => setTimeout(resolve)));
  return last;
}
