// The sample of the founding notes, and what else a user writes, compiled against the declarations.

import {
  AuditFile,
  CheckreinError,
  Database,
  ManualClock,
  PolicyAction,
  PolicyEngine,
  PolicyViolation,
  PolicyDocument,
  RateLimitExceeded,
  StoreError,
  carry,
  denyAll,
  load,
  logAndAllow,
  parseDocument,
  redactValue,
  requireAgentId,
  verifyAudit,
  withContext,
  type AuditEntry,
  type AuditReport,
  type BatchOperation,
  type Explanation,
  type Hook,
  type Scan,
  type SinkEntry,
  type Store,
  type StoreChange,
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

// Several keys at once.
for await (const [key, bytes] of policy.scan(Buffer.from('users/'), { agentId: 'a' })) {
  const both: [Buffer, Buffer] = [key, bytes];
  void both;
}
const scan: Scan = policy.scan(new Uint8Array(), null, { signal: AbortSignal.timeout(1000) });
const result: IteratorResult<[Buffer, Buffer], undefined> = await scan.next();
if (result.done) result.value satisfies undefined;
await scan.return();
await policy.batch([
  ['put', Buffer.from('a'), new Uint8Array([1])],
  ['delete', Buffer.from('b')],
]);
const operations: BatchOperation[] = [['delete', Buffer.from('b')]];
await policy.batch(operations, { agent_id: 'a' }, { atomic: false });
await db.batch(operations);
for await (const [key] of db.scan(Buffer.from('users/'))) key.length satisfies number;
const values: (Buffer | undefined)[] = await policy.getMany([Buffer.from('a')]);
void values;
// @ts-expect-error a put needs a value
await policy.batch([['put', Buffer.from('a')]]);
// @ts-expect-error an unknown operation
await policy.batch([['get', Buffer.from('a')]]);
// @ts-expect-error `atomic` is for batches
await policy.getMany([], null, { atomic: false });
// @ts-expect-error a prefix is bytes
policy.scan('users/');

// Seeing and trying.
const told: Explanation = policy.explain('write', Buffer.from('k'), { agentId: 'a' });
if (told.verdict === 'denied') console.log(told.rule?.length, told.hooks[0]?.answer, told.limits[0]?.remaining);
const listener = policy.onDenied(async (error) => void error.code);
const gone: boolean = listener.remove() || policy.removeListener(listener);
void gone;
const sink = policy.addAuditSink((entry: SinkEntry, phase) => void (phase === 'decided' ? entry.sequence : entry.key), {
  strict: true,
});
policy.removeAuditSink(sink) satisfies boolean;
// @ts-expect-error a sink is a function
policy.addAuditSink({});

// Files and documents.
const file: AuditFile = await policy.addAuditFile('audit.jsonl', {
  strict: true,
  fsync: 'always',
  hmacKey: new Uint8Array(32),
  rotateBytes: 1 << 20,
});
const head: string = file.head();
await file.flush();
(await policy.removeAuditSink(file)) satisfies boolean;
await policy.flushAudit();
const report: AuditReport = await verifyAudit(new URL('file:///audit.jsonl'), { head, hmacKey: new Uint8Array(32) });
if (!report.ok) console.log(report.problem?.line);
// @ts-expect-error an unknown policy
await policy.addAuditFile('audit.jsonl', { fsync: 'sometimes' });
const document: PolicyDocument = await load('policy.yaml');
const parsed = parseDocument('version: 1', 'yaml', 'policy.yaml');
await policy.reload(parsed);
new PolicyEngine(db, { document, requireContext: ['agentId'], mode: 'shadow' });
// @ts-expect-error an unknown mode
new PolicyEngine(db, { mode: 'dry-run' });

// The ambient context.
const kept: number = withContext({ agentId: 'a' }, () => 5);
const later: Promise<Buffer | undefined> = withContext({ agentId: 'a' }, () => policy.get(Buffer.from('k')));
const carried: (key: string) => Promise<void> = carry((key: string) => policy.delete(Buffer.from(key)));
void [kept, later, carried];

try {
  await policy.delete(Buffer.from('k'), null, { signal: AbortSignal.timeout(1000) });
} catch (error) {
  if (error instanceof RateLimitExceeded) console.log(error.retryAfter, error.reason);
  else if (error instanceof PolicyViolation) console.log(error.rule, error.key?.toString(), error.cause);
  else if (error instanceof StoreError) console.log(error.applied);
  else if (error instanceof CheckreinError) console.log(error.code);
}

const shelf = new Map<string, Buffer>();
const store: Store = {
  put: async (key, bytes) => void shelf.set(String(key), bytes),
  get: (key) => shelf.get(String(key)),
  delete: (key) => shelf.delete(String(key)),
};
const walked: Store = {
  ...store,
  scan: async (prefix, after, limit) => [[prefix, after ?? Buffer.alloc(limit)]],
  batch: (changes: StoreChange[]) => changes.forEach(([what, key, value]) => void [what, key, value?.length]),
};
new PolicyEngine(walked);
const other = new PolicyEngine(store, { clock: new ManualClock(), maxOpenOperations: 5 });
void other;

{
  await using scoped = Database.memory();
  await scoped.put(Buffer.from('k'), Buffer.from('v'));
}
await db.close();
