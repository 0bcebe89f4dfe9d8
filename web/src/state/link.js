// Experiment ⇄ the fragment of the address bar.
//
//   #v=1&models.m=primer&runs.main.model=m&runs.main.prompt=The+capital+of+France+is&runs.main.bos=true
//    &reads.0.what=lens&reads.0.run=main&reads.0.top=10&view.position=-1
//
// One `path=value` for every leaf of the JSON document, so that a link can be read and mended by hand. A path is the
// keys joined by "."; inside a key "~" is ~0 and "." is ~1. Objects whose keys are 0 … n−1 are lists. A value is
// JSON, or else the bare string: a string that could be mistaken for JSON is written as JSON. Everything is
// percent-encoded but letters, digits and  - _ . ~ : / , @ ; a space is "+". A fragment that starts with
// "{" (encoded or not) is the plain JSON document. Whatever comes out is text for the engine's parser, the only judge
// of what an Experiment is; unknown keys are carried both ways.

import { LensError } from '../engine/errors.js';
import { trouble } from '../strings.js';

export const MAX_LINK = 64 * 1024;
const MAX_DEPTH = 32;

/** @typedef {null | boolean | number | string | Json[] | {[key: string]: Json}} Json */

/**
 * @param {Json} experiment
 * @returns {string} without "#"
 */
export function encodeLink(experiment) {
  /** @type {string[]} */
  const pairs = [];
  /** @param {Json} value @param {string[]} path */
  const walk = (value, path) => {
    if (path.length > 0 && isLeaf(value)) pairs.push(`${escapeText(path.join('.'))}=${escapeText(leafText(value))}`);
    else for (const [key, v] of Object.entries(/** @type {object} */ (value))) walk(v, [...path, escapeKey(key)]);
  };
  const document = wellFormed(experiment);
  if (isLeaf(document)) return encodeURIComponent(JSON.stringify(document));
  walk(document, []);
  return pairs.join('&');
}

/**
 * The JSON text that a fragment stands for. Throws a LensError with code link_too_long, link_encoding or link_shape.
 * @param {string} fragment with or without "#"
 * @returns {string}
 */
export function decodeLink(fragment) {
  const text = fragment.replace(/^#/, '');
  if (text.length > MAX_LINK) throw new LensError('link_too_long', trouble.linkLong(text.length, MAX_LINK));
  if (/^(\{|%7b)/i.test(text)) return unescapeText(text, false);
  const root = branch();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const eq = pair.indexOf('=');
    if (eq < 1) throw new LensError('link_shape', trouble.linkPair(cut(pair)));
    const path = unescapeText(pair.slice(0, eq), true).split('.').map(unescapeKey);
    if (path.length > MAX_DEPTH) throw new LensError('link_shape', trouble.linkDeep(MAX_DEPTH));
    plant(root, path, leafValue(unescapeText(pair.slice(eq + 1), true)));
  }
  try {
    return JSON.stringify(grown(root));
  } catch {
    throw new LensError('link_shape', trouble.linkNested);
  }
}

/**
 * The same document with every lone surrogate replaced by U+FFFD, so that it is text in every encoding.
 * @param {Json} value
 * @returns {Json}
 */
export function wellFormed(value) {
  if (typeof value === 'string') return wellFormedText(value);
  if (Array.isArray(value)) return value.map(wellFormed);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [wellFormedText(k), wellFormed(v)]));
  return value;
}

/** @param {string} text */
export function wellFormedText(text) {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** @param {Json} value */
function isLeaf(value) {
  if (value === null || typeof value !== 'object') return true;
  const keys = Object.keys(value);
  // An object that would come back as a list is written whole.
  return keys.length === 0 || (!Array.isArray(value) && isList(keys)) || keys.includes('');
}

/** @param {string[]} keys */
function isList(keys) {
  return keys.length > 0 && keys.every((k, i) => k === String(i));
}

/** @param {Json} value */
function leafText(value) {
  if (typeof value !== 'string') return JSON.stringify(value);
  return typeof leafValue(value) === 'string' && !value.startsWith('"') ? value : JSON.stringify(value);
}

/** @param {string} text @returns {Json} */
function leafValue(text) {
  if (/^(["[{]|-?\d|true$|false$|null$)/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return text;
}

/** @typedef {Map<string, Branch | {leaf: Json}>} Branch */
/** @returns {Branch} */
function branch() {
  return new Map();
}

/** @param {Branch} root @param {string[]} path @param {Json} value */
function plant(root, path, value) {
  let here = root;
  for (const [i, key] of path.entries()) {
    const there = here.get(key);
    if (i === path.length - 1) {
      if (there) throw new LensError('link_shape', trouble.linkTwice(cut(path.join('.'))));
      here.set(key, { leaf: value });
    } else if (there instanceof Map) {
      here = there;
    } else if (there) {
      throw new LensError('link_shape', trouble.linkInside(cut(path.join('.'))));
    } else {
      const next = branch();
      here.set(key, next);
      here = next;
    }
  }
}

/** @param {Branch | {leaf: Json}} node @returns {Json} */
function grown(node) {
  if (!(node instanceof Map)) return node.leaf;
  // A list may have been written in any order.
  const inOrder = [...node.keys()].sort((a, b) => Number(a) - Number(b));
  if (isList(inOrder)) return inOrder.map((k) => grown(/** @type {Branch} */ (node.get(k))));
  return Object.fromEntries([...node].map(([k, v]) => [k, grown(v)]));
}

/** @param {string} key */
function escapeKey(key) {
  return key.replaceAll('~', '~0').replaceAll('.', '~1');
}

/** @param {string} key */
function unescapeKey(key) {
  return key.replaceAll('~1', '.').replaceAll('~0', '~');
}

/** @param {string} text */
function escapeText(text) {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
    .replace(/%3A|%2F|%2C|%40/g, decodeURIComponent);
}

/** @param {string} text @param {boolean} plus @returns {string} */
function unescapeText(text, plus) {
  try {
    return decodeURIComponent(plus ? text.replaceAll('+', ' ') : text);
  } catch {
    throw new LensError('link_encoding', trouble.linkEncoding(cut(text)));
  }
}

/** @param {string} text */
function cut(text) {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
