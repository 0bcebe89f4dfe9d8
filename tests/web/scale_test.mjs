import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { contrast, lchOf, luminance, ramp, STEPS, scaleCss, stepOf, THEMES } from '../../web/src/style/scale.js';

const css = readFileSync(new URL('../../web/src/style/base.css', import.meta.url), 'utf8');
/** The custom properties of the page in a theme. @param {import('../../web/src/style/scale.js').Theme} theme */
function colours(theme) {
  const [light, dark] = [...css.matchAll(/:root(?:\[data-theme="dark"\])? \{([^}]*)\}/g)].map((m) => m[1]);
  const of = (/** @type {string} */ block) =>
    Object.fromEntries([...block.matchAll(/--(\w+): (#[0-9a-f]{6});/g)].map((m) => [m[1], m[2]]));
  return theme === 'light' ? of(light) : { ...of(light), ...of(dark) };
}

/** @type {import('../../web/src/style/scale.js').Theme[]} */
const themes = ['light', 'dark'];
/** @type {import('../../web/src/style/scale.js').Hue[]} */
const hues = ['warm', 'cool'];
for (const [theme, hue] of themes.flatMap((t) => hues.map((h) => /** @type {const} */ ([t, h])))) {
  const steps = ramp(theme, hue);

  test(`${theme}, ${hue}: zero is the page, and text and marks have a contrast of 4.5 on every step`, () => {
    assert.equal(steps.length, STEPS + 1);
    assert.equal(steps[0].background, colours(theme).page);
    assert.equal(THEMES[theme].ink, colours(theme).ink);
    for (const [i, s] of steps.entries()) {
      assert.ok(contrast(s.text, s.background) >= 4.5, `text at ${i}: ${contrast(s.text, s.background)}`);
      assert.ok(contrast(s.mark, s.background) >= 4.5, `mark at ${i}: ${contrast(s.mark, s.background)}`);
    }
  });

  test(`${theme}, ${hue}: lightness alone tells the steps apart, evenly enough`, () => {
    const L = steps.map((s) => lchOf(s.background)[0]);
    const sign = theme === 'light' ? -1 : 1;
    for (let i = 1; i < L.length; i++) assert.ok(sign * (L[i] - L[i - 1]) > 0, `step ${i}`);
    const quarters = [0, 25, 50, 75, 100].map((i) => L[i]);
    for (let i = 1; i < 5; i++) assert.ok(Math.abs(quarters[i] - quarters[i - 1]) > 0.04, `quarter ${i}`);
    assert.ok(sign * (luminance(steps[100].background) - luminance(steps[0].background)) > 0.4);
  });
}

for (const theme of themes) {
  test(`${theme}: the page's own text has a contrast of 4.5 on what it stands on`, () => {
    const c = colours(theme);
    for (const text of [c.ink, c.soft, c.warn, c.mark])
      for (const under of [c.page, c.raised, c.wash])
        assert.ok(contrast(text, under) >= 4.5, `${text} on ${under}: ${contrast(text, under)}`);
    assert.ok(contrast(c.focus, c.page) >= 3);
  });
}

test('shares find their step', () => {
  assert.deepEqual([0, 0.004, 0.41, 0.999, 1, 1.0000001].map(stepOf), [0, 0, 41, 100, 100, 100]);
  assert.deepEqual(
    [Number.NaN, -1, undefined].map((p) => stepOf(/** @type {number} */ (p))),
    [-1, -1, -1],
  );
  for (let i = 0; i <= STEPS; i++) assert.equal(scaleCss().split(`.p${i}{`).length, 3);
});
