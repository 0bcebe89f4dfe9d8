// An error with a name: `code` for programs and tests, `message` for people.
export class LensError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = 'LensError';
    this.code = code;
  }
}

/** @typedef {{code: string, message: string}} Trouble */

/** @param {unknown} e @returns {Trouble} */
export function troubleOf(e) {
  if (e instanceof LensError) return { code: e.code, message: e.message };
  return { code: 'unexpected', message: e instanceof Error ? e.message : String(e) };
}
