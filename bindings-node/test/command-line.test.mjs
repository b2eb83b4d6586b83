// The command line: the bytes that the native binary gives, by way of the package's `bin`.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../bin/checkrein.mjs', import.meta.url));
const cwd = fileURLToPath(new URL('../../cli/tests/cases/', import.meta.url));
const cases = JSON.parse(readFileSync(`${cwd}cases.json`, 'utf8'));

test('the package says what the binary says', () => {
  assert.ok(cases.length >= 10);
  for (const { args, code, out, err } of cases) {
    const said = spawnSync(process.execPath, [bin, ...args], { cwd, encoding: 'utf8' });
    assert.deepEqual({ args, code: said.status, out: said.stdout, err: said.stderr }, { args, code, out, err });
  }
});

test('a reader that goes away ends it quietly', async () => {
  const child = spawn(process.execPath, [bin, 'schema'], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
  const code = await new Promise((done) => child.on('close', done));
  assert.deepEqual({ code, err }, { code: 0, err: '' });
});
