// What the page offers to programs; web/src/api.js is its documentation.
interface Window {
  logitLens: {
    ready: Promise<void>;
    experiment: any;
    run(experiment: object): Promise<any[]>;
  };
  /** Put there by access.spec.mjs. */
  axe: typeof import('axe-core');
  /** Durations in ms, collected by smooth.spec.mjs. */
  longTasks: number[];
  /** How often something was drawn on a canvas, counted by smooth.spec.mjs. */
  strokes: number;
  /** What went wrong, in the tests of engines (engines/watch.js). */
  complaints: string[];
}
