// node tests/bench/table.mjs RESULTS.json     the tables of a run in Markdown
import { readFileSync } from 'node:fs';
import { tables } from './results.mjs';

console.log(tables(JSON.parse(readFileSync(process.argv[2], 'utf8'))));
