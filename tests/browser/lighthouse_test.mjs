// Lighthouse: accessibility and best practices 100. Its 170 MB of packages would come with every ./web/start if they
// stood in package.json, so only a full run fetches them, into build/lighthouse.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { fileServer } from '../../web/serve.mjs';
import * as chromium from './engines/chromium.mjs';

const version = '13.5.0';
const build = resolve(import.meta.dirname, '../../build');
const run = promisify(execFile);
// Lighthouse asks for this Node, not for Debian's.
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };

const skip = process.env.LENS_TESTS === 'full' ? (chromium.missing() ?? false) : 'only in a full run';

for (const preset of ['mobile', 'desktop'])
  test(`Lighthouse, ${preset}: accessibility and best practices 100`, { skip }, async (t) => {
    const folder = join(build, `lighthouse-${version}`);
    const cli = join(folder, 'node_modules/lighthouse/cli/index.js');
    if (!existsSync(cli))
      await run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', `lighthouse@${version}`], { env });
    const server = fileServer(join(build, 'site')).listen(0, '127.0.0.1');
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    await new Promise((listening) => server.once('listening', listening));
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    const { stdout } = await run(
      process.execPath,
      [
        ...[cli, `http://127.0.0.1:${port}/`, '--quiet', '--output=json', '--no-enable-error-reporting'],
        ...['--only-categories=accessibility,best-practices', ...(preset === 'desktop' ? ['--preset=desktop'] : [])],
        `--chrome-flags=--headless=new ${chromium.args.join(' ')}`,
      ],
      { env: { ...env, CHROME_PATH: chromium.executablePath }, maxBuffer: 1 << 28 },
    );
    const { categories, audits } = JSON.parse(stdout);
    for (const { id, score, auditRefs } of Object.values(categories)) {
      const failed = auditRefs
        .map((/** @type {{id: string}} */ ref) => audits[ref.id])
        .filter((/** @type {any} */ audit) => audit.score !== null && audit.score < 1)
        .map((/** @type {any} */ audit) => `${audit.id}: ${JSON.stringify(audit.details?.items?.slice(0, 3))}`);
      assert.equal(score, 1, `${id}: ${failed.join('\n')}`);
    }
    console.log(
      `measured: Lighthouse ${version}, ${preset}: ${Object.values(categories)
        .map((c) => `${c.title} ${100 * c.score}`)
        .join(', ')}`,
    );
  });
