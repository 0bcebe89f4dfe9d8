// A Picture as a drawing of its own: SVG text without scripts, styles or links, in the colours of the light theme,
// since it will lie on paper or on a white slide.
import { ramp, THEMES } from '../style/scale.js';

/** @typedef {import('./picture.js').Picture} Picture */

const CELL = { width: 86, height: 32, quiet: 44, gap: 2, inset: 7 };
const LEFT = 108;
const MARGIN = 20;
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';

/** @param {Picture} picture @returns {{text: string, width: number, height: number}} in CSS pixels */
export function svgOf(picture) {
  const steps = ramp('light', picture.hue);
  const { page, ink } = THEMES.light;
  const soft = '#66625b';
  /** @type {string[]} */
  const out = [];
  const numbers = picture.rows.some((r) => r.cells.some((c) => c.number !== ''));
  const height = CELL.height + (numbers ? 14 : 0);
  /** @type {number[]} where each column begins */
  const lefts = [];
  let x = MARGIN + LEFT;
  for (const c of picture.columns) {
    lefts.push(x);
    x += (c.quiet ? CELL.quiet : CELL.width) + CELL.gap;
  }
  const width = Math.max(x + MARGIN, 560);

  /** @param {number} left @param {number} y @param {string} text @param {string} rest attributes */
  const write = (left, y, text, rest) =>
    out.push(`<text x="${left}" y="${y}" direction="ltr" unicode-bidi="isolate" ${rest}>${xmlText(text)}</text>`);

  write(MARGIN, MARGIN + 14, picture.prompt, `font-size="16" font-weight="600" fill="${ink}"`);
  write(MARGIN, MARGIN + 34, picture.model, `font-size="12" fill="${soft}"`);

  // The scale, its ticks and what it says.
  const scaleTop = MARGIN + 48;
  const scaleWidth = 202;
  for (const [i, s] of steps.entries())
    out.push(`<rect x="${MARGIN + i * 2}" y="${scaleTop}" width="2" height="12" fill="${s.background}"/>`);
  out.push(
    `<rect x="${MARGIN}" y="${scaleTop}" width="${scaleWidth}" height="12" fill="none" stroke="#e2ded6" stroke-width="1"/>`,
  );
  for (const [i, tick] of picture.ticks.entries()) {
    const share = picture.ticks.length < 2 ? 0 : i / (picture.ticks.length - 1);
    const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle';
    write(MARGIN + share * scaleWidth, scaleTop + 25, tick, `font-size="11" text-anchor="${anchor}" fill="${soft}"`);
  }
  write(MARGIN + scaleWidth + 16, scaleTop + 10, picture.measure, `font-size="12" fill="${soft}"`);

  if (picture.hatched) write(MARGIN + scaleWidth + 16, scaleTop + 26, picture.hatched, `font-size="12" fill="${soft}"`);

  const headTop = scaleTop + 40;
  write(
    MARGIN + LEFT - 10,
    headTop + 18,
    `${picture.deeper} ↑`,
    `font-size="13" font-style="italic" text-anchor="end" fill="${soft}"`,
  );
  for (const [p, c] of picture.columns.entries())
    cell(lefts[p], headTop, c.quiet ? CELL.quiet : CELL.width, 24, null, () =>
      write(CELL.inset, 18, c.text, `font-size="13" fill="${soft}"`),
    );

  let y = headTop + 28;
  for (const [i, row] of picture.rows.entries()) {
    const strong = i === 0;
    write(
      MARGIN + LEFT - 10,
      y + height / 2 + 5,
      row.label,
      `font-size="13" text-anchor="end" fill="${strong ? ink : soft}" font-weight="${strong ? 600 : 400}"`,
    );
    for (const [p, c] of row.cells.entries()) {
      const { background, text } = c.step < 0 ? { background: null, text: soft } : steps[c.step];
      const wide = picture.columns[p].quiet ? CELL.quiet : CELL.width;
      cell(lefts[p], y, wide, height, background, () => {
        if (c.hatched) out.push(`<path d="${hatching(wide, height)}" stroke="#000" stroke-opacity=".22"/>`);
        write(CELL.inset, 21, c.text, `font-size="14" fill="${text}" font-weight="${c.bold ? 700 : 400}"`);
        if (c.number !== '') write(CELL.inset, 37, c.number, `font-size="11" fill="${text}"`);
      });
    }
    y += height + CELL.gap;
  }
  const tall = y + MARGIN;

  return {
    width,
    height: tall,
    text:
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${tall}" viewBox="0 0 ${width} ${tall}" ` +
      `font-family="${xmlText(FONT)}"><title>${xmlText(picture.prompt)}</title>` +
      `<rect width="100%" height="100%" fill="${page}"/>${out.join('')}</svg>`,
  };

  /**
   * What is drawn in a cell of its own coordinates ends at its edge.
   * @param {number} left @param {number} top @param {number} w @param {number} h @param {string | null} fill
   * @param {() => void} inside
   */
  function cell(left, top, w, h, fill, inside) {
    out.push(`<svg x="${left}" y="${top}" width="${w}" height="${h}" overflow="hidden">`);
    if (fill) out.push(`<rect width="${w}" height="${h}" rx="3" fill="${fill}"/>`);
    inside();
    out.push('</svg>');
  }
}

/** Slanted lines over a cell. @param {number} w @param {number} h */
function hatching(w, h) {
  return Array.from({ length: Math.ceil((w + h) / 9) }, (_, i) => `M${9 * i},0l${-h},${h}`).join('');
}

// XML has no way to write most control characters, nor a lone surrogate.
const UNWRITABLE = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** @param {string} text */
function xmlText(text) {
  return text
    .replace(UNWRITABLE, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
