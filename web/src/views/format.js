// Numbers as the page writes them.

/** .41, as the page writes a probability. @param {number} p */
export function formatProb(p) {
  if (!(p >= 0)) return '–';
  if (p >= 0.995) return p === 1 ? '1' : '>.99';
  if (p < 0.005) return '<.01';
  return p.toFixed(2).replace(/^0/, '');
}

/** With one digit more, for the panel. @param {number} p */
export function formatProbFine(p) {
  if (!(p >= 0)) return '–';
  if (p >= 0.9995) return p === 1 ? '1' : '>.999';
  if (p < 0.0005) return '<.001';
  return p.toFixed(3).replace(/^0/, '');
}

/** @param {number} z */
export function formatLogit(z) {
  return Number.isFinite(z) ? z.toFixed(1).replace('-', '−') : '–';
}
