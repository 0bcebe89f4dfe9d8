// Serves a folder of static files on this machine:  node serve.mjs FOLDER   (PORT, 8080 unless told)
// With the two headers under which a page may have shared memory.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createGzip } from 'node:zlib';

/** @type {Record<string, string>} */
const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

const compressible = /^(text\/|application\/(json|wasm)|image\/svg)/;

/**
 * A server of `folder`'s files, not yet listening; with `base` ("/sub/path/") they lie below that path.
 * @param {string} folder
 * @param {{base?: string, isolated?: boolean}} [options]
 */
export function fileServer(folder, { base = '/', isolated = true } = {}) {
  const root = resolve(folder);
  return createServer(async (request, response) => {
    /** @type {(status: number, headers?: Record<string, string>) => void} */
    const answer = (status, headers = {}) => {
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
      response.end(status === 304 ? undefined : `${status}\n`);
    };
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
      response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, { Allow: 'GET, HEAD' });
    try {
      const path = decodeURIComponent((request.url ?? '/').split(/[?#]/)[0]);
      if (!path.startsWith(base) || path.includes('\0')) return answer(404);
      const file = join(root, normalize(path.slice(base.length - 1)), path.endsWith('/') ? 'index.html' : '');
      if (!file.startsWith(root + sep)) return answer(404);
      const found = await stat(file);
      if (found.isDirectory()) return answer(301, { Location: `${encodeURI(path).replace(/^\/+/, '/')}/` });
      // Asked for again each time and sent only when it changed: a rebuilt page shows at once.
      const headers = {
        ETag: `W/"${found.size.toString(16)}-${found.mtimeMs.toString(16)}"`,
        'Cache-Control': 'no-cache',
      };
      if (request.headers['if-none-match'] === headers.ETag) return answer(304, headers);
      const type = types[extname(file)] ?? 'application/octet-stream';
      // Compressed as static hosts do, so that what the page weighs here is what it weighs there.
      const gzip = compressible.test(type) && /\bgzip\b/.test(String(request.headers['accept-encoding']));
      response.writeHead(200, {
        ...headers,
        'Content-Type': type,
        Vary: 'Accept-Encoding',
        ...(gzip ? { 'Content-Encoding': 'gzip' } : { 'Content-Length': found.size }),
      });
      if (request.method === 'HEAD') return response.end();
      const body = createReadStream(file).on('error', () => response.destroy());
      (gzip ? body.pipe(createGzip()) : body).pipe(response);
    } catch {
      answer(404); // no such file, or an address that is no text
    }
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const port = Number(process.env.PORT || 8080);
  const server = fileServer(process.argv[2] ?? 'build/site');
  server.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    console.error(
      error.code === 'EADDRINUSE'
        ? `Port ${port} is taken by another program; choose another, as in PORT=${port + 1} ./web/start`
        : `The page cannot be served: ${error.message}`,
    );
    process.exitCode = 1;
  });
  server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}  (Ctrl-C stops)`));
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  }
}
