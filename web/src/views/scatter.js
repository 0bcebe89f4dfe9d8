// Attention against what is added to a logit: dots, and what their correlation is.
import { html } from 'lit';
import { FEWEST } from '../engine/correlation.js';
import { scatter as words } from '../strings.js';
import { drawn } from './drawn.js';
import { formatSigned } from './format.js';

/** @typedef {{attends: number, adds: number}} Dot  a share, and logits */

const SIZE = { width: 640, height: 300, dot: 4 };

/** @param {number} r @param {string} counted what it is over @param {number} n how many */
export function correlationView(r, counted, n) {
  if (Number.isFinite(r)) return words.correlation(formatSigned(r), counted);
  return n < FEWEST ? words.tooFew(counted, FEWEST) : words.steady(counted);
}

/** @param {unknown[]} looks what the picture depends on @param {() => Dot[]} dots */
export function scatterView(looks, dots) {
  const draw = (/** @type {HTMLCanvasElement} */ canvas) => drawDots(canvas, dots());
  return html`<div class="axes"><canvas class="scatter" aria-hidden="true" ${drawn(looks, draw)}></canvas><span>${words.raises}</span><span>${words.attends}</span></div>`;
}

/** Attention to the right, what is added upwards; a line where nothing is. @param {HTMLCanvasElement} canvas @param {Dot[]} dots */
function drawDots(canvas, dots) {
  const { width, height, dot } = SIZE;
  [canvas.width, canvas.height] = [width, height];
  const ink = canvas.getContext('2d');
  if (!ink) return;
  const most = dots.reduce((size, { adds }) => Math.max(size, Math.abs(adds)), 0) || 1;
  ink.fillStyle = getComputedStyle(canvas).color;
  ink.globalAlpha = 0.25;
  ink.fillRect(0, height / 2, width, 1);
  ink.globalAlpha = 0.6;
  for (const { attends, adds } of dots) {
    const x = dot + attends * (width - 2 * dot);
    const y = height / 2 - (adds / most) * (height / 2 - dot);
    ink.beginPath();
    ink.arc(x, y, dot, 0, 2 * Math.PI);
    ink.fill();
  }
}
