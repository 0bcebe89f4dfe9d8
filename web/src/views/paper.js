// What a style sheet cannot do for paper.

const PAPER = { width: 1000, font: 11 }; // px of A4 across, less its margins, and the root's size in print.css

/** Before printing: how far the grid must shrink to lie whole on the sheet. @param {HTMLElement} page */
export function fitPaper(page) {
  const grid = page.querySelector('.grid');
  if (!grid) return;
  const size = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const width = (grid.scrollWidth * PAPER.font) / size;
  page.style.setProperty('--paper-zoom', String(Math.min(1, PAPER.width / width)));
}
