// The code blocks of the documentation compile against the declarations.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['README.md', '../docs/node.md'];

/** What the pages take for granted. */
const GIVEN = {
  PolicyEngine: "import { PolicyEngine } from 'checkrein';",
  Database: "import { Database } from 'checkrein';",
  ManualClock: "import { ManualClock } from 'checkrein';",
  policy: "declare const policy: import('checkrein').PolicyEngine;",
  db: "declare const db: import('checkrein').Database;",
  key: 'declare const key: Buffer;',
  value: 'declare const value: Buffer;',
  hmacKey: 'declare const hmacKey: Uint8Array;',
  entries: "declare const entries: import('checkrein').AuditEntry[];",
  queue: 'declare const queue: (() => Promise<unknown>)[];',
  send: 'declare function send(...told: unknown[]): Promise<void>;',
  metrics: 'declare const metrics: { increment(name: string): void };',
};

function compilable(block) {
  const declares = (name) => new RegExp(`(const|let|import) (${name}\\b|[{[][^\\]}]*\\b${name}\\b)`).test(block);
  const uses = (name) => new RegExp(`\\b${name}\\b`).test(block);
  const given = Object.entries(GIVEN).filter(([name]) => uses(name) && !declares(name));
  return [...given.map(([, line]) => line), block, 'export {};\n'].join('\n');
}

test('the code blocks of the documentation compile', (t) => {
  const folder = join(root, 'test', `docs-${process.pid}`);
  mkdirSync(folder);
  t.after(() => rmSync(folder, { recursive: true }));
  let count = 0;
  for (const page of PAGES) {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, block] of text.matchAll(/```typescript\n([\s\S]*?)```/g)) {
      count += 1;
      const line = text.slice(0, text.indexOf(block)).split('\n').length;
      writeFileSync(join(folder, `${page.replace(/\W/g, '_')}_line_${line}.mts`), compilable(block));
    }
  }
  assert.ok(count >= 10, `${count} blocks`);
  const options = { extends: '../types/tsconfig.json', include: ['*.mts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  try {
    execFileSync(tsc, ['-p', folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    assert.fail(error.stdout);
  }
});
