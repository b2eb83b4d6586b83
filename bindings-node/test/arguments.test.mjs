// What callers hand in: keys, values, contexts, options, patterns, stores.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  ConfigError,
  Database,
  HookHandle,
  ManualClock,
  PatternError,
  PolicyEngine,
  StoreError,
  UsageError,
  denyAll,
  logAndAllow,
  redactValue,
} from 'checkrein';

import { b, engine, last } from './support.mjs';

test('keys are any bytes up to a mebibyte', async () => {
  for (const key of [
    b(''),
    b('\n'),
    b('\0'),
    Buffer.from([0xff, 0xfe]),
    Buffer.alloc(60_000, 'k'),
    new Uint8Array([1, 2, 3]),
  ]) {
    const policy = engine();
    await policy.put(key, b('v'));
    assert.equal(String(await policy.get(key)), 'v');
    await policy.delete(key);
    assert.equal(await policy.get(key), undefined);
  }
  const store = new Map();
  const name = (key) => key.toString('latin1');
  const policy = engine({
    put: (key, value) => void store.set(name(key), value),
    get: (key) => store.get(name(key)),
    delete: (key) => store.delete(name(key)),
  });
  await policy.put(Buffer.alloc(1 << 20, 'k'), b('v'));
  assert.equal(String(await policy.get(Buffer.alloc(1 << 20, 'k'))), 'v');
  await assert.rejects(policy.put(Buffer.alloc((1 << 20) + 1), b('v')), { code: 'usage' });
});

test('values are of any size', async () => {
  const policy = engine();
  for (const size of [0, 1, 64, 4095, 4096, 65_519, 65_520, 65_521, 1 << 20]) {
    const value = Buffer.alloc(size, 'v');
    await policy.put(b('k'), value);
    assert.ok(value.equals(await policy.get(b('k'))), `${size}`);
  }
});

test('what is no bytes is refused, and the message says what to do', async () => {
  const policy = engine();
  for (const wrong of ['k', 5, null, undefined, {}, [1], new Uint16Array(1), Object.create(Uint8Array.prototype)]) {
    await assert.rejects(policy.put(wrong, b('v')), UsageError);
    await assert.rejects(policy.put(b('k'), wrong), UsageError);
    assert.equal(last(policy).result, 'error');
    await assert.rejects(policy.get(wrong), UsageError);
    await assert.rejects(policy.delete(wrong), UsageError);
  }
  await assert.rejects(policy.put('k', b('v')), /use Buffer\.from/);
});

test('a context holds texts, booleans and integers', async () => {
  const policy = engine();
  for (const context of [
    undefined,
    null,
    {},
    Object.create(null),
    { agent_id: 'a', agentId: 'a' },
    { x: 1, y: true, z: -(2n ** 63n), nothing: undefined },
  ]) {
    await policy.put(b('k'), b('v'), context);
  }
  for (const [context, said] of [
    [{ x: 1.5 }, /`x`.*`1.5`/],
    [{ x: 2 ** 53 }, /`x`/],
    [{ x: 2n ** 63n }, /`x`/],
    [{ x: NaN }, /`NaN`/],
    [{ x: {} }, /an `Object`/],
    [{ x: b('a') }, /a `Buffer`/],
    [{ x: Symbol('s') }, /symbol/],
    [{ agent_id: 'a', agentId: 'b' }, /differ/],
    [{ sessionId: 'a', session_id: 'b' }, /differ/],
    [{ agentID: 'a' }, /write `agent_id`/],
    [{ agent_id: 'half \ud800' }, /well-formed/],
    [{ ['half \ud800']: 'x' }, /well-formed/],
    [{ x: 'y'.repeat(70_000) }, /70000 bytes/],
    ['agent', /a `string`/],
    [new Map([['agent_id', 'a']]), /a `Map`/],
    [['agent_id'], /an `Array`/],
    [new (class Agent {})(), /an `Agent`/],
  ]) {
    await assert.rejects(policy.put(b('k'), b('v'), context), (error) => {
      assert.ok(error instanceof UsageError, error);
      assert.match(error.message, said);
      return true;
    });
    assert.equal(last(policy).result, 'error');
  }
});

test('a long text in a context arrives whole', async () => {
  const policy = engine();
  for (const length of [126, 127, 128, 129, 1024]) {
    const agent = 'ä'.repeat(length / 2) + (length % 2 ? 'x' : '');
    await policy.put(b('k'), b('v'), { agentId: agent });
    assert.equal(last(policy).agent_id, agent);
  }
});

test('unknown options are errors', async () => {
  const policy = engine();
  assert.throws(() => new PolicyEngine(Database.memory(), { clok: 1 }), /`clok`.*clock, maxOpenOperations/);
  assert.throws(() => policy.addRateLimit('write', { max_per_minute: 1 }), ConfigError);
  assert.throws(() => policy.enableAudit({ maxentries: 1 }), ConfigError);
  assert.throws(() => policy.getAuditLog({ agent_id: 'a' }), ConfigError);
  assert.throws(() => policy.getAuditLog([]), ConfigError);
  await assert.rejects(Database.open('x', { durabilty: 'sync' }), ConfigError);
  await assert.rejects(policy.put(b('k'), b('v'), {}, { sginal: 1 }), ConfigError);
  await assert.rejects(policy.put(b('k'), b('v'), {}, { signal: {} }), ConfigError);
});

test('options of the wrong type are errors', () => {
  const policy = engine();
  for (const wrong of [1.5, -1, '5', NaN, Infinity, 2 ** 53, null, 5n]) {
    assert.throws(() => policy.addRateLimit('write', { maxPerMinute: wrong }), ConfigError);
    assert.throws(() => policy.enableAudit({ maxEntries: wrong }), ConfigError);
    assert.throws(() => new PolicyEngine(Database.memory(), { maxOpenOperations: wrong }), ConfigError);
  }
  assert.throws(() => policy.addRateLimit('write', {}), /none was given/);
  assert.throws(() => policy.addRateLimit('write'), ConfigError);
  assert.throws(() => policy.addRateLimit(5, { maxPerMinute: 1 }), UsageError);
  assert.throws(() => new PolicyEngine(Database.memory(), { clock: Date }), UsageError);
  assert.throws(() => new ManualClock(-1n), UsageError);
  assert.throws(() => new ManualClock().advance(-1), UsageError);
});

test('patterns that are not understood are thrown where they are given', () => {
  const policy = engine();
  assert.throws(() => policy.beforeWrite('a**', denyAll), (error) => {
    assert.ok(error instanceof PatternError);
    assert.deepEqual([error.code, error.pattern, error.position], ['pattern', 'a**', 1]);
    return true;
  });
  assert.throws(() => policy.beforeWrite(/a/, denyAll), UsageError);
  assert.throws(() => policy.beforeWrite('a'), UsageError);
  assert.throws(() => policy.beforeWrite('a', 'deny'), UsageError);
  assert.throws(() => policy.beforeDelete('a', redactValue(b('x'))), ConfigError);
  assert.throws(() => redactValue('x'), /use Buffer\.from/);
  assert.throws(() => logAndAllow({}), UsageError);
});

test('a store that lacks something is refused at once', () => {
  for (const [store, missing] of [
    [new Map(), /a `Map`.*`put`:/],
    [{ get() {} }, /`put`, `delete`/],
    [{ put() {}, get() {}, delete: 1 }, /`delete`/],
    [null, /`null`/],
    [undefined, /`undefined`/],
    ['./path', /a `string`/],
    [Object.create(Database.prototype), /make a database|no function/],
  ]) {
    assert.throws(() => new PolicyEngine(store), (error) => {
      assert.ok(error instanceof ConfigError || error instanceof UsageError, `${error}`);
      return missing.test(error.message) || assert.fail(error.message);
    });
  }
});

test('removing takes a handle or a function', async () => {
  const policy = engine();
  const hook = () => b('x');
  const first = policy.beforeWrite('k', hook);
  policy.beforeWrite('j', hook);
  assert.ok(first instanceof HookHandle);
  assert.equal(first.remove(), true);
  assert.equal(first.remove(), false);
  assert.equal(policy.remove(first), false);
  assert.equal(policy.remove(hook), true);
  assert.equal(policy.remove(hook), false);
  const denying = policy.beforeWrite('k', denyAll);
  assert.equal(engine().remove(denying), false, "another engine's handle");
  assert.equal(policy.remove(denyAll), true);
  await policy.put(b('k'), b('v'));
  assert.throws(() => policy.remove('k'), UsageError);
});

test('a database is made by its functions', async (t) => {
  assert.throws(() => new Database(), UsageError);
  await assert.rejects(Database.open(''), ConfigError);
  await assert.rejects(Database.open(5), ConfigError);
  await assert.rejects(Database.open('x', { durability: 'fast' }), ConfigError);
  await assert.rejects(Database.open('/dev/null/x'), (error) => error instanceof StoreError && error.cause instanceof Error);
  await assert.rejects(Database.memory().put('k', b('v')), UsageError);
});
