// The error family: classes, codes, one copy for ESM and CommonJS, and panics.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import * as esm from 'checkrein';
import * as esmPolicy from 'checkrein/policy';

import { b, engine, native } from './support.mjs';

const require = createRequire(import.meta.url);
const { crossing, revived, toldToCore } = require('../dist/errors.js');

test('every code of the core has its class here', () => {
  const codes = native.codes();
  assert.equal(codes.length % 3, 0);
  assert.ok(codes.length >= 45);
  for (let at = 0; at < codes.length; at += 3) {
    const [word, number, class_] = codes.slice(at, at + 3);
    assert.equal(typeof number, 'number');
    const fields = { code: word, message: 'm' };
    if (class_ === 'PolicyViolation' || class_ === 'RateLimitExceeded') fields.reason = 'r';
    if (class_ === 'RateLimitExceeded') Object.assign(fields, { limit: 'l', scope: 'global', retryAfterNs: '1' });
    if (class_ === 'PatternError') Object.assign(fields, { pattern: 'p', position: 1 });
    const error = revived(JSON.stringify(fields));
    assert.equal(error.constructor, esm[class_], word);
    assert.equal(error.code, word);
    assert.equal(error.name, class_);
    assert.ok(error instanceof esm.CheckreinError && error instanceof Error);
    assert.equal(JSON.parse(toldToCore(error)).code, word);
  }
});

test('the family', () => {
  const violation = new esm.PolicyViolation('reason');
  assert.deepEqual(
    [violation.message, violation.reason, violation.code, violation.applied, violation.rule, violation.key],
    ['reason', 'reason', 'denied', false, undefined, undefined],
  );
  assert.ok(!('cause' in violation));
  assert.ok(new esm.RateLimitExceeded('slow') instanceof esm.PolicyViolation);
  assert.match(String(violation), /^PolicyViolation: reason$/);
  assert.ok(!Object.keys(violation).includes('name'));
});

test('there is one copy of every class', () => {
  const cjs = require('checkrein');
  const cjsPolicy = require('checkrein/policy');
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort());
  for (const name of Object.keys(cjs)) assert.equal(esm[name], cjs[name], name);
  for (const name of Object.keys(cjsPolicy)) {
    assert.equal(esmPolicy[name], cjsPolicy[name]);
    assert.equal(esmPolicy[name], esm[name]);
  }
});

test('a rate limit tells how long to wait', async () => {
  const clock = new esm.ManualClock(new Date('2023-11-14T22:13:20Z'));
  const policy = engine(esm.Database.memory(), { clock });
  policy.addRateLimit('write', { maxPerMinute: 7, burst: 1, scope: 'agent_id', count: 'operations', maxKeys: 10 });
  const context = { agentId: 'a' };
  await policy.put(b('k'), b('v'), context);
  await assert.rejects(policy.put(b('k'), b('v'), context), (error) => {
    assert.ok(error instanceof esm.RateLimitExceeded);
    assert.equal(error.retryAfterNs, 8_571_428_572n);
    assert.equal(error.retryAfter, 8.571428572);
    assert.deepEqual([error.scope, error.rule, error.code], ['agent_id', error.limit, 'rate_limited']);
    return true;
  });
  const [status] = policy.rateLimitStatus('write', context);
  assert.deepEqual(
    { ...status, limit: '' },
    {
      limit: '',
      operation: 'write',
      scope: 'agent_id',
      count: 'operations',
      capacity: 1,
      remaining: 0,
      retryAfterNs: 8_571_428_572n,
      retryAfter: 8.571428572,
      fullAfterNs: 8_571_428_572n,
      overflow: false,
    },
  );
  clock.advance(8.571428572);
  await policy.put(b('k'), b('v'), context);
});

test('the audit gives plain objects, and takes times of all kinds', async () => {
  const clock = new esm.ManualClock(1_700_000_000_000_000_000n);
  const policy = engine(esm.Database.memory(), { clock });
  await policy.put(b('a'), b('v'), { agent_id: 'x', session_id: 's' });
  clock.advanceNs(1_000);
  await policy.get(b('b'));
  const [first, second] = policy.getAuditLog();
  assert.equal(Object.getPrototypeOf(first), Object.prototype);
  assert.match(first.operation_id, /^[0-9a-f]{32}$/);
  assert.deepEqual(
    { ...first, operation_id: '' },
    {
      sequence: 1,
      timestamp: '2023-11-14T22:13:20.000000Z',
      timestamp_ns: 1_700_000_000_000_000_000n,
      operation_id: '',
      surface: 'data',
      operation: 'write',
      key: 'a',
      result: 'allowed',
      agent_id: 'x',
      session_id: 's',
      logged: false,
      applied: true,
    },
  );
  assert.ok(!('agent_id' in second));
  for (const since of [second.timestamp, second.timestamp_ns, '2023-11-14T23:13:20.000001+01:00']) {
    assert.deepEqual(policy.getAuditLog({ since }).map((entry) => entry.sequence), [2], String(since));
  }
  assert.equal(policy.getAuditLog({ since: new Date(0) }).length, 2);
  assert.equal(policy.getAuditLog({ since: -5n, keys: 'a', operation: 'write', agentId: 'x' }).length, 1);
  for (const since of ['yesterday', '2023-11-14T22:13:20', new Date(NaN), 5]) {
    assert.throws(() => policy.getAuditLog({ since }), esm.UsageError);
  }
  assert.throws(() => policy.getAuditLog({ result: 'deny' }), esm.UsageError);
  assert.throws(() => policy.getAuditLog({ keys: 'a**' }), esm.PatternError);
  policy.disableAudit();
  assert.throws(() => policy.getAuditLog(), { code: 'usage' });
});

test('a panic becomes an error with the code internal', () => {
  assert.throws(
    () => crossing(() => native.fault()),
    (error) => error.constructor === esm.CheckreinError && error.code === 'internal',
  );
});

test('misuse of the native module is an error, never a crash', () => {
  const open = native.newEngine(native.memoryDatabase());
  const number = native.engineNumber(open);
  const scratch = new Uint8Array(64);
  for (const call of [
    () => native.start(0, 1, scratch, 1, 1),
    () => native.start(number, 3, scratch, 1, 1),
    () => native.start(number, 1, scratch, 4_000_000_000, 4_000_000_000),
    () => native.start(number, 1, 'text', 1, 1),
    () => native.start(),
    () => native.resume(number, 99, undefined, 0, scratch),
    () => native.newEngine(open),
    () => native.letGo({}),
    () => native.addHook(open, 'sometimes', 'k', 'host', 1),
    () => native.addHook(open, 'before_read', 'k', 'unknown', 1),
  ]) {
    assert.throws(call);
  }
  assert.deepEqual(native.resume(12345, 0, undefined, 0, scratch)[0], 4);
  native.abandon(12345);
});
