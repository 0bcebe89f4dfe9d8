// One short visit to the page, the same in every engine. It holds on to what stays when the page's looks change: the
// prompt's box, the grid's table and its cells in the tab order, the live region, the link, window.logitLens.
import assert from 'node:assert/strict';

/** @typedef {import('./engine.d.ts').Engine} Engine */

/** @type {Record<string, (engine: Engine, address: string) => Promise<void>>} */
export const scenario = {
  'opens cold and draws its first grid': async (engine, address) => {
    await open(engine, address);
    const seen = await engine.evaluate(() => ({
      rows: document.querySelectorAll('table.grid tbody tr').length,
      cells: document.querySelectorAll('table.grid tbody td').length,
      prompt: document.querySelector('textarea')?.value,
      asked: window.logitLens.experiment.runs.main.prompt,
      story: document.querySelector('.story')?.textContent ?? '',
    }));
    assert.ok(seen.rows > 2 && seen.cells > 2 * seen.rows, JSON.stringify(seen));
    assert.equal(seen.prompt, seen.asked);
    assert.match(seen.story, /the model/);
  },

  'typing redraws the grid and the link': async (engine) => {
    const before = await gridText(engine);
    await retype(engine, 'The king');
    await columnsBecome(engine, ['The', '·king']);
    await engine.type(' of the');
    await columnsBecome(engine, ['The', '·king', '·of', '·the']);
    assert.notEqual(await gridText(engine), before);
    await becomes(engine, () => location.hash.includes('runs.main.prompt=The+king+of+the'), true);
  },

  'the keyboard selects a cell': async (engine) => {
    await focusCell(engine);
    const here = () => {
      const cell = /** @type {HTMLTableCellElement} */ (document.querySelector('.grid td[tabindex="0"]'));
      const row = /** @type {HTMLTableRowElement} */ (cell.parentElement);
      return [cell.cellIndex - 1, row.sectionRowIndex, cell === document.activeElement];
    };
    await becomes(engine, here, [4, 0, true]);
    for (const [key, place] of /** @type {[string, unknown[]][]} */ ([
      ['ArrowDown', [4, 1, true]],
      ['ArrowLeft', [3, 1, true]],
      ['Home', [0, 1, true]],
      ['ArrowRight', [1, 1, true]],
      ['ArrowRight', [2, 1, true]],
    ])) {
      await engine.press(key);
      await becomes(engine, here, place);
    }
    await becomes(engine, () => window.logitLens.experiment.view.position, 2);
    assert.match(
      await engine.evaluate(() => document.querySelector('logit-lens > [role=status]')?.textContent ?? ''),
      /at space king, position 2: .*probability/,
    );
  },

  'a token is pinned by its name, and the chart draws its line': async (engine) => {
    await engine.evaluate(() =>
      /** @type {HTMLElement} */ (document.querySelector('.panel input[role=combobox]')).focus(),
    );
    await engine.type('queen');
    await becomes(engine, () => (document.querySelector('[role=option]')?.textContent ?? '').includes('queen'), true);
    await engine.press('Enter');
    await becomes(engine, () => window.logitLens.experiment.reads[0].track, [' queen']);
    await becomes(
      engine,
      () => [...document.querySelectorAll('.panel svg text')].some((text) => text.textContent?.includes('queen')),
      true,
    );
  },

  'the grid leaves as a picture': async (engine) => {
    const picture = await engine.evaluate(async () => {
      const saved = new Promise((/** @type {(blob: Blob) => void} */ take) => {
        URL.createObjectURL = (blob) => {
          take(/** @type {Blob} */ (blob));
          return 'data:,';
        };
      });
      HTMLAnchorElement.prototype.click = () => {};
      const items = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('lens-share button'))];
      items.find((item) => /PNG/.test(item.textContent ?? ''))?.click();
      const bitmap = await createImageBitmap(await saved);
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context.drawImage(bitmap, 0, 0);
      const pixels = new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
      return { width: bitmap.width, height: bitmap.height, colours: new Set(pixels).size };
    });
    assert.ok(picture.width > 300 && picture.height > 300 && picture.colours > 50, JSON.stringify(picture));
  },

  'P is the projector, and an arrow shows the next layer': async (engine) => {
    const projector = () => document.querySelector('[data-projector]') !== null;
    const rows = () =>
      [...document.querySelectorAll('.grid tbody tr')].filter((tr) => tr.querySelector('td bdi') !== null).length;
    const all = await engine.evaluate(rows);
    await focusCell(engine);
    await engine.press('p');
    await becomes(engine, projector, true);
    for (const shown of [1, 2]) {
      await becomes(engine, rows, shown);
      await engine.press('ArrowUp');
    }
    assert.equal(await engine.evaluate(overflow), 0);
    await engine.press('Escape');
    await becomes(engine, projector, false);
    await becomes(engine, rows, all);
  },

  'its link opens the same in a fresh page': async (engine) => {
    const state = () => JSON.stringify(window.logitLens.experiment);
    const asked = await engine.evaluate(state);
    // The address follows a moment later: the cell, and no projector any more.
    await becomes(engine, () => /view\.position=2/.test(location.hash) && !/projector/.test(location.hash), true);
    const link = await engine.evaluate(() => location.href);
    const grid = await gridText(engine);
    await engine.goto('about:blank');
    await open(engine, link);
    assert.deepEqual(JSON.parse(await engine.evaluate(state)), JSON.parse(asked));
    assert.equal(await gridText(engine), grid);
  },

  'fits a narrow window': async (engine) => {
    await engine.resize(360, 740);
    // Not every window goes down to 360; the page is narrow below 640.
    await becomes(engine, () => innerWidth < 640, true);
    await becomes(engine, overflow, 0);
    await retype(engine, 'One two three');
    await columnsBecome(engine, ['One', '·two', '·three']);
    assert.equal(await engine.evaluate(overflow), 0);
    await engine.resize(1280, 900);
  },

  'shows hostile text as text': async (engine, address) => {
    const hostile = `<img src=x onerror=alert(1)><script>alert(2)</script> \u202ea e${'\u0301'.repeat(40)} \u{1f469} 日本`;
    await engine.goto('about:blank');
    await open(
      engine,
      `${address}#v=1&models.m=primer&runs.main.model=m&runs.main.bos=true&runs.main.prompt=${encodeURIComponent(hostile)}&reads.0.what=lens`,
    );
    assert.equal(await engine.evaluate(() => document.querySelector('textarea')?.value), hostile);
    const seen = await engine.evaluate(() => ({
      text: [...document.querySelectorAll('.chips li')].map((th) => th.textContent?.trim()).join(''),
      made: document.querySelectorAll('logit-lens :is(img, script)').length,
    }));
    assert.ok(seen.text.includes('<img·src='), seen.text);
    assert.ok(!seen.text.includes('\u202e'), seen.text);
    assert.equal(seen.made, 0);
    assert.equal(await engine.evaluate(overflow), 0);
  },
};

/**
 * The numbers of one reading, as the page hands them to programs, and which build of the engine gave them. NaN is null.
 * @param {Engine} engine
 * @returns {Promise<{build: string, tables: {name: string, dtype: string, data: (number | null)[]}[]}>}
 */
export const numbers = (engine) =>
  engine.evaluate(async () => {
    const tables = await window.logitLens.run({
      v: 1,
      models: { m: 'primer' },
      runs: { main: { model: 'm', prompt: 'The king of the old land went to the city', bos: true } },
      reads: [{ what: 'lens', mid: true }],
    });
    const fetched = performance.getEntriesByType('resource').map((r) => new URL(r.name).pathname);
    return {
      build: fetched.findLast((path) => path.endsWith('.wasm')) ?? '',
      tables: tables.map(({ name, dtype, data }) => ({
        name,
        dtype,
        data: [...data].map((x) => (Number.isNaN(x) ? null : x)),
      })),
    };
  });

/**
 * What went wrong in the page since it was loaded (watch.js writes it down).
 * @param {Engine} engine
 */
export const complaints = (engine) =>
  engine.evaluate(() => [
    ...window.complaints,
    ...performance
      .getEntriesByType('resource')
      .map((r) => r.name)
      .filter((name) => new URL(name).origin !== location.origin),
  ]);

/** @param {Engine} engine @param {string} address */
async function open(engine, address) {
  await engine.goto(address);
  await becomes(engine, () => document.readyState, 'complete');
  await engine.evaluate(() => window.logitLens.ready);
  await becomes(engine, () => document.querySelectorAll('.grid td[tabindex="0"]').length, 1);
}

/** @param {Engine} engine */
const focusCell = (engine) =>
  engine.evaluate(() => /** @type {HTMLElement} */ (document.querySelector('.grid td[tabindex="0"]')).focus());

/** @param {Engine} engine @param {string} text */
async function retype(engine, text) {
  await engine.evaluate(() => {
    const box = /** @type {HTMLTextAreaElement} */ (document.querySelector('textarea'));
    box.focus();
    box.select();
  });
  await engine.type(text);
}

/** @param {Engine} engine @param {string[]} tokens */
const columnsBecome = (engine, tokens) =>
  becomes(
    engine,
    () => [...document.querySelectorAll('.chips li:not(.bos)')].map((th) => th.textContent?.trim()),
    tokens,
  );

/** @param {Engine} engine */
const gridText = (engine) => engine.evaluate(() => document.querySelector('.grid tbody')?.textContent ?? '');

const overflow = () => Math.max(0, document.documentElement.scrollWidth - innerWidth);

/**
 * Asks until the page answers as expected; a busy machine may take its time.
 * @template T
 * @param {Engine} engine
 * @param {() => T} ask
 * @param {unknown} expected
 */
async function becomes(engine, ask, expected) {
  const until = performance.now() + 20_000;
  for (;;) {
    const answer = await engine.evaluate(ask);
    if (performance.now() > until) assert.deepEqual(answer, expected);
    if (JSON.stringify(answer) === JSON.stringify(expected)) return;
    await new Promise((r) => setTimeout(r, 100));
  }
}
