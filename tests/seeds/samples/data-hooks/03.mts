import { Database, PolicyEngine, PolicyAction } from '@sochdb/sochdb';

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
