// The sample of the founding notes, and what else a user writes, compiled against the declarations.

import {
  CheckreinError,
  Database,
  ManualClock,
  PolicyAction,
  PolicyEngine,
  PolicyViolation,
  RateLimitExceeded,
  denyAll,
  logAndAllow,
  redactValue,
  requireAgentId,
  type AuditEntry,
  type Hook,
  type Store,
} from 'checkrein';
import { allowAll } from 'checkrein/policy';

const db = await Database.open('./agent_data');
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

const value: Buffer | undefined = await policy.get(new Uint8Array([1]), { agentId: 'a', depth: 3, flag: true });
void value;

const hook: Hook = async (ctx) => {
  const key: Buffer = ctx.key;
  if (ctx.operation === 'write' && ctx.value !== undefined) return PolicyAction.modify(ctx.value);
  return key.length > 0 ? PolicyAction.deny('why') : undefined;
};
const handle = policy.beforeRead('**', hook);
const removed: boolean = policy.remove(handle) || policy.remove(hook) || handle.remove();
void removed;

policy.beforeWrite('readonly/*', denyAll);
policy.beforeDelete('**', requireAgentId);
policy.afterRead('secrets/*', redactValue(Buffer.from('[REDACTED]')));
policy.afterWrite('**', logAndAllow(console));
policy.afterDelete('**', allowAll);
policy.beforeWrite('**', () => {});
// @ts-expect-error a text is no answer
policy.beforeWrite('**', () => 'deny');
// @ts-expect-error a number neither, not even later
policy.beforeWrite('**', async () => 5);
// @ts-expect-error keys are bytes
await policy.put('key', Buffer.from('v'));
// @ts-expect-error values of a context are texts, booleans and integers
await policy.get(Buffer.from('k'), { who: {} });
// @ts-expect-error a misspelt option
policy.enableAudit({ maxEntry: 5 });
// @ts-expect-error what a hook sees cannot be set
policy.beforeWrite('**', (ctx) => void (ctx.agentId = 'x'));

policy.addRateLimit('write', { maxPerMinute: 100, scope: 'agent_id', burst: 10, count: 'attempts', maxKeys: 5 });
const wait: bigint = policy.rateLimitStatus('write', { agent_id: 'a' })[0]!.retryAfterNs;
void wait;
const entries: AuditEntry[] = policy.getAuditLog({ limit: 5, since: new Date(), result: 'denied' });
void entries[0]?.timestamp_ns;

try {
  await policy.delete(Buffer.from('k'), null, { signal: AbortSignal.timeout(1000) });
} catch (error) {
  if (error instanceof RateLimitExceeded) console.log(error.retryAfter, error.reason);
  else if (error instanceof PolicyViolation) console.log(error.rule, error.key?.toString(), error.cause);
  else if (error instanceof CheckreinError) console.log(error.code);
}

const shelf = new Map<string, Buffer>();
const store: Store = {
  put: async (key, bytes) => void shelf.set(String(key), bytes),
  get: (key) => shelf.get(String(key)),
  delete: (key) => shelf.delete(String(key)),
};
const other = new PolicyEngine(store, { clock: new ManualClock(), maxOpenOperations: 5 });
void other;

{
  await using scoped = Database.memory();
  await scoped.put(Buffer.from('k'), Buffer.from('v'));
}
await db.close();
