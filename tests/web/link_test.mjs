import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newExperiment } from '../../web/src/state/experiment.js';
import { decodeLink, encodeLink, MAX_LINK, wellFormed } from '../../web/src/state/link.js';

const round = (/** @type {any} */ value) => JSON.parse(decodeLink(encodeLink(value)));
const code = (/** @type {string} */ name) => (/** @type {any} */ e) => e.code === name && e.message.length > 10;

test('a link can be read by eye', () => {
  assert.equal(
    encodeLink(newExperiment('primer', 'The capital of France is', true)),
    'v=1&models.m=primer&runs.main.model=m&runs.main.prompt=The+capital+of+France+is&runs.main.bos=true' +
      '&reads.0.what=lens&reads.0.run=main&reads.0.lens=raw&reads.0.norm=recomputed&reads.0.top=10&view.position=-1',
  );
});

test('whatever JSON holds comes back', () => {
  const prompts = [
    '',
    ' ',
    '1',
    '-1',
    'true',
    'null',
    '"',
    '"a"',
    '{',
    '[1]',
    '12 men',
    'a=b&c=d+e%20#x',
    '\n\t\0',
    '日本👩',
    "it's",
    '.',
    '~',
  ];
  for (const prompt of prompts)
    assert.deepEqual(round(newExperiment('m', prompt, false)), newExperiment('m', prompt, false));
  const odd = [
    { a: [], b: {}, c: [[]], d: [{}], e: null },
    { a: { 0: 'x', 1: 'y' }, b: { 0: 1, 2: 3 }, c: ['x', 'y'] },
    { 'a.b': { '~': { '~1': 1, 'c=d&e': 2, ' ': 3 } } },
    { a: { '': 1 }, '': { b: 2 } },
    { a: 1e300, b: -0.5, c: 1e-7, d: [1, [2, [3]]] },
    { sets: { cities: [' Paris', 42] }, unknown: { deep: { keys: ['kept', false] } } },
    JSON.parse('{"a":{"__proto__":{"x":1}},"constructor":"y"}'),
  ];
  for (const value of odd) assert.equal(JSON.stringify(round(value)), JSON.stringify(value));
});

test('random documents come back', () => {
  let seed = 7;
  const random = (/** @type {number} */ n) => {
    seed = (seed * 48271) % 2147483647;
    return Math.floor((seed / 2147483647) * n);
  };
  const word = () => Array.from({ length: random(4) }, () => ' .~=&+%#"{[0a1é\n'[random(16)]).join('');
  /** @returns {any} */
  const make = (/** @type {number} */ depth) => {
    const kind = random(depth > 4 ? 4 : 6);
    if (kind === 0) return random(2) === 0;
    if (kind === 1) return random(1000) - 500;
    if (kind < 4) return word();
    const items = Array.from({ length: random(4) }, () => make(depth + 1));
    return kind === 4 ? items : Object.fromEntries(items.map((v) => [word(), v]));
  };
  for (let n = 0; n < 2000; n++) {
    const value = { v: 1, x: make(0), [word()]: make(0) };
    assert.deepEqual(round(value), value, encodeLink(value));
  }
});

test('a list may be written in any order, and one with a hole is none', () => {
  assert.deepEqual(JSON.parse(decodeLink('#x.3=d&x.0=a&x.1=b')).x, { 0: 'a', 1: 'b', 3: 'd' });
  assert.deepEqual(JSON.parse(decodeLink('#reads.1.what=b&reads.0.what=a')), { reads: [{ what: 'a' }, { what: 'b' }] });
  const eleven = Array.from({ length: 11 }, (_, i) => `x.${10 - i}=${10 - i}`).join('&');
  assert.deepEqual(JSON.parse(decodeLink(`#${eleven}`)).x, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('plain JSON is a link too', () => {
  const text = '{"v":1,"runs":{"main":{"prompt":"a+b"}}}';
  assert.equal(decodeLink(`#${encodeURIComponent(text)}`), text);
  assert.equal(decodeLink(`#${text}`), text);
});

test('a lone surrogate is replaced, half an emoji never breaks a link', () => {
  assert.deepEqual(wellFormed({ a: 'x\ud83dy', '\ud83d': ['👩', '\udc00'] }), {
    a: 'x\ufffdy',
    '\ufffd': ['👩', '\ufffd'],
  });
  assert.equal(round({ p: '\ud83d' }).p, '\ufffd');
});

test('a broken link is refused by name', () => {
  assert.throws(() => decodeLink('#%7'), code('link_shape'));
  assert.throws(() => decodeLink('#a=%e2%82'), code('link_encoding'));
  assert.throws(() => decodeLink('#%7B%zz'), code('link_encoding'));
  assert.throws(() => decodeLink('#=1'), code('link_shape'));
  assert.throws(() => decodeLink('#prompt'), code('link_shape'));
  assert.throws(() => decodeLink('#a=1&a=2'), code('link_shape'));
  assert.throws(() => decodeLink('#a=1&a.b=2'), code('link_shape'));
  assert.throws(() => decodeLink('#a.b=1&a=2'), code('link_shape'));
  assert.throws(() => decodeLink(`#a=${'x'.repeat(MAX_LINK)}`), code('link_too_long'));
});

test('a hostile link costs nothing and reaches nothing', () => {
  assert.throws(() => decodeLink(`#${'a.'.repeat(20000)}a=1`), code('link_shape'));
  assert.equal(decodeLink(`#a=${'['.repeat(60000)}`), JSON.stringify({ a: '['.repeat(60000) }));
  const deep = `#a=${'['.repeat(30000)}${']'.repeat(30000)}`;
  try {
    decodeLink(deep);
  } catch (e) {
    assert.ok(code('link_shape')(e));
  }
  decodeLink('#__proto__.polluted=1&constructor.prototype.polluted=1');
  assert.equal(/** @type {any} */ ({}).polluted, undefined);
  assert.equal(decodeLink('#list.999999999=1'), '{"list":{"999999999":1}}');
});
