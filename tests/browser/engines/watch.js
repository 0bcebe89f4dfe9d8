// Runs before the page's own script and writes down what goes wrong there, the same in every engine.
window.complaints = [];
for (const level of /** @type {const} */ (['error', 'warn'])) {
  const say = console[level];
  console[level] = (...words) => {
    window.complaints.push(`${level}: ${words.map(String).join(' ')}`);
    say(...words);
  };
}
window.alert = (text) => void window.complaints.push(`alert: ${text}`);
addEventListener('unhandledrejection', (e) => window.complaints.push(`unhandled: ${e.reason}`));
addEventListener('securitypolicyviolation', (e) => window.complaints.push(`CSP: ${e.violatedDirective} ${e.sample}`));
// Captured, so that a file that does not load is seen too.
addEventListener('error', (e) => window.complaints.push(`error: ${e.message ?? e.target}`), true);
