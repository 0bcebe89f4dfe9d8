// The page's keys. None acts while somebody types, with Ctrl, Alt or Meta held, or while a dialog or a menu is open.
import { html } from 'lit';
import { keys } from '../strings.js';
import { dialogView, openDialog } from './dialog.js';
import { projectorKey, shownOf, toggleProjector } from './projector.js';

/** @typedef {import('../state/conductor.js').Conductor} Conductor */

/**
 * @param {KeyboardEvent} e before the grid hears it
 * @param {HTMLElement} page
 * @param {Conductor} conductor
 */
export function pressed(e, page, conductor) {
  if (e.ctrlKey || e.altKey || e.metaKey || e.isComposing || e.defaultPrevented) return;
  if (document.querySelector('dialog[open], details.menu[open]')) return;
  const target = /** @type {Element} */ (e.composedPath()[0]);
  if (target.matches?.('input, textarea, select, [contenteditable]')) {
    if (e.key !== 'Escape' || !target.closest('.prompt')) return;
    /** @type {HTMLElement} */ (target).blur();
    /** @type {HTMLElement | null} */ (page.querySelector('.grid td[tabindex="0"]'))?.focus({ preventScroll: true });
  } else if (e.key === '/') {
    const box = page.querySelector('textarea');
    box?.focus();
    box?.setSelectionRange(box.value.length, box.value.length);
  } else if (e.key.toLowerCase() === 'p') {
    toggleProjector(conductor);
  } else if (shownOf(conductor.state.experiment, 1).on) {
    if (!projectorKey(e.key, e.shiftKey, conductor)) return;
  } else if (e.key === '?') {
    openDialog(page, 'keys');
  } else return;
  e.preventDefault();
  e.stopPropagation();
}

/** A menu closes when something else is touched. @param {Event} e */
export function touched(e) {
  for (const menu of document.querySelectorAll('details.menu[open]'))
    if (!e.composedPath().includes(menu)) /** @type {HTMLDetailsElement} */ (menu).open = false;
}

export function keysView() {
  const list = (/** @type {string[][]} */ rows) =>
    html`<dl>${rows.map(([key, means]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${means}</dd></div>`)}</dl>`;
  return dialogView('keys', keys.title, html`${list(keys.page)}<h3>${keys.projector}</h3>${list(keys.inProjector)}`);
}
