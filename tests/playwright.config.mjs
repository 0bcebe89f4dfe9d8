// Debian's Chromium against the built page, served as ./web/start does.
import { defineConfig } from '@playwright/test';

const port = Number(process.env.LENS_TEST_PORT ?? 8179);

export default defineConfig({
  testDir: 'browser',
  testMatch: '*.spec.mjs',
  outputDir: '../build/browser',
  reporter: [['list'], ['junit']],
  forbidOnly: true,
  workers: 1, // each test's page computes on its own core
  timeout: 60_000,
  use: {
    baseURL: `http://127.0.0.1:${port}/`,
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        ...['--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    },
  },
  webServer: {
    command: `"${process.execPath}" ../web/serve.mjs ../build/site`,
    env: { PORT: String(port) },
    url: `http://127.0.0.1:${port}/`,
  },
});
