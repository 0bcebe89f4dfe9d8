// The first example's answer as it was when the page was built: the engine's own tables, made by the same build with the
// same weights (web/build.mjs), to be drawn before either is there. Numbers are kept bit by bit.
import { Readout } from './readout.js';
import { Vocabulary } from './vocabulary.js';

/**
 * @typedef {import('./readout.js').Table} Table
 * @typedef {import('#lens').ModelInfo} ModelInfo
 * @typedef {import('#lens').VocabularyTable} VocabularyTable
 * @typedef {{experiment: any, model: {title: string, about: string, file: string, lenses?: string[], info: ModelInfo},
 *            tokens: [id: number, bytes: string][], tables: (Omit<Table, 'data'> & {data: string})[]}} Recorded
 *   bytes and data in base64; of the vocabulary only the tokens that the tables name
 */

/**
 * @param {{experiment: any, model: Recorded['model'], vocabulary: VocabularyTable | null, tables: Table[]}} what
 * @returns {Recorded}
 */
export function record({ experiment, model, vocabulary, tables }) {
  const named = tables.filter((t) => t.unit === 'token id').flatMap((t) => [...t.data]);
  const ids = vocabulary ? [...new Set(named)].filter((id) => id >= 0).sort((a, b) => a - b) : [];
  return {
    experiment,
    model,
    tokens: ids.map((id) => {
      const { bytes, offsets } = /** @type {VocabularyTable} */ (vocabulary);
      return [id, toBase64(bytes.subarray(offsets[id], offsets[id + 1]))];
    }),
    tables: tables.map(({ data, ...t }) => ({
      ...t,
      data: toBase64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    })),
  };
}

/** Throws where it is no Recorded. @param {Recorded} recorded */
export function openRecorded({ experiment, model, tokens, tables }) {
  const readout = new Readout(
    tables.map((t) => {
      const { buffer } = fromBase64(t.data);
      return { ...t, data: t.dtype === 'f32' ? new Float32Array(buffer) : new Int32Array(buffer) };
    }),
    tables[0].read,
  );
  const offsets = new Uint32Array(model.info.d_vocab + 1);
  const parts = tokens.map(([id, text]) => /** @type {const} */ ([id, fromBase64(text)]));
  for (const [id, part] of parts) offsets[id + 1] = part.length;
  for (let id = 0; id < model.info.d_vocab; id++) offsets[id + 1] += offsets[id];
  const bytes = new Uint8Array(offsets[model.info.d_vocab]);
  for (const [id, part] of parts) bytes.set(part, offsets[id]);
  const table = tokens.length > 0 ? { bytes, offsets, special: new Uint8Array(model.info.d_vocab) } : null;
  return { experiment, drawing: { readout, model: { ...model, vocabulary: new Vocabulary(table, model.info.bos) } } };
}

/** @param {Uint8Array} bytes */
function toBase64(bytes) {
  let text = '';
  for (const b of bytes) text += String.fromCharCode(b);
  return btoa(text);
}

/** @param {string} text */
function fromBase64(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
