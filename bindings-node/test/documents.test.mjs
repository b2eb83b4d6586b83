// Policy documents, through the public calls.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { ConfigError, Database, load, parseDocument, PolicyDocument, PolicyEngine, UsageError, verifyAudit } from 'checkrein';

import { b, directory, engine } from './support.mjs';

const YAML = `version: 1
name: production
hooks:
  - {on: before_write, keys: "system/**", when: {agent_id: present}, action: deny, reason: "not for agents"}
  - {on: after_read, keys: "users/*/email", replace: "[REDACTED]"}
rate_limits:
  - {operation: delete, max_per_minute: 1, scope: agent_id}
audit: {max_entries: 50}
`;

test('an engine is made with a document from a file, in every format', async (t) => {
  const folder = directory(t);
  const json = { version: 1, name: 'production', hooks: [{ on: 'before_write', keys: 'system/**', action: 'deny' }] };
  const files = {
    'policy.yaml': YAML,
    'policy.json': JSON.stringify(json),
    'policy.toml': 'version = 1\nname = "production"\n[[hooks]]\non = "before_write"\nkeys = "system/**"\naction = "deny"\n',
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    writeFileSync(path, text);
    const document = await load(name === 'policy.json' ? pathToFileURL(path) : path);
    assert.ok(document instanceof PolicyDocument);
    assert.equal(document.name, 'production');
    const policy = new PolicyEngine(Database.memory(), { document });
    await policy.put(b('users/1'), b('v'), { agent_id: 'a' });
    await assert.rejects(policy.put(b('system/x'), b('v'), { agent_id: 'a' }), { code: 'denied' });
  }
});

test('hooks, limits and audit of a document; those of the program beside them', async () => {
  const policy = new PolicyEngine(Database.memory(), { document: parseDocument(YAML, 'yaml', 'policy.yaml') });
  let asked = 0;
  policy.beforeWrite('users/**', () => void (asked += 1));
  await policy.put(b('users/1/email'), b('a@example.org'), { agent_id: 'a' });
  assert.equal(String(await policy.get(b('users/1/email'))), '[REDACTED]');
  assert.equal(asked, 1);
  await assert.rejects(policy.put(b('system/x'), b('v'), { agent_id: 'a' }), { reason: 'not for agents' });
  await policy.put(b('system/x'), b('v'));
  await policy.delete(b('k'), { agent_id: 'a' });
  await assert.rejects(policy.delete(b('k'), { agent_id: 'a' }), { code: 'rate_limited' });
  assert.equal(policy.getAuditLog().length, 6);

  const shorter = { version: 1, rate_limits: [{ operation: 'delete', max_per_minute: 1, scope: 'agent_id' }] };
  await policy.reload(parseDocument(JSON.stringify(shorter), 'json'));
  await policy.put(b('system/x'), b('v'), { agent_id: 'a' });
  await policy.put(b('users/2'), b('v'));
  assert.equal(asked, 2);
  // The limit did not change, so its bucket is as empty as before.
  await assert.rejects(policy.delete(b('k'), { agent_id: 'a' }), { code: 'rate_limited' });
});

test('a reload under load: an operation sees all of the old one or all of the new one', async () => {
  const of = (value) =>
    parseDocument(
      JSON.stringify({
        version: 1,
        hooks: ['before_write', 'after_read'].map((on) => ({ on, keys: '**', replace: value })),
      }),
      'json',
    );
  const documents = [of('one'), of('two')];
  const policy = new PolicyEngine(Database.memory(), { document: documents[0] });
  let busy = true;
  const load_ = (async () => {
    for (let n = 0; busy; n += 1) {
      await policy.put(b('k'), b('v'));
      const value = String(await policy.get(b('k')));
      assert.ok(value === 'one' || value === 'two', value);
      if (n % 10 === 0) await new Promise((next) => setImmediate(next));
    }
  })();
  for (let n = 0; n < 50; n += 1) await policy.reload(documents[n % 2]);
  busy = false;
  await load_;
});

test('what is wrong is told with file, line and column', async (t) => {
  const path = join(directory(t), 'policy.yaml');
  writeFileSync(path, 'version: 1\nhooks:\n  - {on: before_write, keys: "a**", action: deny}\n  - {on: before_wite, keys: a}\n');
  await assert.rejects(load(path), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /policy\.yaml:3:32: .*\n {2}3 \| {3}- \{on: before_write/);
    assert.match(error.message, /policy\.yaml:4:10: /);
    return true;
  });
  assert.throws(() => parseDocument('version: 2', 'yaml'), { name: 'ConfigError', message: /^document:1:10: / });
  assert.throws(() => parseDocument('{}', 'xml'), { name: 'ConfigError', message: /`xml` is no format/ });
  assert.throws(() => parseDocument({}, 'json'), UsageError);
  assert.throws(() => parseDocument('{}', 5), UsageError);
  assert.throws(() => parseDocument(Buffer.from([0xff]), 'json'), /not UTF-8/);
  await assert.rejects(load(join(path, 'none.yaml')), /cannot be read/);
  await assert.rejects(load('policy.txt'), /none of the endings/);
  await assert.rejects(load(5), ConfigError);
  assert.throws(() => new PolicyDocument(), UsageError);
  await assert.rejects(engine().reload({}), ConfigError);
  const nothing = parseDocument('version: 1\n', 'yaml');
  assert.throws(() => engine(undefined, { document: nothing }), /nothing for a policy engine/);
  await assert.rejects(engine().reload(nothing), /nothing for a policy engine/);
});

test("a document's audit file is opened with the engine", async (t) => {
  const path = join(directory(t), 'audit.jsonl');
  const document = parseDocument(
    JSON.stringify({ version: 1, audit: { file: { path } }, hooks: [{ on: 'before_write', keys: 'x', action: 'deny' }] }),
    'json',
  );
  const policy = new PolicyEngine(Database.memory(), { document });
  await policy.put(b('k'), b('v'));
  await policy.flushAudit();
  const report = await verifyAudit(path);
  assert.deepEqual([report.ok, report.lines - report.events], [true, 1]);
});
