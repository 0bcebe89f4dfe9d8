// A share from 0 to 1 → colour: two fixed ramps for grid and legend, in a light and a dark theme.
//
// On the warm ramp a lit cell is a decided one, on the cool ramp it is far from decided; so the hue says which way a
// measure reads. Both run from the page's own background (0) through OKLCH, with lightness strictly monotone, so that
// they read the same under every colour vision and in greyscale. Each step carries the text colour that goes on it and a quieter one for the marks of
// white space; both keep a contrast of 4.5:1. Computed here once, never interpolated by the browser: what the
// tests measure is what is painted.

export const STEPS = 100;

/** @typedef {{background: string, text: string, mark: string}} Step */
/** @typedef {'light' | 'dark'} Theme */
/** @typedef {'warm' | 'cool'} Hue */

/** What the classes of a ramp's steps begin with. @type {Record<Hue, string>} */
export const PREFIX = { warm: 'p', cool: 'q' };

// `page` and `ink` are the same as --page and --ink in base.css (a test compares them). Stops: [at, L, C, h].
/** @type {Record<Theme, {page: string, ink: string, deep: string, stops: Record<Hue, number[][]>}>} */
export const THEMES = {
  light: {
    page: '#fcfbf9',
    ink: '#1d1b18',
    deep: '#000000',
    stops: {
      warm: [
        [0.25, 0.93, 0.065, 84],
        [0.5, 0.86, 0.12, 78],
        [0.75, 0.78, 0.15, 68],
        [1, 0.69, 0.165, 55],
      ],
      cool: [
        [0.25, 0.925, 0.032, 225],
        [0.5, 0.85, 0.06, 230],
        [0.75, 0.765, 0.085, 236],
        [1, 0.66, 0.11, 244],
      ],
    },
  },
  dark: {
    page: '#161513',
    ink: '#ece8e1',
    deep: '#ffffff',
    stops: {
      warm: [
        [0.25, 0.34, 0.062, 58],
        [0.5, 0.5, 0.1, 62],
        [0.75, 0.68, 0.135, 69],
        [1, 0.86, 0.15, 82],
      ],
      cool: [
        [0.25, 0.34, 0.045, 250],
        [0.5, 0.5, 0.075, 245],
        [0.75, 0.68, 0.09, 238],
        [1, 0.86, 0.085, 228],
      ],
    },
  },
};

const MIN_CONTRAST = 4.6;

/** @type {Map<string, Step[]>} */
const cache = new Map();

/**
 * The STEPS + 1 colours of a ramp in a theme.
 * @param {Theme} theme
 * @param {Hue} [hue]
 * @returns {Step[]}
 */
export function ramp(theme, hue = 'warm') {
  const name = `${theme} ${hue}`;
  const made = cache.get(name) ?? Array.from({ length: STEPS + 1 }, (_, i) => step(theme, hue, i / STEPS));
  cache.set(name, made);
  return made;
}

/**
 * Which step a share is painted with; -1 where there is none.
 * @param {number} share
 */
export function stepOf(share) {
  if (!(share >= 0)) return -1;
  return Math.min(STEPS, Math.round(share * STEPS));
}

/**
 * The class that paints a signed value on both ramps: warm above zero, cool below, the page itself at zero. Hue tells
 * the sign and lightness the size, for every colour vision; where it matters the sign is written, too. Empty where there
 * is no value.
 * @param {number} value
 * @param {number} most the size at which either end is reached
 */
export function divergingClass(value, most) {
  if (!Number.isFinite(value)) return '';
  return `${PREFIX[value < 0 ? 'cool' : 'warm']}${stepOf(most > 0 ? Math.abs(value) / most : 0)}`;
}

/**
 * The ramps as rules `.p0` … `.p100` and `.q0` … `.q100`, and `.w0` … `.w100` for the width of a strip, for the end of
 * the style sheet (the build puts them there); the root's data-theme says which hold.
 */
export function scaleCss() {
  const rules = (/** @type {Theme} */ theme, within = '') =>
    /** @type {Hue[]} */ (Object.keys(PREFIX))
      .flatMap((hue) =>
        ramp(theme, hue).map(
          (s, i) => `${within}.${PREFIX[hue]}${i}{background-color:${s.background};color:${s.text};--mark:${s.mark}}`,
        ),
      )
      .join('');
  const widths = Array.from({ length: STEPS + 1 }, (_, i) => `.w${i}{--strip:${(100 * i) / STEPS}%}`).join('');
  return `${widths}${rules('light')}@media screen{${rules('dark', ':root[data-theme=dark] ')}}`;
}

/**
 * @param {Theme} theme
 * @param {Hue} hue
 * @param {number} t
 * @returns {Step}
 */
function step(theme, hue, t) {
  const { page, stops, ink, deep } = THEMES[theme];
  const background = t === 0 ? page : toHex(at([[0, ...lchOf(page)], ...stops[hue]], t));
  const other = theme === 'light' ? '#ffffff' : '#000000';
  const text =
    [ink, deep, other].find((c) => contrast(c, background) >= MIN_CONTRAST) ?? best([deep, other], background);
  return { background, text, mark: quiet(text, background) };
}

/** @param {string[]} colours @param {string} background */
function best(colours, background) {
  return colours.reduce((a, b) => (contrast(a, background) >= contrast(b, background) ? a : b));
}

/** The palest mix of text and background that can still be read. @param {string} text @param {string} background */
function quiet(text, background) {
  const [a, b] = [rgbOf(text), rgbOf(background)];
  for (let share = 0.45; share > 0; share -= 0.05) {
    const mixed = hex(a.map((v, i) => v + (b[i] - v) * share));
    if (contrast(mixed, background) >= MIN_CONTRAST) return mixed;
  }
  return text;
}

/** @param {number[][]} stops [at, L, C, h] @param {number} t */
function at(stops, t) {
  const i = Math.max(
    1,
    stops.findIndex((s) => s[0] >= t),
  );
  const [from, to] = [stops[i - 1], stops[i]];
  const u = (t - from[0]) / (to[0] - from[0]);
  // A grey has no hue of its own: it takes the neighbour's.
  const hueFrom = from[2] < 0.01 ? to[3] : from[3];
  return [from[1] + (to[1] - from[1]) * u, from[2] + (to[2] - from[2]) * u, hueFrom + (to[3] - hueFrom) * u];
}

/** @param {string} colour */
export function luminance(colour) {
  const [r, g, b] = rgbOf(colour).map(linear);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG 2 contrast. @param {string} a @param {string} b */
export function contrast(a, b) {
  const [hi, lo] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (hi + 0.05) / (lo + 0.05);
}

/** @param {string} colour "#rrggbb" @returns {number[]} 0..255 */
export function rgbOf(colour) {
  return [1, 3, 5].map((i) => Number.parseInt(colour.slice(i, i + 2), 16));
}

/** @param {number[]} rgb 0..255 */
function hex(rgb) {
  return `#${rgb
    .map((v) =>
      Math.round(Math.min(255, Math.max(0, v)))
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

/** @param {number} v 0..255 */
function linear(v) {
  const c = v / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

// OKLab: Björn Ottosson, https://bottosson.github.io/posts/oklab/
/** @param {number[]} lch */
function toHex([L, C, h]) {
  const [a, b] = [C * Math.cos((h * Math.PI) / 180), C * Math.sin((h * Math.PI) / 180)];
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return hex(
    [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ].map((v) => 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055)),
  );
}

/** @param {string} colour @returns {number[]} L, C, h */
export function lchOf(colour) {
  const [r, g, b] = rgbOf(colour).map(linear);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const L = 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s;
  const A = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const B = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  return [L, Math.hypot(A, B), (Math.atan2(B, A) * 180) / Math.PI];
}
