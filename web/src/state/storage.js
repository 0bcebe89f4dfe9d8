// The browser's own storage, which may be absent, full or forbidden (private windows, frames of another site): then nothing
// is kept, and nothing else changes.

/** @param {"localStorage" | "sessionStorage"} area @param {string} key @returns {string | null} */
export function recall(area, key) {
  try {
    return globalThis[area].getItem(`logit-lens.${key}`);
  } catch {
    return null;
  }
}

/** @param {"localStorage" | "sessionStorage"} area @param {string} key @param {string | null} value null forgets */
export function keep(area, key, value) {
  try {
    if (value === null) globalThis[area].removeItem(`logit-lens.${key}`);
    else globalThis[area].setItem(`logit-lens.${key}`, value);
  } catch {
    // See above.
  }
}
