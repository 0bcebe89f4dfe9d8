// For hosts that send no headers of their own: gives the page and its workers the two under which a page may have shared
// memory, and with it threads. It keeps nothing, and leaves alone what else lies beside the page.
const worker = /** @type {any} */ (self);
const ISOLATING = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const folder = new URL(worker.registration.scope).pathname;

worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const { mode, destination, url } = event.request;
  const { pathname } = new URL(url);
  const file = pathname.startsWith(folder) ? pathname.slice(folder.length) : null;
  const ours =
    mode === 'navigate'
      ? file === '' || file === 'index.html'
      : destination === 'worker' && /^lens[-a-z]*\.js$/.test(file ?? '');
  if (ours) event.respondWith(isolated(event.request));
});

/** @param {Request} request */
async function isolated(request) {
  const response = await fetch(request);
  if (response.status === 0) return response; // a redirection, which the browser follows itself
  const headers = new Headers(response.headers);
  if (request.mode === 'navigate' && Object.keys(ISOLATING).every((name) => headers.has(name))) {
    worker.registration.unregister(); // the host sends them itself by now
    return response;
  }
  for (const [name, value] of Object.entries(ISOLATING)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
