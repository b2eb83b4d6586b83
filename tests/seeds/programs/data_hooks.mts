// The TypeScript samples of data-hooks, and checks of what the text beside them claims.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PolicyViolation, denyAll } from 'checkrein';

// sample: data-hooks 3

assert.equal((await policy.get(Buffer.from('users/alice')))?.toString(), 'data');
await assert.rejects(
  policy.put(Buffer.from('system/config'), Buffer.from('malicious'), { agent_id: 'rogue' }),
  (error) => error instanceof PolicyViolation && error.code === 'denied',
);
assert.ok((await policy.get(Buffer.from('system/config'))) == null);
await policy.put(Buffer.from('system/config'), Buffer.from('by the system itself'), {});

const table: Record<string, string[]> = JSON.parse(readFileSync(process.argv[2] as string, 'utf8'));
assert.ok(Object.keys(table).length > 0);
for (const [pattern, keys] of Object.entries(table)) {
  const policy = new PolicyEngine(Database.memory());
  policy.beforeWrite(pattern, denyAll);
  for (const key of keys) {
    await assert.rejects(policy.put(Buffer.from(key), Buffer.from('x')), PolicyViolation, `${pattern} and ${key}`);
  }
  await policy.put(Buffer.from('nothing/that/they/name.txt'), Buffer.from('x'));
}
console.log('node: the samples do what they claim');
