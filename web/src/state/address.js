// The address bar as the place where the Experiment is kept. What is typed in one go is one history entry, made by its
// first letter and replaced, a little later, by what follows; an example is one at once. So Back undoes either.
import { sameQuestion } from './experiment.js';
import { encodeLink, MAX_LINK } from './link.js';
import { keep, recall } from './storage.js';

/** @typedef {import("./experiment.js").Experiment} Experiment */

const REPLACE_AFTER_MS = 300; // Safari allows 100 changes in 30 seconds
const PAUSE_MS = 4000; // who pauses for so long has finished, and begins something else
const DRAFT = 'draft';

export class AddressBar {
  /** @type {Experiment | null} what the entry on show holds, or will in a moment */
  #held = null;
  /** @type {Experiment | null} still to be written there */
  #waiting = null;
  #fragment = '';
  #typed = Number.NEGATIVE_INFINITY; // when, while the entry on show is one that typing made
  /** @type {ReturnType<typeof setTimeout> | 0} */
  #timer = 0;

  /** @param {(fragment: string) => void} onNavigate Back, Forward, or a fragment put in by hand */
  constructor(onNavigate) {
    this.#fragment = location.hash;
    const moved = () => {
      if (location.hash === this.#fragment) return;
      clearTimeout(this.#timer);
      this.#waiting = null;
      this.#fragment = location.hash;
      onNavigate(this.#fragment);
    };
    addEventListener('popstate', moved);
    addEventListener('hashchange', moved);
    addEventListener('pagehide', () => this.#flush());
  }

  read() {
    return location.hash;
  }

  /** What a link had no room for when this tab showed the same one. @returns {string | null} a JSON document */
  draft() {
    const kept = recall('sessionStorage', DRAFT);
    const end = kept?.indexOf('\n') ?? -1;
    return kept && kept.slice(0, end) === this.read() ? kept.slice(end + 1) : null;
  }

  /** @param {Experiment | null} e that no link can hold */
  keepDraft(e) {
    keep('sessionStorage', DRAFT, e && `${this.read()}\n${JSON.stringify(e)}`);
  }

  /** The entry on show stands for this Experiment. @param {Experiment} e */
  settle(e) {
    this.#held = e;
    this.pause();
  }

  /** What is typed next is an entry of its own. */
  pause() {
    this.#typed = Number.NEGATIVE_INFINITY;
  }

  /** @param {Experiment} e @returns {boolean} whether a link can hold it */
  replaceSoon(e) {
    if (!this.#fits(e)) return false;
    clearTimeout(this.#timer);
    this.#held = e;
    this.#waiting = e;
    this.#timer = setTimeout(() => this.#flush(), REPLACE_AFTER_MS);
    return true;
  }

  /** After each change of what is typed. @param {Experiment} e @returns {boolean} whether a link can hold it */
  typed(e) {
    if (!this.#fits(e)) return false;
    const begins = performance.now() - this.#typed > PAUSE_MS;
    if (begins) this.push(e);
    else this.replaceSoon(e);
    this.#typed = performance.now();
    return true;
  }

  /** A new entry, unless the one on show asks the same. @param {Experiment} e @returns {boolean} whether a link can hold it */
  push(e) {
    if (!this.#fits(e)) return false;
    this.#flush();
    this.#write(this.#held && !sameQuestion(this.#held, e) ? 'pushState' : 'replaceState', e);
    this.settle(e);
    return true;
  }

  /** @param {Experiment} e */
  #fits(e) {
    return encodeLink(e).length <= MAX_LINK;
  }

  #flush() {
    clearTimeout(this.#timer);
    if (this.#waiting) this.#write('replaceState', this.#waiting);
    this.#waiting = null;
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
