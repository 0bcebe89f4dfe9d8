// The page's entry: the colours of the scale, the element, and window.logitLens.
import { lensApi } from './api.js';
import { followTheme } from './state/theme.js';
import { scaleCss } from './style/scale.js';
import { LogitLens } from './views/logit_lens.js';

const scale = new CSSStyleSheet();
scale.replaceSync(scaleCss());
document.adoptedStyleSheets = [...document.adoptedStyleSheets, scale];

followTheme(() => {
  for (const element of document.querySelectorAll('logit-lens')) /** @type {LogitLens} */ (element).requestUpdate();
});
customElements.define('logit-lens', LogitLens);

const first = /** @type {LogitLens | null} */ (document.querySelector('logit-lens'));
if (first) Object.assign(window, { logitLens: lensApi(first.conductor) });
