// Listeners for refusals, sinks of the program's, trying a policy, and explanations.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';

import { ConfigError, Database, denyAll, PolicyAction, PolicyEngine, PolicyViolation, UsageError } from 'checkrein';

import { b, collected, engine, last } from './support.mjs';

test('a listener gets the very error that the caller gets, before the caller', async () => {
  const policy = engine();
  const told = [];
  policy.onDenied(async (error) => {
    await tick();
    told.push(error);
  });
  policy.beforeWrite('a', denyAll);
  const mine = new PolicyViolation('mine');
  policy.beforeWrite('b', async () => Promise.reject(mine));
  policy.beforeWrite('c', () => {
    throw new TypeError('broken');
  });
  policy.addRateLimit('delete', { maxPerHour: 1 });
  await policy.delete(b('k'));
  for (const call of [
    () => policy.put(b('a'), b('v')),
    () => policy.put(b('b'), b('v')),
    () => policy.put(b('c'), b('v')),
    () => policy.delete(b('k')),
    () => policy.batch([['put', b('x'), b('v')], ['put', b('a'), b('v')]]),
  ]) {
    const before = told.length;
    await assert.rejects(call(), (error) => {
      assert.equal(told.length, before + 1);
      assert.equal(error, told.at(-1));
      return error instanceof PolicyViolation;
    });
  }
  assert.equal(told[1], mine);
  assert.ok(told[2].cause instanceof TypeError);
  assert.deepEqual(told.map((error) => error.code), ['denied', 'denied', 'hook_failed', 'rate_limited', 'denied']);
});

test('a listener that fails is warned of, and changes nothing', async () => {
  for (const failing of [
    () => {
      throw new TypeError('broken');
    },
    async () => Promise.reject(new TypeError('broken')),
  ]) {
    const policy = engine();
    policy.onDenied(failing);
    policy.beforeWrite('k', denyAll);
    const warned = once(process, 'warning');
    await assert.rejects(policy.put(b('k'), b('v')), { code: 'denied' });
    const [warning] = await warned;
    assert.match(warning.message, /`on_denied` failed with `TypeError`/);
  }
});

test('a listener that is refused itself is bounded', async () => {
  const policy = engine();
  let told = 0;
  policy.beforeWrite('k', denyAll);
  policy.onDenied(async () => {
    told += 1;
    await policy.put(b('k'), b('v')).catch(() => {});
  });
  await assert.rejects(policy.put(b('k'), b('v')), { code: 'denied' });
  assert.equal(told, 17);
});

test('a removed listener, and a removed sink, are told no more and let go', async () => {
  const policy = engine();
  policy.beforeWrite('k', denyAll);
  const put = () => policy.put(b('k'), b('v')).catch(() => {});
  const told = { listener: 0, sink: 0 };
  const [listener, sink, refs] = (() => {
    const hear = () => void (told.listener += 1);
    const write = () => void (told.sink += 1);
    return [policy.onDenied(hear), policy.addAuditSink(write), [new WeakRef(hear), new WeakRef(write)]];
  })();
  await put();
  assert.deepEqual(told, { listener: 1, sink: 1 });
  assert.deepEqual([policy.removeListener(listener), listener.remove()], [true, false]);
  assert.deepEqual([policy.removeAuditSink(sink), sink.remove()], [true, false]);
  await put();
  assert.deepEqual(told, { listener: 1, sink: 1 });
  assert.ok(await collected(() => refs.every((ref) => ref.deref() === undefined)), 'they are kept');

  const gone = (() => {
    const write = () => {};
    policy.addAuditSink(write);
    policy.disableAudit();
    return new WeakRef(write);
  })();
  await put();
  assert.ok(await collected(() => gone.deref() === undefined), 'the sink of an audit that is off is kept');
});

test('engines whose listeners and sinks hold them are collected', async () => {
  let gone = 0;
  const registry = new FinalizationRegistry(() => (gone += 1));
  (() => {
    for (let n = 0; n < 20; n += 1) {
      const policy = engine();
      policy.onDenied(() => void policy);
      policy.addAuditSink(() => void policy);
      registry.register(policy);
    }
  })();
  assert.ok(await collected(() => gone === 20), `${gone} of 20 are gone`);
});

test('a sink gets entries as the log has them; one of a batch after the other', async () => {
  const policy = new PolicyEngine(Database.memory());
  policy.beforeRead('x', denyAll);
  const told = [];
  policy.addAuditSink(async (entry, phase) => {
    await tick();
    told.push([entry, phase]);
  });
  await policy.batch([['put', b('a'), b('v')], ['put', b('b'), b('v')], ['delete', b('c')]], { agent_id: 'a' });
  for await (const pair of policy.scan(b(''))) assert.equal(pair.length, 2);
  assert.deepEqual(told.map(([entry]) => entry), policy.getAuditLog());
  assert.ok(told.every(([, phase]) => phase === undefined));
  assert.equal(typeof told[0][0].timestamp_ns, 'bigint');
});

test('a strict sink that fails refuses, and later says that it was applied', async () => {
  const db = Database.memory();
  const policy = engine(db);
  let fails = 'decided';
  const failure = new Error('disk full');
  const told = [];
  policy.addAuditSink(
    async (entry, phase) => {
      told.push([phase, entry.sequence]);
      if (phase === fails) throw failure;
    },
    { strict: true },
  );
  await assert.rejects(policy.put(b('k'), b('v')), (error) => {
    assert.ok(error instanceof PolicyViolation);
    assert.deepEqual([error.code, error.cause, error.applied], ['audit_failed', failure, false]);
    return true;
  });
  assert.equal(await db.get(b('k')), undefined);
  fails = 'done';
  await assert.rejects(policy.put(b('k'), b('v')), { code: 'audit_failed', applied: true, cause: failure });
  assert.equal(String(await db.get(b('k'))), 'v');
  assert.deepEqual(told.filter(([phase]) => phase === 'decided').map(([, sequence]) => sequence), [undefined, undefined]);
});

test('in shadow mode refusals are noted, warned of, and let pass', async () => {
  const policy = engine(undefined, { mode: 'shadow' });
  policy.beforeWrite('k', () => PolicyAction.deny('not yours'));
  const warnings = [];
  const hear = (warning) => void warnings.push(warning.message);
  process.on('warning', hear);
  await policy.put(b('k'), b('v'));
  await tick();
  process.off('warning', hear);
  assert.deepEqual([last(policy).result, last(policy).reason], ['would_deny', 'not yours']);
  assert.ok(warnings.some((message) => /shadow: write of `k` would be denied/.test(message)), String(warnings));
  assert.throws(() => engine(undefined, { mode: 'shado' }), { name: 'ConfigError', message: /`shado` is no mode/ });
});

test('an explanation runs no hook and leaves no entry', () => {
  const policy = engine();
  policy.addRateLimit('write', { maxPerMinute: 5, scope: 'agent_id' });
  policy.beforeWrite('system/*', () => assert.fail('asked'));
  policy.beforeWrite('system/**', denyAll);
  const { hooks, limits, ...told } = policy.explain('write', b('system/x'), { agentId: 'a' });
  assert.deepEqual(told, {
    operation: 'write',
    verdict: 'unknown',
    rule: 'before_write system/*',
    reason: 'it depends on a hook of the program',
    mode: 'enforce',
  });
  assert.deepEqual(
    hooks.map(({ rule, kind, answer }) => [rule, kind, answer]),
    [['before_write system/*', 'host', 'unknown'], ['before_write system/**', 'deny_all', 'deny']],
  );
  assert.deepEqual([limits[0].remaining, limits[0].retryAfterNs], [5, 0n]);
  assert.ok(!('rule' in policy.explain('read', b('k'))));
  assert.equal(policy.getAuditLog().length, 0);
  assert.throws(() => policy.explain('reed', b('k')), UsageError);
  assert.throws(() => policy.explain('read', 'k'), UsageError);
});

test('wrong arguments are refused', () => {
  const policy = engine();
  assert.throws(() => policy.onDenied('x'), UsageError);
  assert.throws(() => policy.addAuditSink({}), UsageError);
  assert.throws(() => policy.addAuditSink(() => {}, { strict: 1 }), ConfigError);
  assert.throws(() => policy.addAuditSink(() => {}, { strit: true }), ConfigError);
  assert.throws(() => engine(undefined, { requireContext: 'agent_id' }), ConfigError);
  assert.throws(() => engine(undefined, { requireContext: ['agent-id'] }), ConfigError);
  assert.throws(() => engine(undefined, { document: {} }), ConfigError);
});
