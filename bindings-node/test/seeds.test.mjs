// The sample of the founding notes runs as it stands.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Database, PolicyAction, PolicyEngine, PolicyViolation } from 'checkrein';

test('the sample runs', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'checkrein-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));

  const db = await Database.open(join(directory, 'agent_data'));
  const policy = new PolicyEngine(db);

  // Block writes to system keys
  policy.beforeWrite('system/*', (ctx) => {
    if (ctx.agentId) {
      return PolicyAction.DENY;
    }
    return PolicyAction.ALLOW;
  });

  // Use policy-wrapped operations
  await policy.put(Buffer.from('users/alice'), Buffer.from('data'), {
    agent_id: 'agent_001',
  });

  assert.equal(String(await policy.get(Buffer.from('users/alice'))), 'data');
  await assert.rejects(
    policy.put(Buffer.from('system/config'), Buffer.from('x'), { agent_id: 'rogue' }),
    (error) =>
      error instanceof PolicyViolation &&
      error.code === 'denied' &&
      error.rule === 'before_write system/*' &&
      error.operation === 'write' &&
      String(error.key) === 'system/config' &&
      error.applied === false &&
      !('cause' in error),
  );
  await policy.put(Buffer.from('system/config'), Buffer.from('mine'));
  assert.equal(String(await db.get(Buffer.from('system/config'))), 'mine');
  await db.close();
  await db.close();
  await assert.rejects(policy.get(Buffer.from('k')), { name: 'StoreError', code: 'store_closed' });
});
