import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Readout } from '../../web/src/engine/readout.js';
import { Vocabulary } from '../../web/src/engine/vocabulary.js';
import { fileName, lensCommand, transformerLensCode } from '../../web/src/export/code.js';
import { pictureOf } from '../../web/src/export/picture.js';
import { svgOf } from '../../web/src/export/svg.js';
import { csvOf, jsonOf } from '../../web/src/export/tables.js';
import { ramp } from '../../web/src/style/scale.js';
import { readoutOf } from './readout.mjs';

const texts = ['<img onerror="x">', ' "=1+1",\n', '\u202e', 'a\u0000'];
const bytes = texts.map((t) => new TextEncoder().encode(t));
const vocabulary = new Vocabulary(
  {
    bytes: new Uint8Array(bytes.flatMap((b) => [...b])),
    offsets: new Uint32Array([0, ...bytes.map((_, i) => bytes.slice(0, i + 1).reduce((n, b) => n + b.length, 0))]),
    special: new Uint8Array(texts.length),
  },
  null,
);
const rows = /** @type {[number, number][]} */ ([
  [1, 0.25],
  [2, 0.5],
]);
const readout = readoutOf([
  { token: 0, answer: 2, rows, second: [3, 0.1] },
  { token: 1, answer: 3, rows, second: [0, 0.1] },
]);
const words = {
  model: 'A & B',
  measure: 'p',
  hatched: 'hatched: doubtful',
  ticks: ['0', '1'],
  deeper: 'deeper',
  output: 'output',
};
const picture = pictureOf({
  ...{ readout, vocabulary, opens: false, rows: [0, 1], words },
  paint: (row, p) => ({
    step: Math.round(100 * readout.answerProb(row, p)),
    number: p ? '.50' : '',
    hatched: row === 0 && p === 1,
  }),
});

test('a picture has the output first, and bold where a cell says the final answer', () => {
  assert.deepEqual(
    picture.rows.map((r) => [r.label, r.cells.map((c) => [c.step, c.bold, c.number])]),
    [
      [
        'output',
        [
          [50, true, ''],
          [50, false, '.50'],
        ],
      ],
      [
        'embed',
        [
          [25, false, ''],
          [25, false, '.50'],
        ],
      ],
    ],
  );
});

test('an SVG is well-formed XML with the tokens as text and the colours of the scale', () => {
  const { text, width, height } = svgOf(picture);
  const checked = spawnSync(
    '/usr/bin/python3',
    [
      '-c',
      `import sys, json, xml.etree.ElementTree as E
r = E.fromstring(sys.stdin.buffer.read())
print(json.dumps([r.get("width"), r.get("height"), [t.text for t in r.iter("{http://www.w3.org/2000/svg}text")],
  sorted({e.tag.split("}")[1] for e in r.iter()})]))`,
    ],
    { input: text, encoding: 'utf8' },
  );
  assert.equal(checked.stderr, '');
  const [w, h, said, tags] = JSON.parse(checked.stdout);
  assert.deepEqual([Number(w), Number(h)], [width, height]);
  assert.ok(said.includes(vocabulary.token(0).plain));
  assert.ok(said.includes('A & B'));
  assert.ok(said.includes('hatched: doubtful'));
  assert.deepEqual(tags, ['path', 'rect', 'svg', 'text', 'title']);
  assert.equal(text.split('<path').length, 2);
  assert.ok(text.includes(`rx="3" fill="${ramp('light')[25].background}"`));
});

test('CSV keeps every token on its line, as itself, and no formula', () => {
  const csv = csvOf(readout, (id) => vocabulary.token(id).text);
  const parsed = spawnSync(
    '/usr/bin/python3',
    [
      '-c',
      'import sys, csv, io, json\nprint(json.dumps(list(csv.DictReader(io.StringIO(sys.stdin.buffer.read().decode(), newline="")))))',
    ],
    { input: csv, encoding: 'utf8' },
  );
  assert.equal(parsed.stderr, '');
  const cells = JSON.parse(parsed.stdout);
  assert.equal(cells.length, 4);
  for (const c of cells) {
    assert.equal(JSON.parse(c.token), texts[c.token_id]);
    assert.equal(JSON.parse(c.top_token), texts[c.top_id]);
    assert.match(c.token, /^"/);
  }
  assert.deepEqual(
    cells.map((/** @type {any} */ c) => [c.row, c.position, c.answer_prob]),
    [
      ['blocks.0.hook_resid_pre', '0', '0.25'],
      ['blocks.0.hook_resid_pre', '1', '0.25'],
      ['blocks.0.hook_resid_post', '0', '0.5'],
      ['blocks.0.hook_resid_post', '1', '0.5'],
    ],
  );
});

test('JSON holds every table, null for what is no number, and float32 comes back to the bit', () => {
  const { v, experiment, tables } = JSON.parse(jsonOf({ v: 1 }, readout.tables));
  assert.deepEqual([v, experiment, tables.length], [1, { v: 1 }, readout.tables.length]);
  for (const [i, t] of tables.entries()) {
    const { data, dtype } = readout.tables[i];
    const back = dtype === 'f32' ? Float32Array.from(t.data, (x) => x ?? Number.NaN) : Int32Array.from(t.data);
    assert.deepEqual(back, data);
  }
});

const asked = {
  model: 'Primer',
  file: "models/it's.gguf",
  ids: [3, 1],
  tokens: 'a\nb',
  norm: 'frozen',
  mid: true,
  top: 5,
  lens: null,
};
const tuned = { name: 'tuned', file: 'models/a b.safetensors' };

test('the Python is Python for every norm, and one comment stays one line', () => {
  for (const norm of ['recomputed', 'frozen', 'none'])
    for (const [mid, lens] of /** @type {const} */ ([
      [false, null],
      [true, null],
      [true, tuned],
    ])) {
      const code = transformerLensCode({ ...asked, norm, mid, lens });
      const parsed = spawnSync('/usr/bin/python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
        ...{ input: code, encoding: 'utf8' },
      });
      assert.equal(parsed.stderr, '');
      assert.equal(code.includes('hook_resid_mid'), mid);
      assert.equal(code.includes('load_file("models/a b.safetensors")'), lens !== null);
      assert.equal(code.includes('ln_final.hook_scale'), norm === 'frozen');
      assert.equal(code.includes('model.ln_final(resid)'), norm === 'recomputed');
      assert.ok(code.includes('tokens = torch.tensor([[3, 1]])'));
    }
});

test('a shell reads the command line as it was meant', () => {
  const line = lensCommand(asked);
  const argv = spawnSync('/bin/sh', ['-c', `lens() { printf '%s|' "$@"; }; ${line}`], { encoding: 'utf8' }).stdout;
  assert.equal(argv, "read|--model|models/it's.gguf|--ids|3,1|--top|5|--norm|frozen|--mid|--json|");
  const other = lensCommand({ ...asked, lens: tuned });
  assert.ok(other.includes(" --lens-file 'tuned=models/a b.safetensors' --lens tuned "), other);
});

test('file names hold letters and digits only', () => {
  assert.equal(fileName('The capital of France is', 'svg'), 'logit-lens-the-capital-of-france-is.svg');
  assert.equal(fileName('../../etc/passwd\u0000\n', 'csv'), 'logit-lens-etc-passwd.csv');
  assert.equal(fileName(' … ', 'png'), 'logit-lens.png');
});

test('pinned tokens and sets have columns of their own in the CSV', () => {
  const [row, position] = readout.tables[1].dims;
  const track = { name: 'track', size: 1, labels: null };
  const set = { name: 'set', size: 1, labels: ['he, "she"'] };
  /** @type {(name: string, dims: any[], dtype: 'f32' | 'i32', data: number[]) => import('../../web/src/engine/readout.js').Table} */
  const table = (name, dims, dtype, data) => ({
    ...{ run: 'main', read: 0, name, dims, unit: '', dtype },
    data: dtype === 'f32' ? Float32Array.from(data) : Int32Array.from(data),
  });
  const pinned = new Readout(
    [
      ...readout.tables,
      table('track_id', [track], 'i32', [3]),
      table('track_logit', [row, position, track], 'f32', [0, 0, 0, 0]),
      table('track_prob', [row, position, track], 'f32', [0.125, 0.25, 0.5, 0.75]),
      table('track_rank', [row, position, track], 'i32', [4, 3, 2, 1]),
      table('set_prob', [row, position, set], 'f32', [0, 0.25, 0.5, 1]),
    ],
    0,
  );
  const lines = csvOf(pinned, (id) => vocabulary.token(id).text)
    .trim()
    .split('\r\n');
  assert.ok(lines[0].endsWith(',surprisal_nats,prob_of_3,rank_of_3,"prob_of he, ""she"""'), lines[0]);
  assert.deepEqual(
    lines.slice(1).map((l) => l.split(',').slice(-3)),
    [
      ['0.125', '4', '0'],
      ['0.25', '3', '0.25'],
      ['0.5', '2', '0.5'],
      ['0.75', '1', '1'],
    ],
  );
});
