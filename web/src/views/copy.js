// What is copied is the text that a token stands for, not the marks that it is shown with.

/** @typedef {import('../engine/vocabulary.js').Vocabulary} Vocabulary */

/**
 * For the page's `copy` event: tokens in the selection become their own text, chips run together into the prompt that
 * they are, cells are parted by tabs and rows by line ends. With nothing selected, the focused cell's token.
 * @param {ClipboardEvent} e
 * @param {Vocabulary} vocabulary
 */
export function copied(e, vocabulary) {
  const at = /** @type {Element} */ (e.target);
  if (!e.clipboardData || /^(TEXTAREA|INPUT)$/.test(at.tagName)) return;
  const text = selectedText(vocabulary) ?? focusedText(vocabulary);
  if (text === null) return;
  e.clipboardData.setData('text/plain', text);
  e.preventDefault();
}

/** @param {Vocabulary} vocabulary @returns {string | null} null where no token is selected */
function selectedText(vocabulary) {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
  const range = selection.getRangeAt(0);
  const around = range.commonAncestorContainer;
  const inside = (around instanceof Element ? around : around.parentElement)?.closest('bdi[data-id]');
  if (inside) return textOf(inside, vocabulary);
  const copy = range.cloneContents();
  const tokens = copy.querySelectorAll('bdi[data-id]');
  if (tokens.length === 0) return null;
  for (const el of copy.querySelectorAll('.unseen, .finished')) el.remove();
  for (const token of tokens) token.textContent = textOf(token, vocabulary);
  for (const cell of copy.querySelectorAll('td, th')) if (cell.nextElementSibling) cell.append('\t');
  for (const row of copy.querySelectorAll('tr, p, h2, dd')) row.append('\n');
  // Between the elements of a template lies only its indentation.
  const text = [];
  const walker = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement } = /** @type {Text} */ (walker.currentNode);
    if (parentElement?.closest('bdi') || data === '\t' || data === '\n') text.push(data);
    else if (data.trim() !== '') text.push(data.replace(/\s+/g, ' '));
  }
  return text.join('');
}

/** @param {Vocabulary} vocabulary */
function focusedText(vocabulary) {
  const token = document.activeElement?.querySelector(':scope:is(td, th) bdi[data-id]');
  return token ? textOf(token, vocabulary) : null;
}

/** @param {Element} token @param {Vocabulary} vocabulary */
function textOf(token, vocabulary) {
  return vocabulary.token(Number(/** @type {HTMLElement} */ (token).dataset.id)).text;
}

/** Into the clipboard; where the browser has none for this page, by way of a text box. @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const box = document.createElement('textarea');
    box.className = 'unseen';
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand('copy');
    box.remove();
    before?.focus();
  }
}
