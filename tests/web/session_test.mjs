import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Session } from '../../web/src/engine/session.js';

/** An engine of `slices` slices a job, that notes what is asked of it. @param {number} slices @param {object} [more] */
function engine(slices, more = {}) {
  /** @type {string[]} */
  const asked = [];
  /** @type {Map<number, {text: string, left: number}>} */
  const jobs = new Map();
  let last = 0;
  return /** @type {any} */ ({
    asked,
    jobs,
    start(/** @type {string} */ text) {
      asked.push(`start ${text}`);
      if (text === 'bad') return { error: { code: 'bad', message: 'a bad prompt' } };
      jobs.set(++last, { text, left: slices });
      return { ok: last };
    },
    advance(/** @type {number} */ job) {
      const j = /** @type {any} */ (jobs.get(job));
      j.left -= 1;
      return { ok: { done: j.left <= 0, progress: 1 - j.left / slices, columns: slices - j.left } };
    },
    tables: (/** @type {number} */ job) => ({ ok: [{ name: jobs.get(job)?.text }] }),
    cancel(/** @type {number} */ job) {
      jobs.delete(job);
      return { ok: undefined };
    },
    ...more,
  });
}
const pause = () => new Promise((/** @type {(v: void) => void} */ r) => setImmediate(r));

test('a newer prompt wins, and every job is given back', async () => {
  const e = engine(5);
  const session = new Session(e, pause);
  const first = session.run('first', 'page', null);
  await pause();
  await pause();
  const second = session.run('second', 'page', null);
  assert.deepEqual(await first, { ok: { superseded: true } });
  assert.deepEqual(await second, { ok: { tables: [{ name: 'second' }] } });
  assert.equal(e.jobs.size, 0);
});

test('of a burst only the last is started', async () => {
  const e = engine(2);
  const session = new Session(e, pause);
  const all = await Promise.all(['a', 'b', 'c'].map((text) => session.run(text, 'page', null)));
  assert.deepEqual(e.asked, ['start c']);
  assert.deepEqual(
    all.map((r) => 'superseded' in /** @type {any} */ (r).ok),
    [true, true, false],
  );
});

test('what has no lane runs beside the page', async () => {
  const session = new Session(engine(6), pause);
  const aside = session.run('aside', null, null);
  const pages = [session.run('p', 'page', null), session.run('q', 'page', null)];
  assert.deepEqual(await aside, { ok: { tables: [{ name: 'aside' }] } });
  assert.deepEqual(await pages[1], { ok: { tables: [{ name: 'q' }] } });
});

test('a long job reports what is finished', async () => {
  let clock = 0;
  const session = new Session(engine(10), pause, () => (clock += 100));
  /** @type {number[]} */
  const seen = [];
  await session.run('long', 'page', (p) => seen.push(p.progress));
  assert.ok(seen.length >= 3);
  assert.deepEqual(
    [...seen].sort((a, b) => a - b),
    seen,
  );
});

test('errors are answers, and a trap is a crash', async () => {
  const e = engine(3, {
    advance() {
      throw new RangeError('unreachable');
    },
  });
  const session = new Session(e, pause);
  assert.deepEqual(await session.run('bad', 'page', null), { error: { code: 'bad', message: 'a bad prompt' } });
  assert.deepEqual(await session.run('x', 'page', null), { error: { code: 'crash', message: 'unreachable' } });
});
