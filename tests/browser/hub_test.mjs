// Firefox opens a model of the hub (hub.mjs plays it) over a connection that drops, keeps it, and opens it again without the hub.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as firefox from './engines/firefox.mjs';
import { COMMIT, seededRepo, startHub } from './hub.mjs';

const skip = firefox.missing() ?? false;

test('Firefox, a model of the hub', { skip, timeout: 300_000 }, async (t) => {
  const hub = await startHub({ 'someone/seeded': seededRepo() });
  t.after(() => hub.close());
  const weights = 'someone/seeded/model.safetensors';
  hub.faults.set(weights, { cutAt: 9 << 20 });
  const engine = await firefox.launch();
  t.after(() => engine.close());
  await engine.resize(1280, 900);

  /** Asks until the page answers so. @param {() => unknown} ask @param {unknown} expected */
  const becomes = async (ask, expected) => {
    const until = performance.now() + 60_000;
    for (;;) {
      const answer = await engine.evaluate(ask);
      if (JSON.stringify(answer) === JSON.stringify(expected)) return;
      if (performance.now() > until) assert.deepEqual(answer, expected);
      await new Promise((r) => setTimeout(r, 200));
    }
  };
  const title = () => document.querySelector('button.model')?.textContent?.split(' · ')[0];

  await engine.goto(hub.address);
  await engine.evaluate(() => window.logitLens.ready);
  await engine.evaluate(() => {
    /** @type {HTMLElement} */ (document.querySelector('button.model')).click();
    const form = /** @type {HTMLFormElement} */ (document.querySelector('form.typed'));
    /** @type {HTMLInputElement} */ (form.elements.namedItem('hub')).value = 'someone/seeded';
    form.requestSubmit();
  });
  await becomes(() => document.querySelector('.seen .open') !== null, true);
  await engine.evaluate(() => /** @type {HTMLElement} */ (document.querySelector('.seen .open')).click());
  await becomes(title, 'someone/seeded');
  await becomes(() => document.querySelectorAll('.reading[data-busy]').length, 0);
  assert.equal(await engine.evaluate(() => window.logitLens.experiment.models.m), `someone/seeded@${COMMIT}`);
  assert.match(
    await engine.evaluate(() => /** @type {HTMLElement} */ (document.querySelector('button.model')).title),
    /sha256 is the one that the hub gives. Saved on this device/,
  );
  assert.match(hub.log.filter((r) => r.path === weights).at(-1)?.range ?? '', /^bytes=[1-9]\d*-$/);

  await becomes(() => location.hash.includes('someone'), true);
  const link = await engine.evaluate(() => location.href);
  hub.unplug();
  await engine.goto('about:blank');
  await engine.goto(link);
  await engine.evaluate(() => window.logitLens.ready);
  await becomes(title, 'someone/seeded');
});
