/** Of a correlation, as in the engine (core/lens/head_writes.cpp). */
export const FEWEST = 20;

/**
 * Pearson's r; NaN for fewer than FEWEST, or where one side does not vary.
 * @param {number[]} x @param {number[]} y as many
 */
export function correlation(x, y) {
  if (x.length < FEWEST) return Number.NaN;
  const mean = (/** @type {number[]} */ v) => v.reduce((sum, value) => sum + value, 0) / v.length;
  const [dx, dy] = [x, y].map((v) => {
    const middle = mean(v);
    return v.map((value) => value - middle);
  });
  const product = (/** @type {number[]} */ a, /** @type {number[]} */ b) => mean(a.map((value, i) => value * b[i]));
  const scale = Math.sqrt(product(dx, dx) * product(dy, dy));
  return scale > 0 ? product(dx, dy) / scale : Number.NaN;
}
