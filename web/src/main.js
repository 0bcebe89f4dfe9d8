// The page's entry: the elements, and window.logitLens.
import { lensApi } from './api.js';
import { allowThreads } from './engine/builds.js';
import { followTheme } from './state/theme.js';
import { TrajectoryChart } from './views/chart.js';
import { LensGrid } from './views/grid.js';
import { LensScores } from './views/lens_scores.js';
import { LogitLens } from './views/logit_lens.js';
import { LensMap } from './views/map.js';
import { CellPanel } from './views/panel.js';
import { PinBox } from './views/pins.js';
import { PublishedChecks } from './views/published.js';
import { PanelSections } from './views/sections.js';
import { ShareMenu } from './views/share.js';

followTheme(() => {
  for (const element of document.querySelectorAll('logit-lens')) /** @type {LogitLens} */ (element).requestUpdate();
});

customElements.define('pin-box', PinBox);
customElements.define('published-checks', PublishedChecks);
customElements.define('trajectory-chart', TrajectoryChart);
customElements.define('panel-sections', PanelSections);
customElements.define('cell-panel', CellPanel);
customElements.define('lens-map', LensMap);
customElements.define('lens-grid', LensGrid);
customElements.define('lens-scores', LensScores);
customElements.define('lens-share', ShareMenu);
customElements.define('logit-lens', LogitLens);

const first = /** @type {LogitLens | null} */ (document.querySelector('logit-lens'));
if (first) {
  Object.assign(window, { logitLens: lensApi(first.conductor) });
  first.conductor.ready.then(
    () => allowThreads(new URL('.', import.meta.url)),
    () => {},
  );
}
