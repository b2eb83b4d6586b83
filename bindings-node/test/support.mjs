// What several tests use.

import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';

import { allowAll, Database, PolicyEngine } from 'checkrein';

export const b = (text) => Buffer.from(text);

/** An engine over memory that has a hook, so that it does not warn, and its audit on. */
export function engine(store = Database.memory(), options = undefined) {
  const policy = new PolicyEngine(store, options);
  policy.beforeRead('nothing', allowAll);
  policy.enableAudit();
  return policy;
}

/** The last audit entry. */
export const last = (policy) => policy.getAuditLog({ limit: 1 })[0];

/** A directory that is gone after the test. */
export function directory(t) {
  const path = mkdtempSync(join(tmpdir(), 'checkrein-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The native module itself, which users do not see. */
export const { native } = createRequire(import.meta.url)('../dist/native.js');

/** Lets the garbage collector work until a condition holds; false where it never does. */
export async function collected(condition) {
  for (let turn = 0; turn < 200; turn += 1) {
    // A weak reference that was looked at holds until the task ends.
    await tick();
    globalThis.gc();
    await tick();
    if (condition()) return true;
  }
  return false;
}
