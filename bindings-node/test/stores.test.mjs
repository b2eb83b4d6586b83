// Stores: the embedded database on disk, and the host's own.

import assert from 'node:assert/strict';
import { writeFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';

import { Database, PolicyAction, PolicyViolation, StoreError, UsageError } from 'checkrein';

import { b, directory, engine, last } from './support.mjs';

test('a database on disk keeps what was acknowledged', async (t) => {
  const path = join(directory(t), 'data');
  for (const durability of ['sync', 'relaxed']) {
    const db = await Database.open(pathToFileURL(path), { durability });
    const policy = engine(db);
    policy.afterRead('**', (ctx) => Buffer.concat([ctx.value, b('!')]));
    await Promise.all(Array.from({ length: 50 }, (_, n) => policy.put(b(`${n}`), b(`${n}`), { agent_id: `${n}` })));
    await db.close();
  }
  const db = await Database.open(path);
  assert.equal(String(await engine(db).get(b('49'))), '49');
  await db.delete(b('49'));
  assert.equal(await db.get(b('49')), undefined);
  await db[Symbol.asyncDispose]?.();
  await db.close();
  await assert.rejects(db.get(b('k')), { name: 'StoreError', code: 'store_closed' });
});

test('a database that is open elsewhere or damaged says so', async (t) => {
  const path = join(directory(t), 'data');
  const db = await Database.open(path);
  await db.put(b('k'), b('v'));
  await assert.rejects(Database.open(path), (error) => error instanceof StoreError && error.code === 'store_locked');
  await db.close();
  for (const name of readdirSync(path)) writeFileSync(join(path, name), 'no database at all'.repeat(500));
  await assert.rejects(Database.open(path), (error) => error instanceof StoreError && error.code.startsWith('store'));
});

test('the event loop goes on while the disk is waited for', async (t) => {
  const db = await Database.open(join(directory(t), 'data'));
  const policy = engine(db);
  let turns = 0;
  let done = false;
  const pending = policy.put(b('k'), b('v')).then(() => (done = true));
  assert.equal(done, false);
  while (!done) {
    turns += 1;
    await new Promise((next) => setImmediate(next));
  }
  await pending;
  assert.ok(turns > 0);
  await db.close();
});

function shelf(overrides) {
  const map = new Map();
  return {
    put: (key, value) => void map.set(String(key), value),
    get: (key) => map.get(String(key)),
    delete: (key) => map.delete(String(key)),
    ...overrides,
  };
}

test("a host's store may be sync or async, and keeps its this", async () => {
  class Shelf {
    map = new Map();
    async put(key, value) {
      this.map.set(String(key), value);
    }
    get(key) {
      return this.map.get(String(key)) ?? null;
    }
    async delete(key) {
      this.map.delete(String(key));
    }
  }
  for (const store of [shelf(), new Shelf()]) {
    const policy = engine(store);
    policy.beforeWrite('k', (ctx) => PolicyAction.modify(Buffer.concat([ctx.value, b('2')])));
    const [key, value] = [b('k'), b('v')];
    await policy.put(key, value);
    value.fill(0);
    assert.equal(String(await policy.get(key)), 'v2');
    await policy.delete(key);
    assert.equal(await policy.get(key), undefined);
  }
});

test('what is no reply is a StoreError', async () => {
  for (const [name, reply] of [
    ['put', 'OK'],
    ['put', true],
    ['put', new Map()],
    ['delete', 1],
    ['get', 'text'],
    ['get', 5],
    ['get', [1]],
  ]) {
    for (const given of [() => reply, async () => reply]) {
      const policy = engine(shelf({ [name]: given }));
      const call = { put: () => policy.put(b('k'), b('v')), get: () => policy.get(b('k')), delete: () => policy.delete(b('k')) };
      await assert.rejects(call[name](), (error) => error instanceof StoreError && /which is no reply/.test(error.message));
      assert.equal(last(policy).result, 'error');
    }
  }
});

test("a store's own error is the cause; ours come out as themselves", async () => {
  for (const thrown of [new Error('full'), 'full', null]) {
    const fail = () => {
      throw thrown;
    };
    await assert.rejects(engine(shelf({ put: fail })).put(b('k'), b('v')), (error) => {
      assert.ok(error instanceof StoreError);
      assert.equal(error.code, 'store');
      assert.ok(Object.is(error.cause, thrown));
      return true;
    });
  }
  for (const own of [new PolicyViolation('not now'), new UsageError('no'), new StoreError('full', 'store_full')]) {
    const policy = engine(shelf({ get: async () => Promise.reject(own) }));
    await assert.rejects(policy.get(b('k')), (error) => error === own);
  }
});
