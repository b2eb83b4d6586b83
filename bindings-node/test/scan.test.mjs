// Scans: what the vectors cannot say of an async iterator.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';

import { allowAll, Database, PolicyAction, redactValue, Scan, StoreError, UsageError } from 'checkrein';

import { b, collected, directory, engine, last, native } from './support.mjs';

/** Keys `k/000` and on, each with its own number as value. */
const many = (count) =>
  Array.from({ length: count }, (_, n) => ['put', b(`k/${String(n).padStart(4, '0')}`), b(String(n))]);

async function filled(count, db = Database.memory()) {
  await db.batch(many(count));
  return db;
}

const all = async (scan) => {
  const pairs = [];
  for await (const [key, value] of scan) pairs.push(`${key}=${value}`);
  return pairs;
};

test('a scan gives pairs, in order, over many pages', async (t) => {
  for (const db of [Database.memory(), await Database.open(join(directory(t), 'data'))]) {
    await filled(1_000, db);
    const policy = engine(db);
    policy.beforeRead('k/05*', () => PolicyAction.DENY);
    policy.afterRead('k/0600', async () => b('changed'));
    policy.afterRead('k/0001', redactValue(b('[REDACTED]')));
    const pairs = await all(policy.scan(b('k/')));
    assert.equal(pairs.length, 900);
    assert.deepEqual(pairs.slice(0, 3), ['k/0000=0', 'k/0001=[REDACTED]', 'k/0002=2']);
    assert.ok(pairs.includes('k/0600=changed'));
    const { operation, key, result, given, withheld } = last(policy);
    assert.deepEqual([operation, key, result, given, withheld], ['scan', 'k/', 'redacted', 900, 100]);
    assert.deepEqual((await all(db.scan(b('k/')))).length, 1_000);
    await db.close();
  }
});

test('pairs are the own of who gets them', async () => {
  const db = await filled(3);
  const policy = engine(db);
  for await (const [key, value] of policy.scan(b('k/'))) {
    key.fill(0xff);
    value.fill(0);
  }
  for await (const [key, value] of db.scan(b('k/'))) {
    key.fill(0xff);
    value.fill(0);
  }
  assert.deepEqual(await all(policy.scan(b('k/'))), ['k/0000=0', 'k/0001=1', 'k/0002=2']);
});

test('a large pair comes whole', async () => {
  const db = Database.memory();
  const value = Buffer.alloc(200_000, 'v');
  const key = Buffer.alloc(70_000, 'k');
  await db.put(key, value);
  await db.put(b('k/small'), value);
  const policy = engine(db);
  let seen;
  policy.afterRead('**', (ctx) => {
    seen = [ctx.operation, ctx.key.length, ctx.value.length];
  });
  assert.deepEqual((await policy.scan(b('kk')).next()).value, [key, value]);
  assert.deepEqual(seen, ['read', 70_000, 200_000]);
  assert.deepEqual((await policy.scan(b('k/')).next()).value, [b('k/small'), value]);
  assert.deepEqual(await policy.getMany([key]), [value]);
});

test('leaving the loop ends the scan, and nothing more is asked', async () => {
  const policy = engine(await filled(10));
  let asked = 0;
  policy.beforeRead('**', () => void (asked += 1));
  for await (const [key] of policy.scan(b('k/'), { agent_id: 'a' })) {
    if (String(key) === 'k/0002') break;
  }
  assert.equal(asked, 3);
  const { result, reason, given, agent_id: agent } = last(policy);
  assert.deepEqual([result, reason, given, agent], ['allowed', 'abandoned', 3, 'a']);
  await assert.rejects(async () => {
    for await (const pair of policy.scan(b('k/'))) throw new Error(`mine: ${pair.length}`);
  }, /mine: 2/);
  assert.deepEqual([last(policy).reason, last(policy).given], ['abandoned', 1]);
});

test('a scan is asked for one pair after the other, also all at once', async () => {
  const policy = engine(await filled(4));
  let running = 0;
  policy.beforeRead('**', async () => {
    assert.equal((running += 1), 1, 'two at a time');
    await tick();
    running -= 1;
  });
  const scan = policy.scan(b('k/'));
  const got = await Promise.all(Array.from({ length: 6 }, () => scan.next()));
  assert.deepEqual(
    got.map(({ done, value }) => (done ? undefined : String(value[0]))),
    ['k/0000', 'k/0001', 'k/0002', 'k/0003', undefined, undefined],
  );
  assert.equal(last(policy).given, 4);
});

test('return and throw end it, whether something is pending or not', async () => {
  const policy = engine(await filled(3));
  const scan = policy.scan(b('k/'));
  assert.ok(scan instanceof Scan && scan[Symbol.asyncIterator]() === scan);
  await scan.next();
  assert.deepEqual(await scan.return(), { done: true, value: undefined });
  assert.deepEqual(await scan.return(), { done: true, value: undefined });
  assert.deepEqual(await scan.next(), { done: true, value: undefined });
  await assert.rejects(policy.scan(b('k/')).throw(new Error('mine')), /mine/);
  assert.equal(policy.getAuditLog({ operation: 'scan' }).length, 2);

  let go;
  policy.beforeRead('**', () => new Promise((done) => (go = done)));
  const pending = policy.scan(b('k/'));
  const next = pending.next();
  await pending.return();
  assert.deepEqual([last(policy).reason, last(policy).given], ['abandoned', 0]);
  go();
  assert.deepEqual(await next, { done: true, value: undefined });
  await policy.scan(b('k/'))[Symbol.asyncDispose]?.();
});

test('what fails ends it with its error, once', async () => {
  const policy = engine(await filled(3));
  policy.beforeRead('k/0001', () => {
    throw new TypeError('broken');
  });
  const scan = policy.scan(b('k/'));
  assert.equal((await scan.next()).done, false);
  await assert.rejects(scan.next(), (error) => error.code === 'hook_failed' && error.cause instanceof TypeError);
  assert.deepEqual(await scan.next(), { done: true, value: undefined });
  assert.deepEqual([last(policy).result, last(policy).given], ['error', 1]);
});

test('what is wrong with the arguments is thrown at once, and audited', async () => {
  const policy = engine(await filled(1));
  assert.throws(() => policy.scan('k/'), UsageError);
  assert.throws(() => policy.scan(b('k/'), 5), UsageError);
  assert.throws(() => policy.scan(b('k/'), {}, { signl: 1 }), { code: 'config' });
  assert.throws(() => policy.scan(b('k/'), { name: '\ud800' }), /surrogate/);
  assert.deepEqual(
    policy.getAuditLog().map(({ operation, key, result }) => `${operation} ${key} ${result}`),
    ['scan k/ error', 'scan k/ error', 'scan k/ error'],
  );
  // Whether the store can scan is the core's to say, when it is asked.
  await assert.rejects(engine(store()).scan(b('')).next(), { name: 'UsageError', message: /cannot scan/ });
});

function store(more = {}) {
  const map = new Map();
  return {
    put: (key, value) => void map.set(String(key), value),
    get: (key) => map.get(String(key)),
    delete: (key) => map.delete(String(key)),
    ...more,
  };
}

test('an abort ends it between two pairs', async () => {
  const policy = engine(await filled(3));
  const controller = new AbortController();
  const scan = policy.scan(b('k/'), { agent_id: 'a' }, { signal: controller.signal });
  await scan.next();
  const reason = new Error('enough');
  controller.abort(reason);
  assert.deepEqual([last(policy).reason, last(policy).given], ['abandoned', 1]);
  await assert.rejects(scan.next(), (error) => error === reason);
  assert.deepEqual(await scan.next(), { done: true, value: undefined });
});

test('an abort ends it while a hook, or the disk, is waited for, and before it began', async (t) => {
  const db = await filled(3, await Database.open(join(directory(t), 'data')));
  for (const [policy, hook] of [
    [engine(await filled(3)), () => new Promise(() => {})],
    [engine(db), undefined],
  ]) {
    if (hook !== undefined) policy.beforeRead('**', hook);
    const controller = new AbortController();
    const next = policy.scan(b('k/'), {}, { signal: controller.signal }).next();
    controller.abort();
    assert.equal(last(policy).reason, 'abandoned');
    await assert.rejects(next, { name: 'AbortError' });
    const scan = policy.scan(b('k/'), {}, { signal: AbortSignal.abort() });
    assert.equal(policy.getAuditLog().length, 2);
    await assert.rejects(scan.next(), { name: 'AbortError' });
    assert.equal((await scan.next()).done, true);
  }
  await db.close();
});

test('a signal keeps no listener of a scan that has ended, or was forgotten', async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args) => ((listeners += 1), addEventListener.apply(signal, args));
  signal.removeEventListener = (...args) => ((listeners -= 1), removeEventListener.apply(signal, args));
  const policy = engine(await filled(3));
  await all(policy.scan(b('k/'), {}, { signal }));
  await policy.scan(b('k/'), {}, { signal }).return();
  assert.equal(listeners, 0);
  (() => void policy.scan(b('k/'), {}, { signal }))();
  assert.equal(listeners, 1);
  assert.ok(await collected(() => listeners === 0), 'the listener stayed');
  assert.equal(last(policy).reason, 'abandoned');
});

test('a forgotten scan is let go', async () => {
  const policy = engine(await filled(3), { maxOpenOperations: 1 });
  (() => void policy.scan(b('k/'), { agent_id: 'forgotten' }).next())();
  await assert.rejects(policy.scan(b('k/')).next(), { code: 'open_limit' });
  assert.ok(await collected(() => last(policy).agent_id === 'forgotten'), 'it was never dropped');
  assert.deepEqual([last(policy).reason, last(policy).given], ['abandoned', 1]);
  assert.equal((await all(policy.scan(b('k/')))).length, 3);
});

test('a driver that fails lets go of the scan', async () => {
  const policy = engine(await filled(3));
  const scan = policy.scan(b('k/'));
  const { next } = native;
  native.next = () => {
    throw new Error('a panic');
  };
  try {
    await assert.rejects(scan.next(), { code: 'internal' });
  } finally {
    native.next = next;
  }
  assert.equal(last(policy).reason, 'abandoned');
});

test("a host's store is scanned page by page, and its replies are checked", async () => {
  const pages = [[[b('k/1'), b('1')]], [[b('k/2'), new Uint8Array([50])]], []];
  const asked = [];
  let at = 0;
  const scanned = store({
    scan: async (prefix, after, limit) => {
      asked.push([String(prefix), after && String(after), limit]);
      return pages[at++];
    },
  });
  assert.deepEqual(await all(engine(scanned).scan(b('k/'))), ['k/1=1', 'k/2=2']);
  assert.deepEqual(asked, [['k/', undefined, 256], ['k/', 'k/1', 256], ['k/', 'k/2', 256]]);
  for (const [page, says] of [
    [undefined, /`undefined`/],
    ['text', /a `string`/],
    [new Map(), /a `Map`/],
    [[['k/1', b('1')]], /a key that is a `string`/],
    [[[b('k/1')]], /holds an `Array` where a pair was due/],
    [[[b('k/1'), 5]], /a value that is a `number`/],
    [[[b('other'), b('1')]], /does not begin with the prefix/],
    [[[b('k/2'), b('1')], [b('k/1'), b('1')]], /out of order/],
  ]) {
    const policy = engine(store({ scan: () => page }));
    await assert.rejects(policy.scan(b('k/')).next(), (error) => error instanceof StoreError && says.test(error.message));
    assert.equal(last(policy).result, 'error');
  }
  assert.throws(() => engine(store({ scan: 5 })), /`scan` of the store is a `number`/);
});

test('a hook that writes, or scans, during a scan', async () => {
  const policy = engine(await filled(3));
  policy.beforeRead('k/*', async (ctx) => {
    await policy.put(Buffer.concat([b('seen/'), ctx.key]), b('v'));
  });
  assert.equal((await all(policy.scan(b('k/')))).length, 3);
  assert.equal((await all(policy.scan(b('seen/')))).length, 3);
  const nested = engine(await filled(1));
  nested.beforeRead('**', async () => void (await all(nested.scan(b('k/')))));
  await assert.rejects(all(nested.scan(b('k/'))), { code: 'nesting_limit' });
});

test('a scan of 100,000 keys holds a page and no more', async () => {
  const db = Database.memory();
  for (let from = 0; from < 100_000; from += 10_000) {
    const keys = Array.from({ length: 10_000 }, (_, n) => b(`k/${String(from + n).padStart(6, '0')}`));
    await db.batch(keys.map((key) => ['put', key, key]));
  }
  const policy = engine(db);
  policy.afterRead('**', allowAll);
  globalThis.gc();
  const before = process.memoryUsage().rss;
  let most = 0;
  let count = 0;
  for await (const [key, value] of policy.scan(b(''))) {
    count += key.length === value.length ? 1 : 0;
    if (count % 10_000 === 0) {
      globalThis.gc();
      most = Math.max(most, process.memoryUsage().rss - before);
    }
  }
  assert.equal(count, 100_000);
  assert.ok(most < 16 * 1024 * 1024, `${most / 1024 / 1024} MiB more`);
});
