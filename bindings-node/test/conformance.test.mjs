// The conformance vectors, through the public API. tests/conformance/README.md has the format.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { World } from './conformance/world.mjs';
import { Fields } from './conformance/fields.mjs';

const FOLDER = new URL('../../tests/conformance/vectors/', import.meta.url);
const CAPABILITIES = new Set(['awaits', 'raises', 'untyped', 'zeros', 'replies']);
const LACKS = new Set(['awaitables', 'remembers']);

let run = 0;
const leftOut = [];
for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json')).sort()) {
  const all = new Fields(JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')), file);
  all.take('about');
  for (const vector of all.take('vectors')) {
    const fields = new Fields(vector, `${file}: ${vector.name}`);
    fields.take('says');
    const name = fields.take('name');
    const needs = fields.take('needs') ?? [];
    const unknown = needs.find((each) => !CAPABILITIES.has(each) && !LACKS.has(each));
    assert.equal(unknown, undefined, `${file}: ${name}`);
    const lacking = needs.find((each) => LACKS.has(each));
    if (lacking !== undefined) {
      leftOut.push(`left out: ${name} (needs ${lacking})`);
      continue;
    }
    run += 1;
    test(`${file}: ${name}`, async () => {
      const world = new World(fields);
      await world.play();
    });
  }
  all.end();
}
console.log([`conformance: ${run} run, ${leftOut.length} left out`, ...leftOut].join('\n'));
