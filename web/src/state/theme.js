// Light or dark: the system's, until the reader chooses; a projector is light. What holds stands in the root's data-theme,
// the one place that style sheets ask.
import { keep, recall } from './storage.js';

/** @typedef {'light' | 'dark'} Theme */

const system = () => matchMedia('(prefers-color-scheme: dark)');

/** @returns {Theme | null} null: as the system has it */
function chosen() {
  const kept = recall('localStorage', 'theme');
  return kept === 'light' || kept === 'dark' ? kept : null;
}

/** @type {Theme | null} */
let choice = null;
/** @type {Theme | null} */
let forced = null;

function apply() {
  document.documentElement.dataset.theme = theme();
}

/** Once, before the first drawing. @param {() => void} changed when the system's changed */
export function followTheme(changed) {
  choice = chosen();
  apply();
  system().addEventListener('change', () => {
    apply();
    changed();
  });
}

/** The theme that holds. @returns {Theme} */
export function theme() {
  return forced ?? choice ?? (system().matches ? 'dark' : 'light');
}

/** From light to dark and back; a choice that is the system's own is no choice. */
export function toggleTheme() {
  const next = theme() === 'dark' ? 'light' : 'dark';
  choice = next === (system().matches ? 'dark' : 'light') ? null : next;
  keep('localStorage', 'theme', choice);
  apply();
}

/** @param {Theme | null} theme whatever was chosen; null: no longer */
export function forceTheme(theme) {
  if (forced === theme) return;
  forced = theme;
  apply();
}
