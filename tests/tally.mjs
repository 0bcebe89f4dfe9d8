// Sums what the runners left in a folder: NAME.status (exit status) and, from those that have cases, NAME.xml (JUnit).
// Prints the reason of every skip and the name of every failure; its last line is the tally.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
/** @type {Record<string, string>} */
const entities = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
const plain = (/** @type {string} */ text) =>
  text
    .replace(/&#(x?)([0-9a-f]+);/gi, (_, hex, code) => String.fromCodePoint(Number.parseInt(code, hex ? 16 : 10)))
    .replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => entities[name]);
const attribute = (/** @type {string} */ text, /** @type {string} */ name) =>
  plain(text.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1] ?? '');

// Where each of the runners says why: node and pytest in an attribute, Playwright in a property, Catch2 between
// a word and the place.
const reason = (/** @type {string} */ body, /** @type {RegExpMatchArray} */ skip) =>
  attribute(skip[0], 'message') ||
  attribute(body.match(/<property name="skip"[^>]*/)?.[0] ?? '', 'value') ||
  plain(skip[1]).match(/^\s*SKIPPED\s*(.*)\sat /s)?.[1] ||
  'no reason given';

const sum = { passed: 0, failed: 0, skipped: 0 };
for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith('.status')) continue;
  const runner = file.slice(0, -'.status'.length);
  const status = Number(readFileSync(join(folder, file), 'utf8'));
  const report = join(folder, `${runner}.xml`);
  if (!existsSync(report)) {
    // A check is one test by itself, a build only if it fails; so is a runner that died before its report.
    if (status === 0) sum.passed += runner.startsWith('build-') ? 0 : 1;
    else {
      sum.failed++;
      console.log(`FAILED  ${runner}: exit status ${status}`);
    }
    continue;
  }
  // What a test printed is no markup.
  const xml = readFileSync(report, 'utf8').replace(/<!\[CDATA\[.*?\]\]>/gs, '');
  let failures = 0;
  for (const testcase of xml.split(/<testcase(?=\s)/).slice(1)) {
    const name = `${runner}: ${attribute(testcase, 'name')}`;
    const body = testcase.split('</testcase>')[0];
    const skip = body.match(/<skipped[^>]*>([^<]*)/);
    if (/<(failure|error)[\s>]/.test(body)) {
      failures++;
      console.log(`FAILED  ${name}`);
    } else if (skip) {
      sum.skipped++;
      console.log(`skipped ${name}: ${reason(body, skip)}`);
    } else sum.passed++;
  }
  if (status !== 0 && failures === 0) {
    failures++;
    console.log(`FAILED  ${runner}: exit status ${status}, though no test of it failed`);
  }
  sum.failed += failures;
}
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed || !sum.passed ? 1 : 0;
