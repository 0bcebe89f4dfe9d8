// A list whose keys ascend, before and after: parts go and come, but none that stays is moved in the document, for a
// moved element loses the focus (Lit's own `repeat` may move some).
import { noChange } from 'lit';
import { Directive, directive } from 'lit/directive.js';
import {
  getCommittedValue,
  insertPart,
  removePart,
  setChildPartValue,
  setCommittedValue,
} from 'lit/directive-helpers.js';

export const inOrder = directive(
  class extends Directive {
    /** @type {number[]} */
    #keys = [];

    /** @param {number[]} keys ascending @param {(key: number, index: number) => unknown} view */
    render(keys, view) {
      this.#keys = keys;
      return keys.map(view);
    }

    /** @override @param {import('lit/directive.js').ChildPart} list @param {[number[], (key: number, index: number) => unknown]} args */
    update(list, [keys, view]) {
      const old = /** @type {import('lit/directive.js').ChildPart[] | undefined} */ (getCommittedValue(list));
      if (!Array.isArray(old)) return this.render(keys, view);
      let i = 0;
      const parts = keys.map((key, at) => {
        while (this.#keys[i] < key) removePart(old[i++]);
        const part = this.#keys[i] === key ? old[i++] : insertPart(list, old[i]);
        return setChildPartValue(part, view(key, at));
      });
      for (const part of old.slice(i)) removePart(part);
      this.#keys = keys;
      setCommittedValue(list, parts);
      return noChange;
    }
  },
);
