// Operations that do not come to their end: aborted, or forgotten.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { Database, PolicyAction } from 'checkrein';

import { b, collected, directory, engine, last, native } from './support.mjs';

test('an abort lets go of the operation at once', async () => {
  const policy = engine();
  const controller = new AbortController();
  let asked = 0;
  policy.beforeWrite('k', () => new Promise(() => (asked += 1)));
  const pending = policy.put(b('k'), b('v'), { agent_id: 'a' }, { signal: controller.signal });
  assert.equal(asked, 1);
  const reason = new Error('enough');
  controller.abort(reason);
  assert.deepEqual(
    [last(policy).result, last(policy).reason, last(policy).applied],
    ['denied', 'abandoned', false],
  );
  await assert.rejects(pending, (error) => error === reason);
  assert.equal(policy.getAuditLog().length, 1);
});

test('aborted before it starts, nothing is asked', async () => {
  const policy = engine();
  policy.beforeWrite('k', () => assert.fail('asked'));
  const signal = AbortSignal.abort();
  await assert.rejects(policy.put(b('k'), b('v'), {}, { signal }), { name: 'AbortError' });
  assert.deepEqual([last(policy).result, last(policy).reason], ['denied', 'abandoned']);
});

test('aborted by a sync hook, the next hook is not asked', async () => {
  const db = Database.memory();
  const policy = engine(db);
  const controller = new AbortController();
  policy.beforeWrite('k', () => controller.abort());
  policy.beforeWrite('k', () => assert.fail('asked'));
  await assert.rejects(policy.put(b('k'), b('v'), {}, { signal: controller.signal }), { name: 'AbortError' });
  assert.equal(last(policy).reason, 'abandoned');
  assert.equal(await db.get(b('k')), undefined);
});

test('aborted by a hook that then never answers, or fails', async () => {
  for (const answer of [() => new Promise(() => {}), () => Promise.reject(new Error('late'))]) {
    for (const before of [[], [async () => undefined]]) {
      const policy = engine();
      const controller = new AbortController();
      for (const hook of before) policy.beforeWrite('k', hook);
      policy.beforeWrite('k', () => {
        controller.abort();
        return answer();
      });
      await assert.rejects(policy.put(b('k'), b('v'), {}, { signal: controller.signal }), { name: 'AbortError' });
      assert.deepEqual([last(policy).result, last(policy).reason], ['denied', 'abandoned']);
      assert.equal(policy.getAuditLog().length, 1);
    }
  }
});

test('what a hook says after the abort is heard by nobody', async () => {
  const policy = engine();
  const controller = new AbortController();
  let fail;
  policy.beforeWrite('k', () => new Promise((_, reject) => (fail = reject)));
  const pending = policy.put(b('k'), b('v'), {}, { signal: controller.signal });
  controller.abort();
  await assert.rejects(pending, { name: 'AbortError' });
  fail(new Error('late: an unhandled rejection would fail this test'));
  await new Promise((next) => setImmediate(next));
  assert.equal(policy.getAuditLog().length, 1);
});

test("aborted while the store is asked, the end is unknown", async () => {
  let done;
  const store = { put: () => new Promise((next) => (done = next)), get() {}, delete() {} };
  const policy = engine(store);
  const controller = new AbortController();
  const pending = policy.put(b('k'), b('v'), {}, { signal: controller.signal });
  controller.abort();
  await assert.rejects(pending, { name: 'AbortError' });
  assert.deepEqual([last(policy).result, last(policy).reason, last(policy).applied], ['unknown', 'abandoned', undefined]);
  done();
});

test('aborted while the disk is waited for, the end is unknown', async (t) => {
  const db = await Database.open(join(directory(t), 'data'));
  const policy = engine(db);
  const controller = new AbortController();
  const pending = policy.put(b('k'), b('v'), {}, { signal: controller.signal });
  controller.abort();
  await assert.rejects(pending, { name: 'AbortError' });
  assert.equal(last(policy).result, 'unknown');
  await db.close();
  assert.equal(policy.getAuditLog().length, 1);
});

test('a signal keeps no listener of an operation that has ended', async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args) => ((listeners += 1), addEventListener.apply(signal, args));
  signal.removeEventListener = (...args) => ((listeners -= 1), removeEventListener.apply(signal, args));
  const policy = engine();
  policy.beforeWrite('k', async () => PolicyAction.ALLOW);
  policy.beforeRead('k', () => PolicyAction.DENY);
  await policy.put(b('k'), b('v'), {}, { signal });
  await assert.rejects(policy.get(b('k'), {}, { signal }), { code: 'denied' });
  assert.equal(listeners, 0);
});

test('an operation whose hook never answers is dropped when it is forgotten', async () => {
  const policy = engine();
  policy.beforeWrite('k', () => new Promise(() => {}));
  (() => void policy.put(b('k'), b('v'), { agent_id: 'forgotten' }))();
  assert.equal(policy.getAuditLog().length, 0);
  assert.ok(await collected(() => policy.getAuditLog().length === 1), 'it was never dropped');
  assert.deepEqual([last(policy).result, last(policy).reason], ['denied', 'abandoned']);
});

test('a driver that fails lets go of the operation', async () => {
  const policy = engine();
  const { resume } = native;
  policy.beforeWrite('k', () => {
    native.resume = () => {
      throw new Error('a panic');
    };
  });
  try {
    await assert.rejects(policy.put(b('k'), b('v')), { code: 'internal', name: 'CheckreinError' });
  } finally {
    native.resume = resume;
  }
  assert.deepEqual([last(policy).result, last(policy).reason], ['denied', 'abandoned']);
});

test('aborted at every step, each operation has one end, and its place is free', async () => {
  const step = async () => undefined;
  const run = {
    put: (policy, options) => policy.put(b('k'), b('v'), {}, options),
    batch: (policy, options) => policy.batch([['put', b('k'), b('v')], ['delete', b('x')]], {}, options),
    many: (policy, options) => policy.getMany([b('k'), b('l')], {}, options),
    scan: async (policy, options) => {
      for await (const pair of policy.scan(b(''), {}, options)) assert.equal(pair.length, 2);
    },
  };
  for (const [name, call] of Object.entries(run)) {
    let whole = 0;
    for (let ticks = 0; ticks < 120; ticks += 1) {
      const store = {
        put: step,
        get: async () => b('v'),
        delete: step,
        scan: async (_, after) => (after === undefined ? [[b('k'), b('v')], [b('l'), b('v')]] : []),
        batch: step,
      };
      const policy = engine(store, { maxOpenOperations: 1 });
      for (const on of ['beforeWrite', 'afterWrite', 'beforeDelete', 'afterDelete', 'beforeRead', 'afterRead']) {
        policy[on]('**', step);
      }
      policy.addAuditSink(step, { strict: true });
      policy.addAuditSink(step);
      const controller = new AbortController();
      const pending = call(policy, { signal: controller.signal });
      for (let n = 0; n < ticks; n += 1) await undefined;
      controller.abort();
      await pending.then(() => (whole += 1), (error) => assert.equal(error.name, 'AbortError'));
      const ids = new Set(policy.getAuditLog().map((entry) => entry.operation_id));
      assert.equal(ids.size, 1, `${name}, ${ticks} ticks`);
      await policy.put(b('next'), b('v'));
    }
    assert.ok(whole > 0 && whole < 120, `${name}: ${whole} of 120 came to their end`);
  }
});

test('open operations are bounded', async () => {
  const policy = engine(Database.memory(), { maxOpenOperations: 2 });
  const go = [];
  policy.beforeWrite('k', () => new Promise((done) => go.push(done)));
  const pending = [policy.put(b('k'), b('1')), policy.put(b('k'), b('2'))];
  await assert.rejects(policy.put(b('k'), b('3')), { code: 'open_limit', name: 'UsageError' });
  for (const done of go) done();
  await Promise.all(pending);
  const last = policy.put(b('k'), b('4'));
  go[2]();
  await last;
});
