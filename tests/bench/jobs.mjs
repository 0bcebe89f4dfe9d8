// What is measured: the jobs, their prompts, and the work in them for GPT-2 small's shape.

export const SHAPE = { n_layer: 12, d_model: 768, n_head: 12, d_vocab: 50257 };
const ROWS = SHAPE.n_layer + 1;

/**
 * @typedef {{method: 'prefill' | 'decode' | 'lens', positions: number, tokens?: number, kept?: number}} JobSpec
 *   tokens: decoded after the prompt; kept: leading positions that are the same in every call
 * @type {Record<string, JobSpec>}
 */
export const JOBS = {
  prefill16: { method: 'prefill', positions: 16 },
  prefill64: { method: 'prefill', positions: 64 },
  decode32: { method: 'decode', positions: 64, tokens: 32 },
  lens16: { method: 'lens', positions: 16 },
  lens64: { method: 'lens', positions: 64 },
  'lens+1': { method: 'lens', positions: 64, kept: 63 },
};

const FIRST_LETTER = 256; // the token " a", with " b" to " z" after it (models.py)
const LETTERS = 26;

/**
 * The token ids of a job's n-th call. Call 0 is models.py's prompt; the others differ from it in their first position
 * that is not kept, and once its letters are used up in another one too, so that no cache makes a repetition cheaper.
 * @param {JobSpec} job @param {number} call
 */
export function prompt({ positions, kept = 0 }, call) {
  const round = Math.floor(call / LETTERS);
  const moved = (/** @type {number} */ i) => (i === kept ? call : 0) + (i === (kept === 0 ? 1 : 0) ? round : 0);
  return Array.from({ length: positions }, (_, i) => FIRST_LETTER + ((7 * i + moved(i)) % LETTERS));
}

/** The same prompt as text, a letter a token. @param {number[]} ids */
export const text = (ids) => ids.map((id) => ` ${String.fromCharCode(97 + id - FIRST_LETTER)}`).join('');

const BLOCKS = 12 * SHAPE.n_layer * SHAPE.d_model ** 2; // weights of all blocks' matrices
const W_U = SHAPE.d_model * SHAPE.d_vocab;

/** Weights that one decoded token reads. */
export const WEIGHTS_READ = BLOCKS + W_U;

/** Useful operations of a job (of decode: of one token), two for each multiply-add. @param {JobSpec} job */
export function operations({ method, positions: n, kept = 0 }) {
  if (method === 'decode') return 2 * (BLOCKS + W_U);
  const fresh = n - kept;
  const scores = (n * (n + 1) - kept * (kept + 1)) / 2; // causal, of q·k and again of the weighted v
  const attention = 4 * SHAPE.n_layer * SHAPE.d_model * scores;
  return 2 * BLOCKS * fresh + attention + 2 * W_U * (method === 'lens' ? ROWS * fresh : 1);
}
