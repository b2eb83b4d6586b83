// Databases of other packages, found by their type: LevelDB and its family, each the real thing.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { ConfigError, PolicyAction, PolicyEngine, redactValue, StoreError } from 'checkrein';
import { ClassicLevel } from 'classic-level';
import { MemoryLevel } from 'memory-level';
import { MemoryLevel as FirstMemoryLevel } from 'memory-level-1';

import { b, directory, engine, last } from './support.mjs';

const require = createRequire(import.meta.url);
const { isLevel, LevelStore } = require('../dist/adapters/level.js');

const AbstractLevel = Object.getPrototypeOf(MemoryLevel);
const BYTES = { keyEncoding: 'buffer', valueEncoding: 'buffer' };

/** A LevelDB database on disk that is closed before its directory goes. */
function classic(t, options = undefined) {
  const path = directory(t);
  const db = new ClassicLevel(join(path, 'level'), options);
  t.after(() => db.close());
  return db;
}

/** Every kind of database of the family, by what it is called. */
const FAMILY = {
  'classic-level': (t) => classic(t),
  'classic-level of JSON': (t) => classic(t, { keyEncoding: 'json', valueEncoding: 'json' }),
  'a sublevel of classic-level': (t) => classic(t).sublevel('agents'),
  'a sublevel of a sublevel, of views': (t) => classic(t).sublevel('a').sublevel('b', { valueEncoding: 'view' }),
  'memory-level': () => new MemoryLevel(),
  'memory-level that keeps views': () => new MemoryLevel({ storeEncoding: 'view' }),
  'memory-level 1': () => new FirstMemoryLevel(),
  'a class of the user': () => new (class extends MemoryLevel {})(),
};

const bytes = (...numbers) => Buffer.from(numbers);
const AWKWARD = [b(''), b('a'), b('a\0b'), b('é'), bytes(0xff), bytes(0xff, 0xfe, 0), bytes(0xc3)];

for (const [name, open] of Object.entries(FAMILY)) {
  test(`${name} is guarded as it is`, async (t) => {
    const db = open(t);
    const policy = engine(db);
    policy.beforeWrite('system/*', () => PolicyAction.deny('not yours'));
    policy.afterRead('users/*/email', redactValue(b('[REDACTED]')));

    assert.equal(await policy.get(b('users/1/name')), undefined);
    await policy.put(b('users/1/name'), b('Ada'));
    await policy.put(b('users/1/email'), b('ada@example.org'));
    assert.equal(String(await policy.get(b('users/1/name'))), 'Ada');
    assert.equal(String(await policy.get(b('users/1/email'))), '[REDACTED]');
    assert.equal(String(await db.get(b('users/1/email'), BYTES)), 'ada@example.org');

    await assert.rejects(policy.put(b('system/x'), b('v')), { code: 'denied', reason: 'not yours' });
    assert.equal(await new LevelStore(db).get(b('system/x')), undefined);
    await policy.delete(b('users/1/name'));
    await policy.delete(b('users/1/name'));
    assert.equal(await policy.get(b('users/1/name')), undefined);
    assert.equal(last(policy).result, 'allowed');
  });

  test(`${name} keeps any bytes`, async (t) => {
    const policy = engine(open(t));
    for (const [at, key] of AWKWARD.entries()) {
      await policy.put(key, Buffer.concat([key, bytes(0xfe, at)]));
      const value = await policy.get(key);
      assert.deepEqual(value, Buffer.concat([key, bytes(0xfe, at)]));
      value.fill(0);
    }
    await policy.put(b('empty'), b(''));
    assert.deepEqual(await policy.get(b('empty')), b(''));
    // What a caller does to its value does not reach the store.
    assert.deepEqual(await policy.get(bytes(0xff)), bytes(0xff, 0xfe, 4));
    for (const key of AWKWARD) {
      await policy.delete(key);
      assert.equal(await policy.get(key), undefined);
    }
  });

  test(`${name} is scanned and changed through the engine`, async (t) => {
    const db = open(t);
    const policy = engine(db);
    policy.beforeWrite('system/*', () => PolicyAction.deny('not yours'));
    policy.beforeWrite('users/*', async (ctx) => PolicyAction.modify(Buffer.concat([ctx.value, b('!')])));
    policy.beforeRead('users/7*', () => PolicyAction.DENY);
    policy.afterRead('users/80', redactValue(b('[REDACTED]')));
    const users = Array.from({ length: 600 }, (_, n) => `users/${n}`);
    await policy.batch(users.map((key) => ['put', b(key), b(key)]));
    await assert.rejects(policy.batch([['put', b('users/0'), b('x')], ['put', b('system/x'), b('x')]]), {
      code: 'denied',
      reason: 'not yours',
    });
    await policy.batch([['delete', b('users/0')], ['put', b('a'), bytes(0xff)]]);
    const wanted = users.filter((key) => key !== 'users/0' && !key.startsWith('users/7')).sort();
    const found = [];
    for await (const [key, value] of policy.scan(b('users/'))) {
      assert.equal(String(value), String(key) === 'users/80' ? '[REDACTED]' : `${key}!`);
      found.push(String(key));
    }
    assert.deepEqual(found, wanted);
    const { given, withheld } = last(policy);
    assert.deepEqual([given, withheld], [wanted.length, users.length - 1 - wanted.length]);
    assert.deepEqual(
      (await policy.getMany(['users/1', 'users/0', 'users/80', 'a'].map(b))).map((value) => value && String(value)),
      ['users/1!', undefined, '[REDACTED]', '\ufffd'],
    );
    for await (const pair of policy.scan(b(''))) {
      assert.equal(String(pair[0]), 'a');
      break;
    }
    assert.deepEqual([last(policy).reason, last(policy).given], ['abandoned', 1]);
  });

  test(`${name} is scanned in the order of its bytes`, async (t) => {
    const store = new LevelStore(open(t));
    const keys = [...AWKWARD, ...['a/1', 'a/2', 'a/\xff', 'a0', 'b'].map(b), bytes(0xff, 0xff), bytes(0xff, 0xff, 1)];
    keys.sort(Buffer.compare);
    await store.batch(keys.map((key) => ['put', key, key]));
    const shown = (entries) => entries.map(([key]) => Buffer.from(key).toString('hex'));
    const wanted = (prefix, after) =>
      shown(
        keys
          .filter((key) => key.subarray(0, prefix.length).equals(prefix))
          .filter((key) => after === undefined || Buffer.compare(key, after) > 0)
          .map((key) => [key]),
      );
    const prefixes = [...keys, b('a/'), b('nothing'), bytes(0x61, 0xff), bytes(0xff, 0xff, 0xff)];
    for (const prefix of prefixes) {
      for (const after of [undefined, ...keys, b('zz')]) {
        assert.deepEqual(shown(await store.scan(prefix, after, 100)), wanted(prefix, after));
        assert.deepEqual(shown(await store.scan(prefix, after, 2)), wanted(prefix, after).slice(0, 2));
      }
    }
    for (const [key, value] of await store.scan(b(''), undefined, 100)) assert.deepEqual(value, key);
  });

  test(`a batch of ${name} is made whole or not at all`, async (t) => {
    const store = new LevelStore(open(t));
    await store.put(b('old'), b('1'));
    await store.batch([
      ['put', b('a'), b('1')],
      ['put', b('a'), b('2')],
      ['put', b('gone'), b('1')],
      ['delete', b('gone')],
      ['delete', b('old')],
      ['delete', b('never')],
    ]);
    assert.deepEqual(await store.scan(b(''), undefined, 10).then((page) => page.map(String)), ['a,2']);
    await store.batch([]);
    // One change that cannot be made, among others that can.
    await assert.rejects(store.batch([['put', b('b'), b('1')], ['delete', b('a')], ['put', b('c'), null]]));
    await assert.rejects(store.batch([['delete', b('a')], ['delete', undefined]]));
    assert.deepEqual(await store.scan(b(''), undefined, 10).then((page) => page.map(String)), ['a,2']);
  });

  test(`${name} that is closed is a StoreError with its own as the cause`, async (t) => {
    const db = open(t);
    const policy = engine(db);
    await policy.put(b('k'), b('v'));
    await db.close();
    const store = new LevelStore(db);
    for (const call of [
      () => policy.put(b('k'), b('v')),
      () => policy.get(b('k')),
      () => policy.delete(b('k')),
      () => store.scan(b(''), undefined, 10),
      () => store.batch([['put', b('k'), b('v')]]),
    ]) {
      await assert.rejects(call(), (error) => {
        assert.ok(error instanceof StoreError);
        assert.equal(error.code, 'store_closed');
        assert.equal(error.cause.code, 'LEVEL_DATABASE_NOT_OPEN');
        return true;
      });
    }
    assert.equal(last(policy).result, 'error');
  });
}

test('a sublevel keeps to itself', async (t) => {
  const db = classic(t);
  const [one, other] = [db.sublevel('one'), db.sublevel('one2')];
  const store = new LevelStore(one);
  await engine(one).put(bytes(0xff), b('1'));
  await engine(one).put(b('k'), b('1'));
  await engine(other).put(b('k'), b('2'));
  await engine(db).put(b('k'), b('3'));
  assert.deepEqual(await store.scan(b(''), undefined, 10), [[b('k'), b('1')], [bytes(0xff), b('1')]]);
  await store.batch([['delete', b('k')]]);
  assert.deepEqual(await db.get('k'), '3');
  assert.deepEqual(await other.get('k'), '2');
});

test('ten thousand keys come page by page as a sorted list', async (t) => {
  const db = classic(t);
  const store = new LevelStore(db);
  // Spread over the bytes, in no order: 40,503 has no common factor with 65,536.
  const keys = Array.from({ length: 10_000 }, (_, n) => {
    const key = Buffer.from([0x6b, 0, 0, n & 0xff]);
    key.writeUInt16BE((n * 40_503) % 65_536, 1);
    return key;
  });
  await store.batch(keys.map((key) => ['put', key, b('v')]));
  await store.batch([['put', b('j'), b('before')], ['put', b('l'), b('behind')]]);
  const sorted = [...keys].sort(Buffer.compare);
  for (const limit of [1_000, 777, 20_000]) {
    const found = [];
    for (let page = []; ; ) {
      page = await store.scan(b('k'), page.at(-1)?.[0], limit);
      assert.ok(page.length <= limit);
      if (page.length === 0) break;
      found.push(...page.map(([key]) => key));
    }
    assert.deepEqual(found, sorted);
  }
});

test('a page of large values is shorter than was asked for', async (t) => {
  const store = new LevelStore(classic(t));
  const large = Buffer.alloc(1 << 20, 'v');
  for (let n = 10; n < 30; n += 1) await store.put(b(`k${n}`), large);
  const page = await store.scan(b('k'), undefined, 1_000);
  assert.ok(page.length >= 4 && page.length < 10, `${page.length} entries`);
  assert.equal(String((await store.scan(b('k'), page.at(-1)[0], 1))[0][0]), `k${10 + page.length}`);
});

test('a scan leaves no iterator open', async (t) => {
  const db = classic(t);
  const store = new LevelStore(db);
  await store.batch(Array.from({ length: 100 }, (_, n) => ['put', b(`${n}`), b('v')]));
  const opened = [];
  const iterator = db.iterator.bind(db);
  db.iterator = (options) => {
    const made = iterator(options);
    opened.push(made);
    return made;
  };
  await store.scan(b(''), undefined, 3);
  db.iterator = (options) => {
    const made = iterator(options);
    made.nextv = async () => Promise.reject(new Error('the disk is gone'));
    opened.push(made);
    return made;
  };
  await assert.rejects(store.scan(b(''), undefined, 3), /the disk is gone/);
  for (const made of opened) await assert.rejects(made.next(), { code: 'LEVEL_ITERATOR_NOT_OPEN' });
  assert.equal(opened.length, 2);
});

test('a database that is open elsewhere says that it is not open', async (t) => {
  const db = classic(t);
  const policy = engine(db);
  await policy.put(b('k'), b('v'));
  const second = new ClassicLevel(db.location);
  await assert.rejects(engine(second).get(b('k')), { name: 'StoreError', code: 'store_closed' });
  await assert.rejects(second.open(), (error) => error.cause.code === 'LEVEL_LOCKED');
});

test('what else the database fails with is the cause, as it is', async () => {
  const failure = Object.assign(new Error('no space left on the device'), { code: 'LEVEL_IO_ERROR' });
  class Full extends MemoryLevel {
    async _put() {
      throw failure;
    }
  }
  const policy = engine(new Full());
  await assert.rejects(policy.put(b('k'), b('v')), (error) => {
    assert.ok(error instanceof StoreError);
    assert.equal(error.code, 'store');
    assert.equal(error.cause, failure);
    return true;
  });
  class Damaged extends MemoryLevel {
    async _get() {
      throw Object.assign(new Error('bad block'), { code: 'LEVEL_CORRUPTION' });
    }
  }
  await assert.rejects(engine(new Damaged()).get(b('k')), { code: 'store_damaged' });
});

test('a database that keeps text only is refused', () => {
  assert.throws(() => new PolicyEngine(new MemoryLevel({ storeEncoding: 'utf8' })), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /a `MemoryLevel` that keeps text only: .*storeEncoding: 'buffer'/);
    return true;
  });
});

test('a store is known by its class, not by its methods', async () => {
  const level = new MemoryLevel();
  assert.ok(isLevel(level) && isLevel(level.sublevel('a')));
  const lookalike = {
    status: 'open',
    supports: { encodings: { buffer: true } },
    del() {},
    batch() {},
    iterator() {},
    sublevel() {},
    keyEncoding() {},
    valueEncoding() {},
  };
  const namesake = class AbstractLevel {
    put() {}
    get() {}
    delete() {}
  };
  const copied = Object.assign(class AbstractLevel {}, {});
  Object.defineProperties(copied.prototype, Object.getOwnPropertyDescriptors(AbstractLevel.prototype));
  for (const other of [
    lookalike,
    new namesake(),
    Object.create(level),
    Object.create(AbstractLevel.prototype),
    Object.create(copied.prototype),
    new Proxy(level, {}),
    AbstractLevel,
    AbstractLevel.prototype,
    Object.create(null),
    new Map(),
    null,
    'text',
  ]) {
    assert.equal(isLevel(other), false);
  }
  // What only looks like a database never becomes a plain store: it has no `delete`.
  assert.throws(() => new PolicyEngine(new Proxy(level, {})), /no function `delete`/);

  // A plain store that has a database's methods too stays what it is.
  const shelf = new Map();
  const plain = {
    ...lookalike,
    put: (key, value) => void shelf.set(String(key), value),
    get: (key) => shelf.get(String(key)),
    delete: (key) => shelf.delete(String(key)),
  };
  const policy = engine(plain);
  await policy.put(b('k'), b('v'));
  assert.equal(String(shelf.get('k')), 'v');
  assert.equal(String(await policy.get(b('k'))), 'v');

  // One whose class gives it a `delete` that means something else is asked as the database that it is.
  class Forgetful extends MemoryLevel {
    delete() {
      throw new Error('deletes everything');
    }
  }
  const forgetful = engine(new Forgetful());
  await forgetful.put(b('k'), b('v'));
  await forgetful.delete(b('k'));
  assert.equal(await forgetful.get(b('k')), undefined);
});
