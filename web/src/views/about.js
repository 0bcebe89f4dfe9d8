// What the lens is and is not, in a dialog; and the foot of the page, with what is seldom wanted.
import { html } from 'lit';
import { theme, toggleTheme } from '../state/theme.js';
import { about, keys } from '../strings.js';
import { dialogView, openDialog } from './dialog.js';
import { toggleProjector } from './projector.js';
import recipe from './recipe.py';

/** @param {import('../state/conductor.js').Conductor} conductor */
export function aboutView(conductor) {
  return dialogView(
    'about',
    about.title,
    html`
      ${about.sections.map(
        ({ title, points }) => html`<h3>${title}</h3>
          <ul>${points.map((text) => html`<li>${text}</li>`)}</ul>`,
      )}
      <lens-scores .conductor=${conductor}></lens-scores>
      <h3>${about.papersTitle}</h3>
      <ul class="papers">
        ${about.papers.map(
          ({ who, year, title, where, url }) =>
            html`<li>${who} (${year}). <a href=${url} target="_blank" rel="noopener noreferrer"><cite>${title}</cite></a>. ${where}</li>`,
        )}
      </ul>
      <p class="quiet">${about.papersNote}</p>
      <h3>${about.recipeTitle}</h3>
      <p>${about.recipeNote}</p>
      <pre tabindex="0" aria-label=${about.recipeTitle}>${recipe}</pre>
      <p><b>${about.private}</b> ${about.privateNote}</p>
    `,
  );
}

/** @param {{conductor: import('../state/conductor.js').Conductor, element: import('lit').ReactiveElement}} args */
export function footView({ conductor, element }) {
  const turned = () => {
    toggleTheme();
    element.requestUpdate();
  };
  return html`<footer aria-label=${about.label}>
    ${about.paragraphs.map((text) => html`<p>${text}</p>`)}
    <nav aria-label=${about.more}>
      <button type="button" class="link" @click=${() => openDialog(element, 'about')}>${about.open}</button>
      <button type="button" class="link" @click=${() => openDialog(element, 'keys')}>${keys.title}</button>
      <button type="button" class="link" @click=${() => toggleProjector(conductor)}>${keys.projector}</button>
      <button type="button" class="link" @click=${turned}>${theme() === 'dark' ? about.light : about.dark}</button>
    </nav>
  </footer>`;
}
