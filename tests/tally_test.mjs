// The tally's last line is what a run is judged by: every runner's way to say passed, failed and skipped.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const tally = join(import.meta.dirname, 'tally.mjs');

/** @param {import('node:test').TestContext} t @param {Record<string, string>} files */
function tallied(t, files) {
  const folder = mkdtempSync(join(tmpdir(), 'lens-tally-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { stdout, status } = spawnSync(process.execPath, [tally, folder], { encoding: 'utf8' });
  const lines = stdout.trimEnd().split('\n');
  return { said: lines.slice(0, -1), sum: lines.at(-1), status };
}

/** @type {Record<string, [string, string]>} a runner's report of one pass and one skip, and the skip's reason */
const skips = {
  node: [
    '<testsuites><testsuite name="s"><testcase name="a" time="1"/></testsuite><testcase name="b"><skipped type="skipped" message="no &lt;engine&gt;"/></testcase></testsuites>',
    'no <engine>',
  ],
  pytest: [
    '<testsuite><testcase name="a" /><testcase name="b"><skipped type="pytest.skip" message="no models">x.py:1</skipped></testcase></testsuite>',
    'no models',
  ],
  Playwright: [
    '<testsuite><testcase name="a"></testcase><testcase name="b"><properties><property name="skip" value="not here"></property></properties><skipped></skipped></testcase></testsuite>',
    'not here',
  ],
  Catch2: [
    '<testsuite><testcase name="a"/><testcase name="b"><skipped type="SKIP">\nSKIPPED\nno models beside\nat x.cpp:1\n</skipped></testcase></testsuite>',
    'no models beside',
  ],
};
for (const [runner, [xml, reason]] of Object.entries(skips))
  test(`a skip of ${runner} is counted as one, with its reason`, (t) => {
    assert.deepEqual(tallied(t, { 'r.status': '0', 'r.xml': xml }), {
      said: [`skipped r: b: ${reason}`],
      sum: '1 passed, 0 failed, 1 skipped',
      status: 0,
    });
  });

test('a failure is counted and named; what a test printed is no markup', (t) => {
  const xml =
    '<testcase name="a"><failure>x</failure></testcase><testcase name="b"><system-out><![CDATA[<failure>]]></system-out></testcase>';
  assert.deepEqual(tallied(t, { 'r.status': '1', 'r.xml': xml }), {
    said: ['FAILED  r: a'],
    sum: '1 passed, 1 failed, 0 skipped',
    status: 1,
  });
});

test('a runner that died is a failure, with or without a report', (t) => {
  const { sum, status } = tallied(t, { 'r.status': '139', 'r.xml': '<testcase name="a"/>', 'build-x.status': '1' });
  assert.deepEqual([sum, status], ['1 passed, 2 failed, 0 skipped', 1]);
});

test('a check without a report is one test, a build none, and no test at all is no success', (t) => {
  assert.equal(tallied(t, { 'lint.status': '0', 'build-x.status': '0' }).sum, '1 passed, 0 failed, 0 skipped');
  assert.equal(tallied(t, { 'build-x.status': '0' }).status, 1);
});
