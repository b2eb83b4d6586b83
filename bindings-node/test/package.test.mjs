// The packed tarball installs into an empty folder and works there, from ESM and from CommonJS.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { directory } from './support.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const quiet = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };

test('the tarball works in an empty folder', (t) => {
  const folder = directory(t);
  execFileSync('npm', ['pack', '--pack-destination', folder], { ...quiet, cwd: root });
  const [tarball] = readdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${tarball}`], { ...quiet, cwd: folder });

  const program = `
    const policy = new PolicyEngine(Database.memory());
    policy.beforeWrite('system/*', denyAll);
    policy.put(Buffer.from('system/x'), Buffer.from('v')).catch((error) => console.log(error.code));
  `;
  const names = '{ Database, PolicyEngine }';
  writeFileSync(join(folder, 'a.mjs'), `import ${names} from 'checkrein'; import { denyAll } from 'checkrein/policy';${program}`);
  writeFileSync(join(folder, 'b.cjs'), `const ${names} = require('checkrein'); const { denyAll } = require('checkrein/policy');${program}`);
  for (const file of ['a.mjs', 'b.cjs']) {
    assert.equal(execFileSync(process.execPath, [file], { ...quiet, cwd: folder }).trim(), 'denied');
  }
  const npx = ['exec', '--offline', '--', 'checkrein', '--version'];
  assert.match(execFileSync('npm', npx, { ...quiet, cwd: folder }), /^checkrein \d+\.\d+\.\d+\n$/);
  const packed = readdirSync(join(folder, 'node_modules', 'checkrein'));
  assert.ok(packed.some((name) => name.endsWith('.node')));
  assert.ok(!packed.includes('src') && !packed.includes('test'));
});

test('without a native module for this platform the error says what to do', (t) => {
  const folder = directory(t);
  const program = `Object.defineProperty(process, 'arch', { value: 'pdp11' });
    try { require(${JSON.stringify(join(root, 'dist', 'index.js'))}); } catch (error) { console.log(error.message); }`;
  writeFileSync(join(folder, 'c.cjs'), program);
  const said = execFileSync(process.execPath, ['c.cjs'], { ...quiet, cwd: folder });
  assert.match(said, /no native module `checkrein\.[a-z0-9]+-pdp11.*npm run build/);
});
