// The quick start in Node: agents may not write system keys, and e-mail addresses are redacted on request.
import { Database, PolicyAction, PolicyEngine, PolicyViolation } from 'checkrein';

const db = await Database.open(process.argv[2] ?? './agent_data');
const policy = new PolicyEngine(db);

policy.beforeWrite('system/*', (ctx) => (ctx.agentId ? PolicyAction.DENY : PolicyAction.ALLOW));
policy.afterRead('users/*/email', (ctx) => (ctx.get('redact_pii') ? Buffer.from('[REDACTED]') : ctx.value));

async function put(what, key, value, context) {
  try {
    await policy.put(Buffer.from(key), Buffer.from(value), context);
    console.log(`${what}: allowed`);
  } catch (refusal) {
    if (!(refusal instanceof PolicyViolation)) throw refusal;
    console.log(`${what}: ${refusal.code}`);
  }
}

async function text(context) {
  return new TextDecoder().decode(await policy.get(Buffer.from('users/alice/email'), context));
}

const agent = { agent_id: 'agent_001' };
await put('put users/alice/email by agent_001', 'users/alice/email', 'alice@example.com', agent);
await put('put system/config by agent_001', 'system/config', 'malicious', agent);
await put('put system/config by the operator', 'system/config', '{}');
console.log(`get users/alice/email, redacted: ${await text({ redact_pii: true })}`);
console.log(`get users/alice/email: ${await text()}`);
await db.close();
