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

/** With its sign: what something adds. @param {number} z */
export function formatSigned(z) {
  if (!Number.isFinite(z)) return '–';
  const size = Math.abs(z).toFixed(2);
  return size === '0.00' ? '0' : `${z < 0 ? '−' : '+'}${size.replace(/^0/, '')}`;
}

/** In nats, with two digits; what is only rounding shows no sign. @param {number} nats */
export function formatNats(nats) {
  return Number.isFinite(nats) ? Math.abs(nats).toFixed(2) : '–';
}

export { grouped as formatCount } from '../strings.js';

/** In five characters or fewer: 2,345 is 2.3k. @param {number} rank from 1; anything else is no rank */
export function formatRank(rank) {
  if (!(rank > 0)) return '–';
  if (rank < 1000) return String(rank);
  return `${(rank / 1000).toFixed(rank < 9950 ? 1 : 0)}k`;
}
