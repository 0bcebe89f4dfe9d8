// The chart itself, by Observable Plot: fetched by the page when it is first drawn.
import { axisX, axisY, gridY, line as lineMark, plot, ruleX, text } from '@observablehq/plot';
import { apart } from './lines.js';

/**
 * @typedef {'prob' | 'rank' | 'logit'} Scale
 * @typedef {{name: string, role: string, points: import('../engine/readout.js').Guess[]}} Named
 * @typedef {{lines: Named[], scale: Scale, width: number, rowLabels: string[], deeper: string}} Chart
 */

const HEIGHT = 216;
const MARGIN = { top: 10, bottom: 34, left: 38, right: 96 };
const LABEL_GAP = 14;
const END_ROOM = 22; // from the middle of a word at an end to that of a number
const COLOURS = 6; // --line-1 … in panel.css

/**
 * @param {Chart} chart
 * @returns {{svg: SVGSVGElement, mark: (row: number) => void}} colours and fonts are the style sheet's; mark: the row that the rule stands on
 */
export function drawn({ lines, scale, width, rowLabels, deeper }) {
  const last = rowLabels.length - 1;
  const value = (/** @type {import('../engine/readout.js').Guess} */ p) => p[scale];
  const values = lines.flatMap((l) => l.points.map(value)).filter(Number.isFinite);
  const y = domain(scale, values);
  const height = (/** @type {number} */ v) => {
    const at = (/** @type {number} */ u) => (y.type === 'log' ? Math.log(u) : u);
    const share = (at(v) - at(y.domain[0])) / (at(y.domain[1]) - at(y.domain[0]) || 1);
    return HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.bottom - MARGIN.top);
  };
  let others = 0;
  const styles = lines.map(({ role }) => {
    if (role === 'answer') return { stroke: 'var(--line-answer)', strokeWidth: 2.5, strokeDasharray: undefined };
    const n = others++;
    return {
      stroke: `var(--line-${(n % COLOURS) + 1})`,
      strokeWidth: 1.5,
      strokeDasharray: role === 'pin' ? '5 2.5' : n >= COLOURS ? '1.5 2.5' : undefined,
    };
  });
  const ends = lines.map((l) => height(value(/** @type {any} */ (l.points.at(-1)))));
  const labels = apart(ends, LABEL_GAP, MARGIN.top, HEIGHT - MARGIN.bottom);
  // As many ticks as have room, and none under the words at both ends.
  const step = (width - MARGIN.left - MARGIN.right) / last;
  const every = Math.ceil(22 / step);
  const free = (/** @type {number} */ i) => i % every === 0 && i * step >= END_ROOM && (last - i) * step >= END_ROOM;
  const ticks = rowLabels.map((_, i) => i).filter((i) => i === 0 || i === last || (rowLabels[i] && free(i)));

  const svg = /** @type {SVGSVGElement & import('@observablehq/plot').Plot} */ (
    plot({
      ...{ width, height: HEIGHT, className: 'plot-svg' },
      ...{ marginTop: MARGIN.top, marginBottom: MARGIN.bottom, marginLeft: MARGIN.left, marginRight: MARGIN.right },
      x: { domain: [0, last], label: null },
      y: { ...y, label: null },
      marks: [
        gridY(y.ticks, { stroke: 'var(--line)', strokeOpacity: 1 }),
        ruleX([0], { stroke: 'var(--focus)', strokeOpacity: 0.55, className: 'row-mark' }),
        axisY(y.ticks, { tickSize: 0, tickFormat: (/** @type {number} */ v) => written(scale, v) }),
        axisX(ticks, { tickSize: 3, tickFormat: (/** @type {number} */ i) => rowLabels[i] }),
        text([`${deeper} →`], { frameAnchor: 'bottom', dy: 30, className: 'axis' }),
        // The answer last, over the others.
        ...lines
          .map((l, i) =>
            lineMark(l.points, {
              x: (_, /** @type {number} */ at) => at,
              y: value,
              ...styles[i],
              strokeLinejoin: 'round',
            }),
          )
          .reverse(),
        ...lines.map((l, i) =>
          text([l], {
            x: last,
            y: value(/** @type {any} */ (l.points.at(-1))),
            text: () => cut(l.name),
            ...{ dx: 6, dy: labels[i] - ends[i], textAnchor: 'start' },
            fill: styles[i].stroke === 'var(--line-answer)' ? 'var(--ink)' : styles[i].stroke,
            fontWeight: l.role === 'answer' ? 700 : 400,
          }),
        ),
      ],
    })
  );
  // Plot's own rules are in panel.css: a style element is what the content security policy forbids.
  for (const style of svg.querySelectorAll('style')) style.remove();
  const rule = svg.querySelector('.row-mark line');
  const mark = (/** @type {number} */ row) => {
    for (const end of ['x1', 'x2']) rule?.setAttribute(end, String(svg.scale('x')?.apply(row)));
  };
  return { svg, mark };
}

/** @param {Scale} scale @param {number[]} values */
function domain(scale, values) {
  if (scale === 'prob')
    return { type: /** @type {const} */ ('linear'), domain: [0, 1], ticks: [0, 0.25, 0.5, 0.75, 1] };
  if (scale === 'rank') {
    const top = 10 ** Math.ceil(Math.log10(Math.max(10, ...values)));
    const ticks = Array.from({ length: Math.round(Math.log10(top)) + 1 }, (_, i) => 10 ** i);
    return { type: /** @type {const} */ ('log'), domain: [top, 1], ticks };
  }
  const [low, high] = [Math.min(0, ...values), Math.max(1, ...values)];
  const step = [1, 2, 5, 10, 20, 50, 100].find((s) => (high - low) / s <= 6) ?? 200;
  const from = Math.floor(low / step) * step;
  const ticks = Array.from({ length: Math.ceil((high - from) / step) + 1 }, (_, i) => from + i * step);
  return { type: /** @type {const} */ ('linear'), domain: [from, /** @type {number} */ (ticks.at(-1))], ticks };
}

/** @param {Scale} scale @param {number} v */
function written(scale, v) {
  if (scale === 'prob') return String(v).replace(/^0(?=\.)/, '');
  if (scale === 'rank') return v >= 1000 ? `${v / 1000}k` : String(v);
  return String(v).replace('-', '−');
}

/** @param {string} name */
function cut(name) {
  const characters = [...new Intl.Segmenter().segment(name)].map((s) => s.segment);
  return characters.length > 12 ? `${characters.slice(0, 11).join('')}…` : name;
}
