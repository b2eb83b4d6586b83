// Hooks: what they are shown, what they may answer, and what becomes of what they throw.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

import { PolicyAction, PolicyContext, PolicyViolation, RateLimitExceeded, UsageError, Database } from 'checkrein';
import { redactValue } from 'checkrein/policy';

import { b, engine, last } from './support.mjs';

const put = (policy, hook) => {
  policy.beforeWrite('k', hook);
  return policy.put(b('k'), b('v'));
};

test('a promise of every answer is awaited', async () => {
  for (const [answer, stored] of [
    [PolicyAction.ALLOW, 'v'],
    [PolicyAction.LOG, 'v'],
    [undefined, 'v'],
    [null, 'v'],
    [b('w'), 'w'],
    [new Uint8Array([120]), 'x'],
    [PolicyAction.modify(b('m')), 'm'],
    [runInNewContext('new Uint8Array([121])'), 'y'],
  ]) {
    for (const shape of [() => answer, async () => answer, () => ({ then: (done) => done(answer) })]) {
      const db = Database.memory();
      await put(engine(db), shape);
      assert.equal(String(await db.get(b('k'))), stored);
    }
  }
});

test('anything else refuses', async () => {
  const fake = Object.create(PolicyAction.prototype);
  for (const [answer, said] of [
    ['allow', 'a `string`'],
    [1, 'a `number`'],
    [true, 'a `boolean`'],
    [{}, 'an `Object`'],
    [[1], 'an `Array`'],
    [() => PolicyAction.ALLOW, 'a `function`'],
    [fake, 'a `PolicyAction`'],
    [new Uint16Array(1), 'an `Uint16Array`'],
    [new ArrayBuffer(1), 'an `ArrayBuffer`'],
    [Symbol('x'), 'a `symbol`'],
    [new Proxy({}, {}), 'an `object`'],
    [PolicyAction.MODIFY, '`MODIFY` without a value'],
  ]) {
    const policy = engine();
    await assert.rejects(put(policy, () => answer), (error) => {
      assert.ok(error instanceof PolicyViolation);
      assert.equal(error.code, 'hook_failed');
      assert.ok(error.reason.includes(said), error.reason);
      return true;
    });
    assert.equal(last(policy).result, 'error');
    assert.equal(last(policy).applied, false);
  }
});

test('what a hook throws is the cause, whatever it is', async () => {
  class Mine extends TypeError {}
  for (const [thrown, name] of [
    [new Mine('secret'), 'Mine'],
    ['secret', 'string'],
    [undefined, 'undefined'],
    [null, 'object'],
    [0, 'number'],
    [Object.create(null), 'object'],
  ]) {
    for (const hook of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
      () => ({
        get then() {
          throw thrown;
        },
      }),
      () => ({
        then() {
          throw thrown;
        },
      }),
    ]) {
      const policy = engine();
      await assert.rejects(put(policy, hook), (error) => {
        assert.equal(error.code, 'hook_failed');
        assert.ok('cause' in error);
        assert.ok(Object.is(error.cause, thrown));
        assert.equal(error.reason, `the hook failed with \`${name}\``);
        return true;
      });
      assert.ok(!JSON.stringify(last(policy).reason).includes('secret'));
    }
  }
});

test("Checkrein's own errors come out as the same object", async () => {
  class House extends PolicyViolation {
    code = 'house_rule';
  }
  for (const [thrown, result] of [
    [new PolicyViolation('no'), 'denied'],
    [new House('no'), 'denied'],
    [new RateLimitExceeded('slow', { limit: 'x', scope: 'y', retryAfterNs: 5n }), 'denied'],
    [new UsageError('wrong'), 'error'],
  ]) {
    const policy = engine();
    await assert.rejects(
      put(policy, async () => {
        throw thrown;
      }),
      (error) => error === thrown,
    );
    assert.equal(last(policy).result, result);
    assert.equal(last(policy).rule, 'before_write k');
  }
  const policy = engine();
  policy.afterWrite('k', () => {
    throw new PolicyViolation('too late');
  });
  await assert.rejects(policy.put(b('k'), b('v')), (error) => {
    assert.deepEqual([error.code, error.applied, error.cause.reason], ['hook_failed', true, 'too late']);
    return true;
  });
});

test('a hook sees copies, and can change nothing that is judged', async () => {
  const db = Database.memory();
  const policy = engine(db);
  const [key, value] = [b('system/x'), b('value')];
  let seen;
  policy.beforeWrite('system/*', (ctx) => {
    seen = ctx;
    assert.ok(Object.isFrozen(ctx));
    assert.throws(() => {
      ctx.agentId = 'other';
    }, TypeError);
    ctx.key.write('public/x');
    ctx.value.write('VALUE');
    key.write('public/x');
    value.write('EVIL!');
  });
  policy.beforeWrite('system/*', (ctx) => {
    assert.equal(String(ctx.key), 'system/x');
    assert.equal(String(ctx.value), 'value');
  });
  await policy.put(key, value, { agent_id: 7, n: 1n, flag: false, none: null });
  assert.equal(String(await db.get(b('system/x'))), 'value');
  assert.equal(await db.get(b('public/x')), undefined);
  assert.deepEqual([seen.operation, seen.agentId, seen.sessionId], ['write', '7', undefined]);
  assert.deepEqual(['agent_id', 'n', 'flag', 'none', 'x'].map((name) => seen.get(name)), [7, 1n, false, undefined, undefined]);
});

test('what the caller changes after the call does not matter', async () => {
  const db = Database.memory();
  const policy = engine(db);
  let go;
  policy.beforeWrite('**', () => new Promise((done) => (go = done)));
  const [key, value, context] = [b('key'), b('value'), { agent_id: 'a' }];
  const pending = policy.put(key, value, context);
  key.fill(0);
  value.fill(0);
  context.agent_id = 'b';
  go();
  await pending;
  assert.equal(String(await db.get(b('key'))), 'value');
  assert.equal(last(policy).agent_id, 'a');
});

test('a subclass cannot lie about its length', async () => {
  class Liar extends Uint8Array {
    get length() {
      return 3;
    }
  }
  const db = Database.memory();
  const policy = engine(db);
  policy.beforeWrite('system/*', () => PolicyAction.DENY);
  await assert.rejects(policy.put(new Liar(b('system/x')), b('v')), { code: 'denied' });
});

test('a read value can be redacted and hidden', async () => {
  const policy = engine();
  await policy.put(b('a'), b('1'));
  policy.afterRead('a', redactValue(b('[X]')));
  policy.afterRead('a', (ctx) => Buffer.concat([ctx.value, b('!')]));
  const got = await policy.get(b('a'));
  assert.ok(Buffer.isBuffer(got));
  assert.equal(String(got), '[X]!');
  policy.afterRead('a', () => PolicyAction.DENY);
  assert.equal(await policy.get(b('a')), undefined);
  assert.equal(last(policy).result, 'redacted');
});

test('a context can be made for a test of a hook', () => {
  const ctx = new PolicyContext('write', b('k'), b('v'), { agentId: 'a', n: 2 });
  assert.deepEqual([String(ctx.key), String(ctx.value), ctx.agentId, ctx.get('n')], ['k', 'v', 'a', 2]);
  assert.throws(() => new PolicyContext('write', 'k'), UsageError);
});
