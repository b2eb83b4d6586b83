// Batches and `getMany`: what the vectors cannot say.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { Database, PolicyAction, StoreError, UsageError } from 'checkrein';

import { b, directory, engine, last } from './support.mjs';

const text = (values) => values.map((value) => value && String(value));

test('a batch and its values, in memory and on disk', async (t) => {
  for (const db of [Database.memory(), await Database.open(join(directory(t), 'data'))]) {
    const policy = engine(db);
    policy.beforeWrite('users/*', async (ctx) => PolicyAction.modify(Buffer.concat([ctx.value, b('!')])));
    policy.afterRead('users/2', () => PolicyAction.DENY);
    await policy.put(b('old'), b('v'));
    await policy.batch([
      ['put', b('users/1'), b('one')],
      ['put', b('users/2'), b('two')],
      ['delete', b('old')],
      ['put', b('empty'), b('')],
    ]);
    const keys = ['empty', 'users/1', 'users/2', 'old', 'users/1'].map(b);
    assert.deepEqual(text(await policy.getMany(keys)), ['', 'one!', undefined, undefined, 'one!']);
    assert.equal(String(await db.get(b('users/2'))), 'two!');
    await db.batch([['delete', b('users/1')], ['put', b('users/3'), b('three')]]);
    assert.deepEqual(text(await policy.getMany([b('users/1'), b('users/3')])), [undefined, 'three']);
    assert.deepEqual(await policy.getMany([]), []);
    await policy.batch([]);
    await db.batch([]);
    await db.close();
    await assert.rejects(policy.batch([['delete', b('k')]]), { code: 'store_closed' });
    await assert.rejects(db.batch([['delete', b('k')]]), { code: 'store_closed' });
    await assert.rejects(db.scan(b('k')).next(), { code: 'store_closed' });
  }
});

test('without hooks of the program, it is over when the call returns', async () => {
  const db = Database.memory();
  const policy = engine(db);
  const pending = policy.batch([['put', b('k'), b('v')]]);
  assert.equal(last(policy).result, 'allowed');
  await pending;
});

test('keys and values are copied before the call returns', async () => {
  const db = Database.memory();
  const policy = engine(db);
  let go;
  policy.beforeWrite('a', () => new Promise((done) => (go = done)));
  const [key, value] = [b('a'), b('one')];
  const operations = [['put', key, value]];
  const pending = policy.batch(operations);
  key.fill(0);
  value.fill(0);
  operations.push(['put', b('b'), b('two')]);
  go();
  await pending;
  assert.equal(String(await db.get(b('a'))), 'one');
  assert.equal(await db.get(b('b')), undefined);
});

test('what is no batch is refused, and the audit tells of the keys', async () => {
  const policy = engine();
  for (const [given, says] of [
    ['text', /the operations are a `string`/],
    [new Set(), /are a `Set`/],
    [[['put', b('k')]], /operation 1 of the batch is `put` with 1 more/],
    [[['delete', b('k'), b('v')]], /`delete` with 2 more/],
    [[['get', b('k')]], /`get` with 1 more/],
    [[{ put: 1 }], /an `Object`/],
    [[['delete', b('k')], ['put', 'k', b('v')]], /the key is a `string`/],
    [[['put', b('k'), 'v']], /the value is a `string`/],
  ]) {
    await assert.rejects(policy.batch(given), (error) => error instanceof UsageError && says.test(error.message));
    await assert.rejects(Database.memory().batch(given), says);
  }
  // Of those, one had an operation before the fault.
  assert.deepEqual(policy.getAuditLog().map(({ operation, key, result }) => [operation, key, result]), [
    ['delete', 'k', 'error'],
  ]);
  await assert.rejects(policy.getMany(b('k')), /the keys are a `Buffer`/);
  await assert.rejects(policy.getMany([b('k'), 'k']), /the key is a `string`/);
  await assert.rejects(policy.batch([['delete', b('k')]], 5), UsageError);
  await assert.rejects(policy.batch([], {}, { atomic: 0 }), { code: 'config' });
  await assert.rejects(policy.getMany([], {}, { atomic: false }), /`atomic` is no option/);
  await assert.rejects(policy.batch(Array(10_001).fill(['delete', b('k')])), /at most 10000/);
});

function store(more = {}) {
  const map = new Map();
  return {
    map,
    put: (key, value) => void map.set(String(key), String(value)),
    get: (key) => map.has(String(key)) && b(map.get(String(key))),
    delete: (key) => map.delete(String(key)),
    ...more,
  };
}

test("a host's store gets the batch as the hooks left it", async () => {
  const got = [];
  const policy = engine(store({ batch: async (changes) => void got.push(...changes) }));
  policy.beforeWrite('b', () => b('changed'));
  await policy.batch([['put', b('a'), b('1')], ['delete', b('x')], ['put', b('b'), b('2')]]);
  assert.deepEqual(got, [['put', b('a'), b('1')], ['delete', b('x')], ['put', b('b'), b('changed')]]);
  const refusing = engine(store({ batch: () => false }));
  await assert.rejects(refusing.batch([['delete', b('x')]]), /with a `boolean`, which is no reply/);
});

test('a store that loses its batch or scan on the way has failed', async () => {
  const lossy = store({ batch: () => undefined, scan: () => [] });
  const policy = engine(lossy);
  policy.beforeWrite('k', () => {
    lossy.batch = undefined;
  });
  await assert.rejects(policy.batch([['put', b('k'), b('v')]]), { name: 'StoreError', code: 'store' });
  const scan = policy.scan(b(''));
  delete lossy.scan;
  await assert.rejects(scan.next(), { name: 'StoreError', code: 'store' });
});

test('one after the other, a failure says how many were done', async () => {
  const kept = store();
  const policy = engine(kept);
  const operations = ['a', 'b', 'c'].map((key) => ['put', b(key), b(key)]);
  await assert.rejects(policy.batch(operations), { name: 'UsageError', message: /no atomic batch/ });
  assert.equal(kept.map.size, 0);
  await policy.batch(operations, {}, { atomic: false });
  assert.deepEqual([...kept.map], [['a', 'a'], ['b', 'b'], ['c', 'c']]);
  const { put } = kept;
  const failure = new Error('full');
  kept.put = (key, value) => {
    if (String(key) === 'c') throw failure;
    put(key, value);
  };
  await assert.rejects(policy.batch(operations, {}, { atomic: false }), (error) => {
    assert.ok(error instanceof StoreError);
    assert.deepEqual([error.code, error.applied], ['store_partial', 2]);
    assert.ok(error.cause instanceof StoreError);
    assert.equal(error.cause.cause, failure);
    return true;
  });
  kept.put = put;
  policy.afterWrite('b', () => PolicyAction.DENY);
  await assert.rejects(policy.batch(operations, {}, { atomic: false }), ({ code, applied, cause }) => {
    assert.deepEqual([code, applied, cause.code, String(cause.key), cause.applied], ['store_partial', 2, 'hook_failed', 'b', true]);
    return true;
  });
  // The error of an inner batch comes out of a hook as itself, with what it says.
  const outer = engine();
  outer.beforeWrite('k', () => policy.batch(operations, {}, { atomic: false }));
  await assert.rejects(outer.put(b('k'), b('v')), { code: 'store_partial', applied: 2 });
});

test('an abort lets go of a batch', async () => {
  const db = Database.memory();
  const policy = engine(db);
  policy.beforeWrite('b', () => new Promise(() => {}));
  const controller = new AbortController();
  const pending = policy.batch([['put', b('a'), b('1')], ['put', b('b'), b('2')]], {}, { signal: controller.signal });
  controller.abort();
  await assert.rejects(pending, { name: 'AbortError' });
  assert.deepEqual(
    policy.getAuditLog().map(({ key, result, reason }) => [key, result, reason]),
    [['a', 'denied', 'abandoned'], ['b', 'denied', 'abandoned']],
  );
  assert.equal(await db.get(b('a')), undefined);
  await assert.rejects(policy.getMany([b('a')], {}, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  assert.equal(last(policy).reason, 'abandoned');
});
