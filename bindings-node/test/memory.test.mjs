// Nothing is kept that nobody can reach, and other threads have modules of their own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { Database, PolicyAction, PolicyEngine } from 'checkrein';

import { b, collected, directory, engine } from './support.mjs';

test('engines whose hooks hold them are collected', async () => {
  let gone = 0;
  const registry = new FinalizationRegistry(() => (gone += 1));
  (() => {
    for (let n = 0; n < 50; n += 1) {
      const policy = engine();
      const hook = () => void policy;
      policy.beforeWrite('**', hook);
      registry.register(policy);
      registry.register(hook);
      policy.put(b('k'), b('v'));
    }
  })();
  assert.ok(await collected(() => gone === 100), `${gone} of 100 are gone`);
});

test('a removed hook is let go, with the last operation that can ask for it', async () => {
  const policy = engine();
  let go;
  policy.beforeWrite('k', () => new Promise((done) => (go = done)));
  const hook = (() => {
    const removed = () => PolicyAction.ALLOW;
    policy.beforeWrite('k', removed);
    policy.remove(removed);
    return new WeakRef(removed);
  })();
  assert.ok(await collected(() => hook.deref() === undefined), 'no operation can ask for it');

  const [second, pending] = (() => {
    const held = () => PolicyAction.ALLOW;
    const handle = policy.beforeWrite('k', held);
    const started = policy.put(b('k'), b('v'));
    handle.remove();
    return [new WeakRef(held), started];
  })();
  for (let turn = 0; turn < 5; turn += 1) globalThis.gc();
  assert.ok(second.deref() !== undefined, 'an operation can still ask for it');
  go();
  await pending;
  policy.beforeRead('x', () => undefined);
  assert.ok(await collected(() => second.deref() === undefined));
});

test('a hook whose registration failed is let go', async () => {
  const policy = engine();
  const hook = (() => {
    const failed = () => undefined;
    assert.throws(() => policy.beforeWrite('a**', failed));
    return new WeakRef(failed);
  })();
  assert.ok(await collected(() => hook.deref() === undefined));
});

test('memory stays bounded', async () => {
  const round = async () => {
    for (let n = 0; n < 200; n += 1) {
      const policy = new PolicyEngine(Database.memory());
      policy.enableAudit({ maxEntries: 100 });
      policy.beforeWrite('k/*', async () => undefined);
      policy.afterRead('k/*', () => b('x'));
      policy.beforeDelete('**', () => {
        throw new Error('no');
      });
      policy.onDenied(async () => undefined);
      policy.addAuditSink(() => undefined).remove();
      for (let m = 0; m < 20; m += 1) {
        await policy.put(b(`k/${m}`), Buffer.alloc(1000), { agent_id: 'a' });
        await policy.get(b(`k/${m}`));
        await policy.delete(b('k')).catch(() => {});
        policy.remove(policy.beforeRead('z', () => undefined));
        policy.onDenied(() => undefined).remove();
        await policy.batch([['put', b('k/x'), b('v')], ['put', b('y'), b('v')]]);
        for await (const pair of policy.scan(b('k/'))) if (pair.length === 2) break;
      }
      if (n % 50 === 0) globalThis.gc();
    }
    await collected(() => false);
    return process.memoryUsage().rss;
  };
  await round();
  const before = await round();
  const after = await round();
  assert.ok(after - before < 24 * 1024 * 1024, `${(after - before) / 1024 / 1024} MiB more`);
});

test('worker threads have modules of their own', async () => {
  const program = `
    import { Database, PolicyAction, PolicyEngine, withContext } from 'checkrein';
    import { parentPort } from 'node:worker_threads';
    const policy = new PolicyEngine(Database.memory());
    policy.beforeWrite('system/*', async () => PolicyAction.DENY);
    let denied = 0;
    for (let n = 0; n < 200; n += 1) {
      await policy.put(Buffer.from('k' + n), Buffer.from('v'));
      await policy.put(Buffer.from('system/' + n), Buffer.from('v')).catch(() => (denied += 1));
    }
    await policy.batch([['put', Buffer.from('a'), Buffer.from('v')], ['delete', Buffer.from('b')]]);
    let scanned = 0;
    for await (const pair of withContext({ agentId: 'a' }, () => policy.scan(Buffer.from('k')))) scanned += pair.length / 2;
    if (scanned !== 200) throw new Error('scanned ' + scanned);
    // Left open when the thread ends.
    policy.scan(Buffer.from('k')).next();
    policy.scan(Buffer.from('k'));
    policy.beforeRead('**', () => new Promise(() => {}));
    policy.get(Buffer.from('k'));
    parentPort.postMessage(denied);
  `;
  const url = new URL(`./worker-${process.pid}.mjs`, import.meta.url);
  const { writeFileSync, rmSync } = await import('node:fs');
  writeFileSync(url, program);
  try {
    const workers = [1, 2, 3].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(url);
          let said;
          worker.on('message', (message) => (said = message));
          worker.on('error', reject);
          worker.on('exit', (code) => (code === 0 ? resolve(said) : reject(new Error(`exit ${code}`))));
        }),
    );
    assert.deepEqual(await Promise.all(workers), [200, 200, 200]);
  } finally {
    rmSync(url);
  }
});

test('a module that is loaded twice works twice', async () => {
  const { createRequire } = await import('node:module');
  const require = createRequire(import.meta.url);
  const one = require('checkrein');
  const loaded = Object.keys(require.cache).filter((path) => /bindings-node.(dist|checkrein\.)/.test(path));
  assert.ok(loaded.some((path) => path.endsWith('.node')));
  const kept = loaded.map((path) => [path, require.cache[path]]);
  for (const path of loaded) delete require.cache[path];
  const two = require('checkrein');
  for (const [path, module] of kept) require.cache[path] = module;
  assert.notEqual(one.PolicyEngine, two.PolicyEngine);
  const engines = [one, two].map((each) => {
    const policy = new each.PolicyEngine(each.Database.memory());
    policy.beforeWrite('no', async () => each.PolicyAction.DENY);
    return [each, policy];
  });
  for (let n = 0; n < 50; n += 1) {
    for (const [each, policy] of engines) {
      await policy.batch([['put', b(`k${n}`), b('v')]]);
      await assert.rejects(policy.put(b('no'), b('v')), (error) => error instanceof each.PolicyViolation);
    }
  }
  const scans = engines.map(([, policy]) => policy.scan(b('k')));
  for (let n = 0; n < 50; n += 1) for (const scan of scans) assert.equal((await scan.next()).done, false);
  for (const scan of scans) assert.equal((await scan.next()).done, true);
});

test('a worker that is ended in the midst takes nobody along', async () => {
  const program = `
    const { Database, PolicyEngine } = require('checkrein');
    const policy = new PolicyEngine(Database.memory());
    policy.beforeWrite('**', () => { for (;;); });
    policy.put(Buffer.from('k'), Buffer.from('v'));
  `;
  const { createRequire } = await import('node:module');
  const path = createRequire(import.meta.url).resolve('checkrein');
  const worker = new Worker(program.replace("'checkrein'", JSON.stringify(path)), { eval: true });
  await new Promise((online) => worker.once('online', online));
  assert.equal(await worker.terminate(), 1);
  await engine().put(b('k'), b('v'));
});

test('a worker that is ended while the disk is waited for takes nobody along', async (t) => {
  const { createRequire } = await import('node:module');
  const path = createRequire(import.meta.url).resolve('checkrein');
  const data = directory(t);
  for (let round = 0; round < 3; round += 1) {
    const worker = new Worker(
      `const { Database, PolicyEngine } = require(${JSON.stringify(path)});
       const { parentPort } = require('node:worker_threads');
       Database.open(${JSON.stringify(data)}).then((db) => {
         const policy = new PolicyEngine(db);
         policy.beforeWrite('**', async () => undefined);
         for (let n = 0; n < 100; n += 1) policy.put(Buffer.from('k' + n), Buffer.alloc(1000)).catch(() => {});
         parentPort.postMessage('busy');
       });`,
      { eval: true },
    );
    await new Promise((busy, failed) => worker.once('message', busy).once('error', failed));
    await worker.terminate();
  }
  const db = await Database.open(data);
  await engine(db).put(b('k'), b('v'));
  await db.close();
});
