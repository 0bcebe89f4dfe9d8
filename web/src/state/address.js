// The address bar as the place where the Experiment is kept. While the user works, the current history entry is
// replaced, a little later; a commit (Enter, an example) gives the entry back what it held before and pushes a new
// one, so that Back undoes it.
import { sameQuestion } from './experiment.js';
import { encodeLink, MAX_LINK } from './link.js';

/** @typedef {import("./experiment.js").Experiment} Experiment */

const REPLACE_AFTER_MS = 300; // Safari allows 100 changes in 30 seconds

export class AddressBar {
  /** @type {Experiment | null} what the current entry held when it was made */
  #committed = null;
  #fragment = '';
  /** @type {ReturnType<typeof setTimeout> | 0} */
  #timer = 0;

  /** @param {(fragment: string) => void} onNavigate Back, Forward, or a fragment put in by hand */
  constructor(onNavigate) {
    this.#fragment = location.hash;
    const moved = () => {
      if (location.hash === this.#fragment) return;
      clearTimeout(this.#timer);
      this.#fragment = location.hash;
      onNavigate(this.#fragment);
    };
    addEventListener('popstate', moved);
    addEventListener('hashchange', moved);
  }

  read() {
    return location.hash;
  }

  /** The entry on show stands for this Experiment. @param {Experiment} e */
  settle(e) {
    this.#committed = e;
  }

  /** @param {Experiment} e @returns {boolean} whether a link can hold it */
  replaceSoon(e) {
    clearTimeout(this.#timer);
    if (!this.#fits(e)) return false;
    this.#timer = setTimeout(() => this.#write('replaceState', e), REPLACE_AFTER_MS);
    return true;
  }

  /** @param {Experiment} e @returns {boolean} whether a link can hold it */
  push(e) {
    clearTimeout(this.#timer);
    if (!this.#fits(e)) return false;
    if (this.#committed && sameQuestion(this.#committed, e)) {
      this.#write('replaceState', e);
    } else {
      if (this.#committed) this.#write('replaceState', this.#committed);
      this.#write('pushState', e);
    }
    this.#committed = e;
    return true;
  }

  /** @param {Experiment} e */
  #fits(e) {
    return encodeLink(e).length <= MAX_LINK;
  }

  /** @param {"pushState" | "replaceState"} how @param {Experiment} e */
  #write(how, e) {
    const fragment = `#${encodeLink(e)}`;
    if (how === 'replaceState' && fragment === this.#fragment) return;
    try {
      history[how](null, '', fragment);
      this.#fragment = location.hash;
    } catch {
      // A browser that has had enough of changes: the next one is not far.
    }
  }
}
