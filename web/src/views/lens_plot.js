// The plots of <lens-scores>, by Observable Plot.
import { axisX, axisY, gridY, line, plot, text } from '@observablehq/plot';

const SIZE = { width: 330, height: 190 };
const MARGIN = { marginTop: 26, marginRight: 12, marginBottom: 24, marginLeft: 30 };
const STYLES = ['var(--line-answer)', 'var(--line-1)', 'var(--line-2)', 'var(--line-3)', 'var(--line-4)'];

/**
 * A measure by row, a line for each lens. Colours and fonts are the style sheet's.
 * @param {string} title @param {{name: string, values: number[]}[]} lenses
 */
export function drawnScores(title, lenses) {
  const most = Math.max(...lenses.flatMap((l) => l.values));
  const rows = lenses[0].values.length;
  const figure = document.createElement('figure');
  const svg = /** @type {SVGSVGElement} */ (
    plot({
      ...SIZE,
      ...MARGIN,
      className: 'plot-svg',
      x: { domain: [0, rows - 1], label: null },
      y: { domain: [0, Math.ceil(most)], label: null },
      marks: [
        gridY({ ticks: 5, stroke: 'var(--line)', strokeOpacity: 1 }),
        axisY({ ticks: 5, tickSize: 0 }),
        axisX(
          lenses[0].values.map((_, r) => r),
          {
            tickSize: 3,
            tickFormat: (/** @type {number} */ r) => (r === 0 ? 'emb.' : r === rows - 1 ? 'out' : `${r - 1}`),
          },
        ),
        text([title], { frameAnchor: 'top-left', dy: -22, dx: -26 }),
        ...lenses.map(({ values }, i) =>
          line(values, {
            x: (_, /** @type {number} */ r) => r,
            y: (/** @type {number} */ v) => v,
            stroke: STYLES[i % STYLES.length],
            strokeWidth: 2,
            strokeDasharray: i > 1 ? '5 2.5' : undefined,
          }),
        ),
      ],
    })
  );
  for (const style of svg.querySelectorAll('style')) style.remove(); // the content security policy forbids it
  figure.append(svg);
  return figure;
}
