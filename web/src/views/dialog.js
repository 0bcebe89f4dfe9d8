// The page's dialogs: the browser's own, closed by Escape, by the button, or by a click beside them.
import { html } from 'lit';
import { page } from '../strings.js';

/** @param {string} name @param {string} title @param {unknown} body */
export function dialogView(name, title, body) {
  const clicked = (/** @type {MouseEvent} */ e) => {
    const dialog = /** @type {HTMLDialogElement} */ (e.currentTarget);
    const beside = e.target === dialog;
    if (beside || /** @type {Element} */ (e.target).closest('.close')) dialog.close();
  };
  return html`<dialog data-name=${name} aria-label=${title} @click=${clicked}>
    <div class="sheet">
      <header><h2>${title}</h2><button type="button" class="close" aria-label=${page.close}>✕</button></header>
      ${body}
    </div>
  </dialog>`;
}

/** @param {Element} within @param {string} name */
export function openDialog(within, name) {
  /** @type {HTMLDialogElement | null} */ (within.querySelector(`dialog[data-name=${name}]`))?.showModal();
}
