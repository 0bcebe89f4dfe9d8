// The page's rooms: engine ◄ state ◄ views, with style and export beside them. An import that points back fails here.
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

for (const [room, allowed] of Object.entries(ALLOWED)) {
  test(`${room}/ imports only from ${['itself', ...allowed].join(', ')}`, () => {
    const files = readdirSync(new URL(`${room}/`, src)).filter((name) => name.endsWith('.js'));
    assert.notEqual(files.length, 0);
    for (const name of files) {
      const text = readFileSync(new URL(`${room}/${name}`, src), 'utf8');
      for (const [, path] of text.matchAll(/^\s*(?:import|export)[^;]*?from '(\.[^']*)';/gms)) {
        const [target, inner] = new URL(path, new URL(`${room}/`, src)).href.slice(src.href.length).split('/');
        if (inner === undefined) assert.equal(target, 'strings.js', `${room}/${name} imports ${path}`);
        else assert.ok(target === room || allowed.includes(target), `${room}/${name} imports ${path}`);
      }
    }
  });
}
