// The audit's files: kept, verified, and what they do to operations where they fail.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { AuditFile, ConfigError, Database, denyAll, PolicyEngine, StoreError, UsageError, verifyAudit } from 'checkrein';

import { b, collected, directory, engine, last } from './support.mjs';

const lines = (path) => readFileSync(path, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const entries = (path) => lines(path).filter((line) => line.operation !== undefined);

test('every entry is in the file, and the chain holds', async (t) => {
  const path = join(directory(t), 'audit.jsonl');
  const policy = new PolicyEngine(Database.memory());
  policy.beforeWrite('no', denyAll);
  const file = await policy.addAuditFile(pathToFileURL(path));
  assert.ok(file instanceof AuditFile);
  assert.equal(file.path, path);
  await policy.put(b('k'), b('v'), { agent_id: 'a' });
  await policy.put(b('no'), b('v')).catch(() => {});
  await policy.batch([['put', b('x'), b('v')], ['delete', b('y')]]);
  for await (const pair of policy.scan(b(''))) assert.equal(pair.length, 2);
  await policy.flushAudit();
  const told = entries(path).map(({ operation, key, result }) => `${operation} ${key} ${result}`);
  assert.deepEqual(told, ['write k allowed', 'write no denied', 'write x allowed', 'delete y allowed', 'scan  allowed']);
  const head = file.head();
  assert.match(head, /^\d+:[0-9a-f]{64}$/);
  assert.equal(file.lost, 0);
  const report = await verifyAudit(path, { head });
  assert.deepEqual([report.ok, report.head, report.problem], [true, head, undefined]);
  assert.equal(report.lines - report.events, 5);
  assert.equal(report.lastSequence, Number(head.split(':')[0]));

  await file.close();
  await file.close();
  await policy.put(b('after'), b('v'));
  assert.equal(await policy.removeAuditSink(file), false);
  assert.equal(entries(path).length, 5);
  assert.equal(last(policy).key, 'after');
});

test('a changed file does not verify, and that is no error', async (t) => {
  const path = join(directory(t), 'audit.jsonl');
  const policy = engine();
  const file = await policy.addAuditFile(path, { hmacKey: Buffer.alloc(32, 7), fsync: 'never', rotateBytes: 0 });
  await policy.put(b('secret'), b('v'));
  await policy.put(b('k'), b('v'));
  await file.flush();
  const head = file.head();
  await file.close();
  const key = { hmacKey: Buffer.alloc(32, 7) };
  assert.equal((await verifyAudit(path, key)).ok, true);
  const whole = readFileSync(path, 'utf8');
  writeFileSync(path, whole.replace('secret', 'public'));
  const { ok, problem } = await verifyAudit(pathToFileURL(path), key);
  assert.equal(ok, false);
  assert.deepEqual([problem.file, problem.line], [path, 2]);
  assert.equal(typeof problem.message, 'string');
  // Cut at the end, and the head that was kept says so.
  writeFileSync(path, whole.split('\n').slice(0, 2).join('\n') + '\n');
  assert.equal((await verifyAudit(path, key)).ok, true);
  assert.equal((await verifyAudit(path, { ...key, head })).ok, false);
  await assert.rejects(verifyAudit(path), ConfigError);
  await assert.rejects(verifyAudit(join(path, 'none')), StoreError);
  await assert.rejects(verifyAudit(path, { head: 'nonsense' }), UsageError);
  await assert.rejects(verifyAudit(path, { hmacKey: 'text' }), UsageError);
  await assert.rejects(verifyAudit(path, { hmackey: b('x') }), /`hmackey` is no option/);
});

test('a strict file has the decision before the store is asked, off the main thread', async (t) => {
  const path = join(directory(t), 'audit.jsonl');
  const store = {
    put() {
      const [entry] = entries(path).slice(-1);
      assert.deepEqual([entry.key, entry.phase], ['k', 'decided']);
    },
    get() {},
    delete() {},
  };
  const policy = engine(store);
  const file = await policy.addAuditFile(path, { strict: true });
  let turns = 0;
  let done = false;
  const pending = policy.put(b('k'), b('v')).then(() => (done = true));
  while (!done) {
    turns += 1;
    await new Promise((next) => setImmediate(next));
  }
  await pending;
  assert.ok(turns > 0);
  assert.deepEqual(entries(path).map(({ phase }) => phase), ['decided', 'done']);
  await Promise.all(Array.from({ length: 20 }, () => policy.get(b('k'))));
  await file.close();
  assert.equal((await verifyAudit(path)).ok, true);
  // Closed by its handle, it is no longer asked.
  await policy.get(b('k'));
});

test('an abort while a strict file is waited for', async (t) => {
  const path = join(directory(t), 'audit.jsonl');
  const db = Database.memory();
  const policy = engine(db);
  const file = await policy.addAuditFile(path, { strict: true });
  const controller = new AbortController();
  const pending = policy.put(b('k'), b('v'), {}, { signal: controller.signal });
  controller.abort();
  await assert.rejects(pending, { name: 'AbortError' });
  assert.deepEqual([last(policy).result, last(policy).reason], ['denied', 'abandoned']);
  assert.equal(await db.get(b('k')), undefined);
  await file.close();
  assert.equal((await verifyAudit(path)).ok, true);
});

test('files that cannot be are refused', async (t) => {
  const path = directory(t);
  const policy = engine();
  for (const [given, options, says] of [
    [5, undefined, /`path` is a `number`/],
    ['', undefined, /empty/],
    [join(path, 'none', 'audit.jsonl'), undefined, /directory/],
    [join(path, 'a'), { hmacKey: b('short') }, /at least 16/],
    [join(path, 'a'), { hmacKey: 'text' }, /Uint8Array/],
    [join(path, 'a'), { fsync: 'sometimes' }, /`sometimes`/],
    [join(path, 'a'), { rotateBytes: 1 }, /at least 4096/],
    [join(path, 'a'), { rotateBytes: -1 }, /whole number/],
    [join(path, 'a'), { strict: 'yes' }, /true or false/],
    [join(path, 'a'), { strickt: true }, /no option/],
  ]) {
    await assert.rejects(policy.addAuditFile(given, options), says);
  }
  const file = await policy.addAuditFile(join(path, 'audit.jsonl'));
  await assert.rejects(engine().addAuditFile(join(path, 'audit.jsonl')), StoreError);
  assert.equal(await engine().removeAuditSink(file), false);
  assert.equal(await policy.removeAuditSink(file), true);
  await file.close();
});

test('an engine whose file was forgotten is collected, and the file closed', async (t) => {
  const path = join(directory(t), 'audit.jsonl');
  await (async () => {
    const policy = engine();
    await policy.addAuditFile(path);
    await policy.put(b('k'), b('v'));
  })();
  assert.ok(
    await collected(() => lines(path).at(-1)?.event === 'closed'),
    'it was never closed',
  );
  rmSync(path);
});
