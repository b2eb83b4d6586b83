// Operations started by hooks, hooks that change the hooks, and the warning of an engine without any.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as later } from 'node:timers/promises';

import { Database, denyAll, logAndAllow, PolicyAction, PolicyEngine } from 'checkrein';

import { b, engine, last } from './support.mjs';

for (const [name, before] of [
  ['at once', () => undefined],
  ['after a promise', () => Promise.resolve()],
  ['after a timer', () => later(0)],
]) {
  test(`nesting is bounded, ${name}`, async () => {
    const policy = engine();
    let asked = 0;
    policy.beforeWrite('k', async () => {
      asked += 1;
      await before();
      await policy.put(b('k'), b('v'));
    });
    await assert.rejects(policy.put(b('k'), b('v')), { code: 'nesting_limit', name: 'UsageError' });
    assert.equal(asked, 17);
    // What was started outside is at the ground again.
    policy.beforeRead('j', async () => void (await policy.get(b('i'))));
    await policy.get(b('j'));
  });
}

test('two engines that ask one another are bounded too', async () => {
  const [one, two] = [engine(), engine()];
  one.beforeRead('k', async () => void (await two.get(b('k'))));
  two.beforeRead('k', () => one.get(b('k')));
  await assert.rejects(one.get(b('k')), { code: 'nesting_limit' });
});

test('hooks are added and removed from inside a hook', async () => {
  const policy = engine();
  const handle = policy.beforeWrite('k', () => {
    policy.beforeWrite('k', denyAll);
    handle.remove();
  });
  await policy.put(b('k'), b('v'));
  await assert.rejects(policy.put(b('k'), b('v')), { code: 'denied' });
});

test('a removed hook is still asked by operations that have started', async () => {
  const policy = engine();
  let go;
  policy.beforeWrite('k', () => new Promise((done) => (go = done)));
  const handle = policy.beforeWrite('k', () => PolicyAction.deny('still here'));
  const pending = policy.put(b('k'), b('v'));
  handle.remove();
  go();
  await assert.rejects(pending, /still here/);
});

test('a logger is told without values; one that fails refuses', async () => {
  const told = [];
  const policy = engine();
  policy.beforeWrite('a', logAndAllow({ info: (message) => told.push(message) }));
  await policy.put(b('a'), b('secret'), { agent_id: 'x' });
  assert.deepEqual(told, ['before_write `a` by agent `x`']);
  assert.equal(last(policy).logged, true);
  for (const info of [
    () => {
      throw new TypeError('broken');
    },
    async () => {
      throw new TypeError('broken');
    },
  ]) {
    const handle = policy.beforeWrite('b', logAndAllow({ info }));
    await assert.rejects(policy.put(b('b'), b('v')), (error) => {
      assert.equal(error.code, 'hook_failed');
      assert.ok(error.cause instanceof TypeError);
      return true;
    });
    handle.remove();
  }
});

test('an engine without any hook or limit warns once', async () => {
  const policy = new PolicyEngine(Database.memory());
  const warned = once(process, 'warning');
  await policy.put(b('k'), b('v'));
  await policy.put(b('k'), b('v'));
  const [warning] = await warned;
  assert.equal(warning.name, 'CheckreinWarning');
  assert.match(warning.message, /no hook and no rate limit/);
});

test('a warning that cannot be told is no error', async (t) => {
  t.mock.method(process, 'emitWarning', () => {
    throw new Error('no');
  });
  await new PolicyEngine(Database.memory()).put(b('k'), b('v'));
});
