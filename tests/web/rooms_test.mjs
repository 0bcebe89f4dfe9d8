// The page's rooms: engine ◄ state ◄ views, with style and export beside them. An import that points back fails here,
// one of types alone too.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

const src = new URL('../../web/src/', import.meta.url);
/** @type {Record<string, string[]>} what a room may import, apart from itself, packages and strings.js */
const ALLOWED = {
  engine: [],
  style: [],
  state: ['engine'],
  export: ['engine', 'style'],
  views: ['engine', 'state', 'style', 'export'],
};

/** What a module imports from beside it: statically, for effect, when needed, or in a comment, as a type. @param {string} text */
function imports(text) {
  const forms = [/\bfrom '(\.[^']*)'/g, /\bimport '(\.[^']*)'/g, /\bimport\(['"](\.[^'"]*)['"]\)/g];
  return forms.flatMap((form) => [...text.matchAll(form)].map(([, path]) => path));
}

for (const [room, allowed] of Object.entries(ALLOWED)) {
  test(`${room}/ imports only from ${['itself', ...allowed].join(', ')}`, () => {
    const files = readdirSync(new URL(`${room}/`, src)).filter((name) => name.endsWith('.js'));
    assert.notEqual(files.length, 0);
    for (const name of files) {
      const text = readFileSync(new URL(`${room}/${name}`, src), 'utf8');
      for (const path of imports(text)) {
        const [target, inner] = new URL(path, new URL(`${room}/`, src)).href.slice(src.href.length).split('/');
        if (inner === undefined) assert.equal(target, 'strings.js', `${room}/${name} imports ${path}`);
        else assert.ok(target === room || allowed.includes(target), `${room}/${name} imports ${path}`);
      }
    }
  });
}

test('strings.js imports nothing: every room has its words', () => {
  assert.deepEqual(imports(readFileSync(new URL('strings.js', src), 'utf8')), []);
});

test('an import is seen in each of its forms', () => {
  const text =
    "import a from './a.js';\nexport {\n  b,\n} from '../b.js';\nimport './c.js';\nimport('./d.js');\n/** @type {import(\"./e.js\").E} */\nimport 'lit';";
  assert.deepEqual(imports(text).sort(), ['../b.js', './a.js', './c.js', './d.js', './e.js']);
});
