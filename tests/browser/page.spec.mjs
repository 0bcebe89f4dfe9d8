// The page in Chromium, from a cold start, with the model that it ships.
import { box, columns, expect, expectColumns, experimentOf, linkOf, open, test } from './support.mjs';

test.describe('opening', () => {
  test('shows an example already drawn, names its model, and offers the link', async ({ page }) => {
    await open(page);
    const examples = await (await page.request.get('models/examples.json')).json();
    await expect(box(page)).toHaveValue(examples[0].prompt);
    await expect(page.locator('.model')).toHaveText(/^Primer · \d+ layers · [\d.]+ M parameters$/);
    await expect(page.locator('body')).not.toContainText('GPT-2', { useInnerText: true });
    await expect(page.locator('.story')).toContainText(/the model (says|leans to)/);
    await expect(page.locator('footer')).toContainText('Nothing leaves this computer');
    await expect.poll(() => new URL(page.url()).hash).toContain('runs.main.prompt=');
    expect((await experimentOf(page)).v).toBe(1);
  });

  test('the grid is a table, the output on top, the embedding at the bottom', async ({ page }) => {
    await open(page);
    const rows = await page.locator('.grid tbody th').allInnerTexts();
    expect(rows[0]).toBe('output');
    expect(rows.at(-1)).toBe('embed');
    expect(rows.at(-2)).toBe('after block 0');
    const layers = Number(/(\d+) layers/.exec((await page.locator('.model').textContent()) ?? '')?.[1]);
    expect(rows.length).toBe(layers + 1);
    await expect(page.getByRole('grid')).toHaveCount(1);
    // The output's own top token is the final answer by definition.
    await expect(page.locator('.grid tr.output td:not(.same)')).toHaveCount(0);
    await expect(page.locator('.grid thead th.bos')).toHaveText('∅');
    await expect(page.locator('.grid td.bos[class*=" p"]')).toHaveCount(0);
  });

  test('cells say what the tables hold', async ({ page }) => {
    await open(page);
    const tables = await page.evaluate(async () =>
      (await window.logitLens.run(window.logitLens.experiment)).map((t) => ({ ...t, data: [...t.data] })),
    );
    const table = (/** @type {string} */ name) => tables.find((t) => t.name === name);
    const [R, P, K] = table('top_id').dims.map((/** @type {any} */ d) => d.size);
    const seen = await page.evaluate(() =>
      [...document.querySelectorAll('.grid tbody tr')].reverse().map((tr) =>
        [...tr.querySelectorAll('td')].map((td) => ({
          step: Number(/\bp(\d+)\b/.exec(td.className)?.[1] ?? -1),
          same: td.classList.contains('same'),
        })),
      ),
    );
    for (let r = 0; r < R; r++)
      for (let p = 0; p < P; p++) {
        const cell = r * P + p;
        expect(seen[r][p].same).toBe(table('top_id').data[cell * K] === table('answer_id').data[p]);
        if (p > 0) expect(seen[r][p].step).toBe(Math.round(100 * table('answer_prob').data[cell]));
      }
  });
});

test.describe('typing', () => {
  test('redraws the grid, and what is typed in one go is one history entry', async ({ page }) => {
    await open(page);
    const entries = await page.evaluate(() => history.length);
    await box(page).fill('One two');
    await expectColumns(page, ['One', '·two']);
    await expect.poll(() => page.url()).toContain('runs.main.prompt=One+two');
    const before = await page.locator('.grid tbody').textContent();
    await box(page).pressSequentially(' of the', { delay: 30 });
    await expectColumns(page, ['One', '·two', '·of', '·the']);
    expect(await page.locator('.grid tbody').textContent()).not.toBe(before);
    await expect(page.locator('.chips li.here')).toHaveText('·the');
    expect(await page.evaluate(() => history.length)).toBe(entries + 1);
  });

  test('a newer prompt wins', async ({ page }) => {
    await open(page);
    const long = 'the king and the queen of the land '.repeat(5);
    for (const text of [long, `${long}and`, 'the end']) {
      await box(page).fill(text);
      await page.waitForTimeout(130); // past the debounce, so that each is really begun
    }
    await expectColumns(page, ['the', '·end']);
    await page.waitForTimeout(1500);
    expect(await columns(page)).toEqual(['the', '·end']);
    await expect(page.locator('.reading[data-busy]')).toHaveCount(0);
  });

  test('the box grows with its text', async ({ page }) => {
    await open(page);
    const height = async () => (await box(page).boundingBox())?.height ?? 0;
    await box(page).fill('one');
    const low = await height();
    await box(page).focus();
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('two');
    await expect.poll(height).toBeGreaterThan(low + 15);
    await expect.poll(async () => (await columns(page)).includes('↵')).toBe(true);
  });

  test('an empty prompt shows what the model opens with', async ({ page }) => {
    await open(page);
    await box(page).fill('');
    await expectColumns(page, []);
    await expect(page.locator('.story')).toContainText('At the very start');
    await expect(page.locator('.notice')).toBeEmpty();
    await box(page).fill('The');
    await expectColumns(page, ['The']);
  });

  test('a prompt that is too long says so, keeps the grid and what was typed', async ({ page }) => {
    await open(page);
    await box(page).fill('The end');
    await expectColumns(page, ['The', '·end']);
    const long = 'one '.repeat(5000);
    await box(page).fill(long);
    await expect(page.locator('.notice')).toContainText(/tokens long/);
    expect(await columns(page)).toEqual(['The', '·end']);
    await expect(box(page)).toHaveValue(long);
    await box(page).fill('The end of');
    await expectColumns(page, ['The', '·end', '·of']);
    await expect(page.locator('.notice')).toBeEmpty();
  });

  test('hostile text is text', async ({ page }) => {
    await open(page);
    const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>&amp;';
    await box(page).fill(hostile);
    await expect.poll(async () => (await columns(page)).join('').replaceAll('·', ' ')).toBe(hostile);
    await expect(page.locator('logit-lens :is(img, script)')).toHaveCount(0);
    await page
      .getByRole('button')
      .or(page.getByText('Examples', { exact: true }))
      .first()
      .click();
    await page.keyboard.press('Escape');
  });

  test('every odd character is shown and harms nothing', async ({ page }) => {
    await open(page);
    const odd = {
      'a lone surrogate': 'The \ud83d end',
      'half an emoji after another': '👩\udc69',
      NUL: 'a\0b',
      'right-to-left override': 'a\u202eb',
      'a tower of accents': `e${'\u0301'.repeat(80)}`,
      'only white space': ' \t\n  ',
      'several scripts': '日本語 עברית العربية',
    };
    for (const [name, text] of Object.entries(odd)) {
      await box(page).evaluate((el, value) => {
        /** @type {HTMLTextAreaElement} */ (el).value = value;
        el.dispatchEvent(new InputEvent('input', { bubbles: true }));
      }, text);
      await expect.poll(async () => (await experimentOf(page)).runs.main.prompt, name).toBe(text.toWellFormed());
      await expect.poll(async () => (await columns(page)).length, name).toBeGreaterThan(0);
      const shown = await page.locator('.chips').textContent();
      expect(shown, name).not.toContain('\ufffd'.repeat(2));
      await expect(page.locator('.notice'), name).toBeEmpty();
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });
});

test.describe('selecting', () => {
  test('by keyboard, with one cell in the tab order, a panel and a live region', async ({ page }) => {
    await open(page);
    await box(page).fill('The king of the land');
    await expectColumns(page, ['The', '·king', '·of', '·the', '·land']);
    const here = () =>
      page
        .locator('.grid td.here')
        .evaluate((td) => [
          /** @type {HTMLTableCellElement} */ (td).cellIndex - 1,
          /** @type {HTMLTableRowElement} */ (td.parentElement).sectionRowIndex,
          document.activeElement === td,
        ]);
    const rows = await page.locator('.grid tbody tr').count();
    await page.locator('.grid td[tabindex="0"]').focus();
    expect(await here()).toEqual([5, 0, true]);
    /** @type {[string, (number | boolean)[]][]} */
    const steps = [
      ['ArrowDown', [5, 1, true]],
      ['ArrowLeft', [4, 1, true]],
      ['ArrowUp', [4, 0, true]],
      ['ArrowUp', [4, 0, true]],
      ['Home', [0, 0, true]],
      ['ArrowLeft', [0, 0, true]],
      ['ArrowRight', [1, 0, true]],
      ['End', [5, 0, true]],
      ['Control+End', [5, rows - 1, true]],
      ['Control+Home', [0, 0, true]],
      ['End', [5, 0, true]],
      ['ArrowDown', [5, 1, true]],
    ];
    for (const [key, where] of steps) {
      await page.keyboard.press(key);
      await expect.poll(here, key).toEqual(where);
      await expect(page.locator('.grid [tabindex="0"]')).toHaveCount(1);
    }
    await expect(page.locator('.panel h2')).toHaveText(/^after block \d+ at ·land$/);
    await expect(page.locator('logit-lens > [role=status]')).toContainText(
      /after block \d+, at space land, position 5: .*probability of the final answer/,
    );
  });

  test('a cell says its token, the measure of the colour, its row and its position', async ({ page }) => {
    await open(page);
    await box(page).fill('The king of the land');
    await expectColumns(page, ['The', '·king', '·of', '·the', '·land']);
    const cell = page.locator('.grid tbody tr').nth(2).locator('td').nth(2);
    const status = page.locator('logit-lens > [role=status]');
    await cell.click();
    for (const [colour, measure, value] of [
      ['answer', 'probability of the final answer', /^([<>]?\.\d\d|1)$/],
      ['rank', 'rank of the final answer', /^\d+(\.\d)?k?$/],
      ['kl', 'KL from the output', /^\d+\.\d\d$/],
    ]) {
      await page.getByRole('combobox', { name: 'Colour' }).selectOption(String(colour));
      await expect(status).toContainText(String(measure));
      const label = String(await cell.getAttribute('aria-label'));
      const [, top, said, where] = /** @type {RegExpExecArray} */ (
        new RegExp(`^(.+), ${measure} (\\S+); (.+)$`).exec(label)
      );
      expect(said).toMatch(/** @type {RegExp} */ (value));
      expect(where).toMatch(/^after block \d+, at space king, position 2$/);
      expect(top).toBe(
        String(await cell.textContent())
          .trim()
          .replace(/^·/, 'space '),
      );
      await expect(status).toContainText(`${where}: ${top}, ${measure} ${said}`);
    }
  });

  test('by mouse, in the grid and on the chips; the panel lists the guesses', async ({ page }) => {
    await open(page);
    await box(page).fill('The king of the land');
    await expectColumns(page, ['The', '·king', '·of', '·the', '·land']);
    await page.locator('.grid tbody tr').nth(3).locator('td').nth(2).click();
    await expect(page.locator('.story')).toContainText('After ·king the model');
    await expect(page.locator('.panel tbody').first().locator('tr')).toHaveCount(10);
    const probs = (await page.locator('.panel tbody').first().locator('td.prob').allInnerTexts()).map((t) =>
      Number(t.replace('<', '')),
    );
    expect([...probs].sort((a, b) => b - a)).toEqual(probs);
    await page.locator('.chips li').nth(3).click();
    await expect(page.locator('.story')).toContainText('After ·of the model');
    await expect.poll(async () => (await experimentOf(page)).view.position).toBe(3);
    await page.locator('.chips ol').focus();
    await page.keyboard.press('ArrowLeft');
    await expect(page.locator('.story')).toContainText('After ·king the model');
  });

  test('the last position stays the last while the prompt grows', async ({ page }) => {
    await open(page);
    await box(page).fill('The king');
    await expectColumns(page, ['The', '·king']);
    await box(page).fill('The king of');
    await expectColumns(page, ['The', '·king', '·of']);
    await expect(page.locator('.grid thead th.here')).toHaveText('·of');
  });
});

test.describe('links', () => {
  test('a link restores prompt, reading, selection, and what the page does not know', async ({ page, context }) => {
    await open(page);
    const e = await experimentOf(page);
    e.runs.main.prompt = 'The queen of "Spain" & 1 + 1 = 2';
    e.reads[0].top = 4;
    e.view = { position: 2, row: 'blocks.1.hook_resid_post', lesson: { step: 3 } };
    await page.goto('about:blank');
    await open(page, linkOf(e));
    await expect(box(page)).toHaveValue(e.runs.main.prompt);
    await expect(page.locator('.panel h2')).toContainText('after block 1');
    await expect(page.locator('.panel tbody').first().locator('tr')).toHaveCount(4);
    expect(await experimentOf(page)).toEqual(e);
    // The page's own form of the same link, in another tab.
    await page.locator('.grid td.here').click();
    await expect.poll(() => page.url()).toContain('view.lesson.step=3');
    const other = await context.newPage();
    await other.goto(page.url());
    await other.evaluate(() => window.logitLens.ready);
    expect(await other.evaluate(() => window.logitLens.experiment)).toEqual(e);
  });

  test('a link can be written by hand', async ({ page }) => {
    await open(
      page,
      '#v=1&models.m=primer&runs.a.prompt=Two+and+two&reads.0.what=lens&reads.0.norm=none&reads.0.mid=true',
    );
    await expect(box(page)).toHaveValue('Two and two');
    await expect(page.locator('.grid tbody th', { hasText: 'inside block 0' })).toHaveCount(1);
  });

  test('token ids are drawn as they are, and typing replaces them', async ({ page }) => {
    await open(page, '#v=1&models.m=primer&runs.a.ids=[40,41,42]&reads.0.what=lens');
    expect(await page.locator('.grid thead th').count()).toBe(3);
    await expect(box(page)).toHaveValue('');
    await expect(box(page)).toHaveAttribute('placeholder', /3 token ids/);
    await box(page).fill('The');
    await expectColumns(page, ['The']);
  });

  test('each prompt is kept in the history; back and forward restore it', async ({ page }) => {
    await open(page);
    const first = await box(page).inputValue();
    const entries = await page.evaluate(() => history.length);
    await box(page).fill('The king');
    await expectColumns(page, ['The', '·king']);
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => history.length)).toBe(entries + 1);
    await box(page).fill('The queen');
    await expectColumns(page, ['The', '·queen']);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter'); // the same again is no new entry
    await expect.poll(() => page.evaluate(() => history.length)).toBe(entries + 2);
    await page.goBack();
    await expect(box(page)).toHaveValue('The king');
    await expectColumns(page, ['The', '·king']);
    await page.goBack();
    await expect(box(page)).toHaveValue(first);
    await page.goForward();
    await page.goForward();
    await expect(box(page)).toHaveValue('The queen');
    await expectColumns(page, ['The', '·queen']);
  });

  const base = { v: 1, models: { m: 'primer' }, runs: { main: { prompt: 'x' } }, reads: [{ what: 'lens' }] };
  const broken = {
    'that is no link': ['#hello', 'path=value'],
    'with a broken escape': ['#v=1&a=%E2%82', 'percent-encoded'],
    'with broken JSON': ['#%7B%22v%22', /JSON|expected/i],
    'without a version': ['#a=1', 'version'],
    'of a newer version': [linkOf({ ...base, v: 99 }), '99'],
    'with a wrong key': [linkOf({ ...base, reads: [{ what: 'lens', top: 1000 }] }), 'reads[0].top'],
    'with an unknown reading': [linkOf({ ...base, reads: [{ what: 'mind' }] }), 'mind'],
    'with edits': [linkOf({ ...base, runs: { main: { prompt: 'x', edits: [{ op: 'zero' }] } } }), 'edits'],
    'without a lens': [linkOf({ ...base, reads: [{ what: 'activations', hooks: ['hook_embed'] }] }), 'no lens reading'],
    'with a model that is not there': [linkOf({ ...base, models: { m: 'constructor' } }), '“constructor”'],
    'with a token that is none': [
      linkOf({ ...base, reads: [{ what: 'lens', track: ['no such token at all'] }] }),
      'one token',
    ],
    'with an id that is none': [linkOf({ ...base, runs: { main: { ids: [99999999] } } }), 'id 99999999'],
    'that is far too long': [`#v=1&a=${'x'.repeat(70_000)}`, '65536'],
    'that is far too deep': [`#${'a.'.repeat(9000)}a=1`, 'deep'],
    'that is deep inside': [
      linkOf({ ...base, x: 0 }).replace(/0%7D$/, `${'['.repeat(9000)}${']'.repeat(9000)}%7D`),
      'This link cannot be read',
    ],
    'that is markup': ['#%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E', 'This link cannot be read'],
    'that reaches for prototypes': ['#__proto__.x=1&constructor.prototype.y=2', 'version'],
  };
  for (const [name, [link, message]] of Object.entries(broken)) {
    test(`a link ${name} is named, and the page goes on`, async ({ page }) => {
      await open(page, /** @type {string} */ (link));
      const address = page.url();
      await expect(page.locator('.notice')).toContainText(message);
      await expect(page.locator('.notice')).toContainText('This link cannot be read');
      await expect(box(page)).not.toHaveValue('x');
      await page.waitForTimeout(400);
      expect(page.url()).toBe(address); // where it can be mended
      await box(page).fill('The king');
      await expectColumns(page, ['The', '·king']);
      await expect(page.locator('.notice')).toBeEmpty();
      await expect.poll(() => page.url()).toContain('runs.main.prompt=The+king');
    });
  }

  test('a broken link put into the open page leaves it as it is', async ({ page }) => {
    await open(page);
    await box(page).fill('The king');
    await expectColumns(page, ['The', '·king']);
    await page.evaluate(() => {
      location.hash = '#nonsense';
    });
    await expect(page.locator('.notice')).toContainText('cannot be read');
    await expect(box(page)).toHaveValue('The king');
  });
});

test.describe('examples', () => {
  test('are a menu; choosing one draws it and says what to look at', async ({ page }) => {
    await open(page);
    const examples = await (await page.request.get('models/examples.json')).json();
    await page.getByText('Examples', { exact: true }).click();
    await expect(page.locator('.examples button')).toHaveCount(examples.length);
    await page.keyboard.press('Escape');
    await expect(page.locator('.examples ul')).toBeHidden();
    await page.getByText('Examples', { exact: true }).click();
    await page.locator('.examples button').nth(1).click();
    await expect(page.locator('.examples ul')).toBeHidden();
    await expect(box(page)).toHaveValue(examples[1].prompt);
    if (examples[1].look_at) await expect(page.locator('.said .look')).toContainText(examples[1].look_at);
    await page.goBack();
    await expect(box(page)).toHaveValue(examples[0].prompt);
  });
});

test.describe('programs', () => {
  test('run computes beside the page and rejects with a name', async ({ page }) => {
    await open(page);
    const before = await columns(page);
    const [size, code] = await page.evaluate(async () => {
      const e = window.logitLens.experiment;
      e.runs.main.prompt = 'half \ud83d an emoji';
      e.reads[0].norm = 'none';
      const tables = await window.logitLens.run(e);
      const refused = await window.logitLens.run({ v: 2 }).catch((x) => x.code);
      return [tables.find((t) => t.name === 'kl').data.length, refused];
    });
    expect(size).toBeGreaterThan(0);
    expect(code).toBe('experiment_version');
    expect(await columns(page)).toEqual(before);
  });

  test('what the page computes while typing is what it computes at once', async ({ page }) => {
    await open(page);
    await box(page).fill('');
    await box(page).pressSequentially('The king of Spain', { delay: 120 });
    await expect.poll(() => page.url()).toContain('The+king+of+Spain');
    const typed = await page.evaluate(async () =>
      (await window.logitLens.run(window.logitLens.experiment)).map((t) => [...t.data].map(String)),
    );
    await page.reload();
    await page.evaluate(() => window.logitLens.ready);
    const pasted = await page.evaluate(async () =>
      (await window.logitLens.run(window.logitLens.experiment)).map((t) => [...t.data].map(String)),
    );
    expect(typed).toEqual(pasted);
  });
});
