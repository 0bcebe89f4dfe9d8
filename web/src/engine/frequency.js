// How often a model met each token while it was trained, as ranks.

/**
 * @param {unknown} file TokenCounts (loader.js), untrusted
 * @param {number} vocabulary how many tokens the model has
 * @returns {Int32Array | null} by id: 1 for the most frequent, ties to the lower id; null where the file is not of this model
 */
export function frequencyRanks(file, vocabulary) {
  const counts = /** @type {{counts?: unknown} | null} */ (file)?.counts;
  if (!Array.isArray(counts) || counts.length !== vocabulary || !counts.every((n) => n >= 0)) return null;
  const ranks = new Int32Array(vocabulary);
  const order = counts.map((_, id) => id).sort((a, b) => counts[b] - counts[a] || a - b);
  for (const [i, id] of order.entries()) ranks[id] = i + 1;
  return ranks;
}
