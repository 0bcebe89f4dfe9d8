// A canvas that is drawn again only when what it shows has changed, each in its turn:
// `<canvas ${drawn([pattern, head], (canvas) => draw(canvas, pattern, head))}></canvas>`.
import { noChange } from 'lit';
import { Directive, directive } from 'lit/directive.js';
import { turn } from './turn.js';

export const drawn = directive(
  class extends Directive {
    /** @type {unknown[]} */
    #from = [];

    /** @param {unknown[]} from what the picture is of @param {(canvas: HTMLCanvasElement) => void} draw */
    render(from, draw) {
      return [from, draw];
    }

    /** @override @param {import('lit/directive.js').ElementPart} part @param {[unknown[], (canvas: HTMLCanvasElement) => void]} args */
    update({ element }, [from, draw]) {
      if (from.length === this.#from.length && from.every((value, i) => value === this.#from[i])) return noChange;
      this.#from = from;
      turn().then(() => {
        if (this.#from === from && element.isConnected) draw(/** @type {HTMLCanvasElement} */ (element));
      });
      return noChange;
    }
  },
);
