// Style by the CSSOM: a style attribute is what the page's content security policy forbids.
import { noChange } from 'lit';
import { Directive, directive } from 'lit/directive.js';

/** Sets one property of the element's style: `<i ${styled('width', '50%')}></i>`. */
export const styled = directive(
  class extends Directive {
    /** @param {string} property @param {string} value */
    render(property, value) {
      return [property, value];
    }

    /** @override @param {import('lit/directive.js').ElementPart} part @param {[string, string]} style */
    update(part, [property, value]) {
      /** @type {HTMLElement} */ (part.element).style.setProperty(property, value);
      return noChange;
    }
  },
);
