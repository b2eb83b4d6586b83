// The ambient context: inherited by what is awaited, overruled by what a call says.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { setTimeout as later } from 'node:timers/promises';

import { carry, PolicyAction, UsageError, withContext } from 'checkrein';

import { b, engine, last } from './support.mjs';

test('operations have the ambient context, also after an await', async () => {
  const policy = engine();
  await withContext({ agentId: 'a', session_id: 's', depth: 3 }, async () => {
    await later(1);
    await policy.put(b('k'), b('v'));
    assert.deepEqual([last(policy).agent_id, last(policy).session_id], ['a', 's']);
    for await (const pair of policy.scan(b(''))) assert.equal(pair.length, 2);
    assert.equal(last(policy).agent_id, 'a');
    await policy.batch([['delete', b('k')]]);
    assert.equal(last(policy).agent_id, 'a');
    await policy.getMany([b('k')]);
    assert.equal(last(policy).agent_id, 'a');
  });
  await policy.get(b('k'));
  assert.equal(last(policy).agent_id, undefined);
});

test('what the call says wins; null is not said', async () => {
  const policy = engine();
  let seen;
  policy.beforeRead('**', (ctx) => {
    seen = ['agent_id', 'session_id', 'tenant', 'flag'].map((name) => ctx.get(name));
  });
  await withContext({ agent_id: 'a', session_id: 's', tenant: 't' }, async () => {
    await policy.get(b('k'), { agentId: 'other', session_id: null, flag: true });
    assert.deepEqual(seen, ['other', 's', 't', true]);
    await policy.get(b('k'), { tenant: 'mine' });
    assert.deepEqual(seen, ['a', 's', 'mine', undefined]);
    await withContext({ tenant: 'inner', flag: false }, () => policy.get(b('k')));
    assert.deepEqual(seen, ['a', 's', 'inner', false]);
    await policy.get(b('k'));
    assert.deepEqual(seen, ['a', 's', 't', undefined]);
  });
});

test('it counts for requirements, limits and explanations', async () => {
  const policy = engine(undefined, { requireContext: ['agentId'] });
  policy.addRateLimit('read', { maxPerHour: 1, scope: 'agent_id' });
  await assert.rejects(policy.get(b('k')), { code: 'denied', rule: 'require_context' });
  await withContext({ agentId: 'a' }, async () => {
    assert.equal(policy.rateLimitStatus('read')[0].remaining, 1);
    await policy.get(b('k'));
    assert.equal(policy.rateLimitStatus('read')[0].remaining, 0);
    assert.equal(policy.explain('read', b('k')).verdict, 'rate_limited');
  });
  assert.equal(policy.explain('read', b('k'), { agent_id: 'b' }).verdict, 'allowed');
});

test('hooks have it, and what they start', async () => {
  const policy = engine();
  policy.beforeWrite('k', async () => void (await policy.get(b('inner'))));
  await withContext({ agentId: 'a' }, () => policy.put(b('k'), b('v')));
  assert.deepEqual(policy.getAuditLog().map(({ key, agent_id: agent }) => [key, agent]), [['inner', 'a'], ['k', 'a']]);
});

test('it is carried to where it would not go by itself', async () => {
  const policy = engine();
  const emitter = new EventEmitter();
  const done = withContext({ agentId: 'a' }, () => {
    const put = carry(function put(key) {
      return [this, policy.put(key, b('v'))];
    });
    return new Promise((resolve) => emitter.on('carried', (key) => resolve(put.call('this', key))));
  });
  withContext({ agentId: 'other' }, () => emitter.emit('carried', b('k')));
  const [self, put] = await done;
  await put;
  assert.equal(self, 'this');
  assert.equal(last(policy).agent_id, 'a');

  // Where there was none, there is none.
  const bare = carry(() => policy.get(b('k')));
  await withContext({ agentId: 'other' }, () => bare());
  assert.equal(last(policy).agent_id, undefined);
});

test('what is carried out of a hook stays as deep', async () => {
  const policy = engine();
  let deepest = 0;
  const queue = [];
  policy.beforeWrite('k', () => {
    deepest += 1;
    queue.push(carry(() => policy.put(b('k'), b('v'))));
    return PolicyAction.ALLOW;
  });
  await policy.put(b('k'), b('v'));
  await assert.rejects(
    async () => {
      while (queue.length > 0) await queue.shift()();
    },
    { code: 'nesting_limit' },
  );
  assert.equal(deepest, 17);
});

test('what was carried from outside is as deep as the hook that calls it', async () => {
  const policy = engine();
  let asked = 0;
  const put = carry(() => policy.put(b('k'), b('v')));
  policy.beforeWrite('k', () => {
    asked += 1;
    return put().then(() => undefined);
  });
  await assert.rejects(put(), { code: 'nesting_limit' });
  assert.ok(asked === 17 || asked === 18, `${asked}`);
});

test('wrong arguments are refused', () => {
  assert.throws(() => withContext('a', () => {}), UsageError);
  assert.throws(() => withContext({ agentId: {} }, () => {}), UsageError);
  assert.throws(() => withContext({ agentId: 'a' }), /give a function/);
  assert.throws(() => carry(5), /give a function/);
  assert.throws(
    () => withContext({ agentId: 'a' }, () => {
      throw new Error('mine');
    }),
    /mine/,
  );
});
