// WebKitGTK by its own WebDriver (W3C, over HTTP), which starts the library's MiniBrowser; on a virtual screen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';

const driver = '/usr/bin/WebKitWebDriver';
const xvfb = '/usr/bin/Xvfb';

export const name = 'WebKitGTK';

export function missing() {
  if (!existsSync(driver)) return 'no WebKitWebDriver (webkit2gtk-driver)';
  return existsSync(xvfb) ? null : 'no Xvfb (xvfb)';
}

// W3C WebDriver, 17.4.2, keyboard actions.
/** @type {Record<string, string>} */
const keys = {
  Backspace: '\ue003',
  Tab: '\ue004',
  Enter: '\ue007',
  Escape: '\ue00c',
  End: '\ue010',
  Home: '\ue011',
  ArrowLeft: '\ue012',
  ArrowUp: '\ue013',
  ArrowRight: '\ue014',
  ArrowDown: '\ue015',
};

/** @returns {Promise<import('./engine.d.ts').Engine>} */
export async function launch() {
  const [port, screen] = await Promise.all([freePort(), startScreen()]);
  const server = spawn(driver, [`--port=${port}`], {
    env: { ...process.env, DISPLAY: screen.display, GDK_BACKEND: 'x11' },
    stdio: 'ignore',
  });
  const end = () => {
    server.kill();
    screen.kill();
  };
  /** @type {(method: string, path: string, body?: object) => Promise<any>} */
  const call = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    const { value } = /** @type {any} */ (await answer.json());
    if (!answer.ok) throw new Error(`WebDriver, ${method} ${path}: ${value?.error}: ${value?.message}`);
    return value;
  };
  try {
    await answering(() => call('GET', '/status'));
    const { sessionId } = await call('POST', '/session', {
      capabilities: { alwaysMatch: { timeouts: { script: 120_000 } } },
    });
    const session = `/session/${sessionId}`;
    /** @param {string} text */
    const strokes = (text) =>
      call('POST', `${session}/actions`, {
        actions: [
          {
            type: 'key',
            id: 'keyboard',
            actions: [...text].flatMap((value) => [
              { type: 'keyDown', value },
              { type: 'keyUp', value },
            ]),
          },
        ],
      });
    return {
      goto: (url) => call('POST', `${session}/url`, { url }),
      evaluate: async (ask, ...given) => {
        const { value, error } = await call('POST', `${session}/execute/async`, {
          script: `const [given, done] = arguments;
            Promise.resolve().then(() => (${ask})(...given))
              .then((value) => done({ value }), (error) => done({ error: String(error) }));`,
          args: [given],
        });
        if (error) throw new Error(error);
        return value;
      },
      type: strokes,
      press: (key) => strokes(keys[key] ?? key),
      resize: (width, height) => call('POST', `${session}/window/rect`, { width, height }),
      screenshot: async (path) => writeFileSync(path, await call('GET', `${session}/screenshot`), 'base64'),
      close: () => call('DELETE', session).finally(end),
    };
  } catch (error) {
    end();
    throw error;
  }
}

// The X server chooses a free number and says it on the pipe; it ends with its last window.
async function startScreen() {
  const args = ['-displayfd', '3', '-terminate', '-nolisten', 'tcp', '-screen', '0', '1600x1200x24'];
  const server = spawn(xvfb, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const [number] = await once(/** @type {import('node:stream').Readable} */ (server.stdio[3]), 'data');
  return { display: `:${String(number).trim()}`, kill: () => server.kill() };
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @param {() => Promise<unknown>} call */
async function answering(call) {
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (tries === 300) throw error;
      await new Promise((r) => setTimeout(r, 100));
    }
  }
}
