// The steps of a vector, through the public API, and what is expected of them.

import assert from 'node:assert/strict';

import {
  allowAll,
  Database,
  denyAll,
  parseDocument,
  PolicyContext,
  redactValue,
  requireAgentId,
} from 'checkrein';

import { compareError } from './expect.mjs';
import { bytes, escaped, keys, operations, pairs } from './fields.mjs';
import { documentOf, START_NS } from './world.mjs';

/** Does a step and compares what it gave. */
export async function check(world, where, expect, deed) {
  let got;
  try {
    got = await deed();
  } catch (error) {
    got = failed(world, error);
  }
  const { error, ...want } = { ...expect };
  if (error !== undefined) {
    assert.ok('failure' in got, `${where}: no error`);
    compareError(error, got.failure, where);
    delete got.failure;
  } else if ('failure' in got) throw got.failure;
  if ('value' in want) want.value = want.value === null ? undefined : bytes(want.value);
  if ('values' in want) want.values = want.values.map((value) => (value === null ? undefined : bytes(value)));
  if ('pairs' in want) want.pairs = pairs(want.pairs);
  if ('explain' in want) {
    // The fields that are given are compared.
    got.explain = Object.fromEntries(Object.keys(want.explain).map((name) => [name, got.explain[name]]));
  }
  assert.deepEqual(got, want, where);
}

/** How a failure is told: the abort that was asked for, or an error. */
function failed(world, error) {
  return error === world.cancelled ? { cancelled: true } : { failure: error };
}

/** A field that is given; the others are left out of options. */
function given(names, step) {
  const all = Object.entries(names).map(([name, ours]) => [ours, step.take(name)]);
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

const STEPS = {
  async put({ policy, context }, step, options) {
    const [key, value] = [bytes(step.take('key')), bytes(step.take('value'))];
    step.end();
    await policy.put(key, value, context, options);
    return { ok: true };
  },

  async get({ policy, context }, step, options) {
    const key = bytes(step.take('key'));
    step.end();
    return { value: await policy.get(key, context, options) };
  },

  async delete({ policy, context }, step, options) {
    const key = bytes(step.take('key'));
    step.end();
    await policy.delete(key, context, options);
    return { ok: true };
  },

  async get_many({ policy, context }, step, options) {
    const wanted = keys(step.take('keys'));
    step.end();
    return { values: await policy.getMany(wanted, context, options) };
  },

  async batch({ policy, context }, step, options) {
    const ops = operations(step.take('ops'));
    const atomic = step.take('atomic');
    step.end();
    await policy.batch(ops, context, atomic === undefined ? options : { ...options, atomic });
    return { ok: true };
  },

  async scan(world, step, options) {
    const prefix = bytes(step.take('prefix'));
    const take = step.take('take') ?? Infinity;
    step.end();
    const got = { pairs: [] };
    try {
      const scan = world.policy.scan(prefix, world.context, options);
      while (got.pairs.length < take) {
        const { done, value } = await scan.next();
        if (done) break;
        got.pairs.push(value);
      }
      await scan.return();
      assert.deepEqual(await scan.next(), { done: true, value: undefined });
    } catch (error) {
      Object.assign(got, failed(world, error));
    }
    return got;
  },

  explain({ policy, context }, step) {
    const operation = step.take('operation');
    const key = bytes(step.take('key'));
    step.end();
    const told = policy.explain(operation, key, context);
    const hooks = told.hooks.map(({ rule, kind, mode, answer }) => [rule, kind, mode, answer]);
    const { verdict, mode, rule = null, reason = null } = told;
    return { explain: { verdict, rule, reason, mode, hooks, limits: told.limits.map(shownLimit) } };
  },

  parse(world, step) {
    const [document, format] = [step.take('document'), step.take('format')];
    step.end();
    parseDocument(document, format, `policy.${format}`);
    return { ok: true };
  },

  async reload({ policy }, step) {
    const document = step.take('document');
    step.end();
    await policy.reload(documentOf(document));
    return { ok: true };
  },

  async fill({ store }, step) {
    const all = pairs(step.take('pairs'));
    step.end();
    if (store instanceof Database) await store.batch(all.map(([key, value]) => ['put', key, value]));
    else store.fill(all);
    return { ok: true };
  },

  async stored({ store }, step) {
    const key = bytes(step.take('key'));
    step.end();
    return { value: store instanceof Database ? await store.get(key) : store.holds(key) };
  },

  status({ policy, context }, step) {
    const operation = step.take('operation');
    step.end();
    return { status: policy.rateLimitStatus(operation, context).map(shownLimit) };
  },

  add_rate_limit(world, step) {
    world.addRateLimit(step);
    return { ok: true };
  },

  ...named('add_hook', (world, name) => world.addHook(name)),
  ...named('remove_hook', (world, name) => world.removeHook(name)),
  ...named('remove_listener', (world, name) => world.ears.removeListener(name)),
  ...named('add_sink', (world, name) => world.ears.addSink(name)),
  ...named('remove_sink', (world, name) => world.ears.removeSink(name)),

  enable_audit({ policy }, step) {
    const maxEntries = step.take('max_entries');
    step.end();
    policy.enableAudit({ maxEntries });
    return { ok: true };
  },

  disable_audit({ policy }, step) {
    step.end();
    policy.disableAudit();
    return { ok: true };
  },

  async close({ store }, step) {
    step.end();
    await store.close();
    return { ok: true };
  },

  audit({ policy }, step) {
    const names = { limit: 'limit', agent_id: 'agentId', session_id: 'sessionId' };
    for (const same of ['operation', 'result', 'keys']) names[same] = same;
    const filter = given(names, step);
    const since = step.take('since_ns');
    if (since !== undefined) filter.since = START_NS + BigInt(since);
    step.end();
    return { sequences: policy.getAuditLog(filter).map((entry) => entry.sequence) };
  },

  helper({ context }, step) {
    const replacement = step.take('replacement');
    const helper = {
      deny_all: denyAll,
      allow_all: allowAll,
      require_agent_id: requireAgentId,
      redact_value: replacement === undefined ? undefined : redactValue(bytes(replacement)),
    }[step.take('helper')];
    step.end();
    const answer = helper(new PolicyContext('write', Buffer.from('k'), Buffer.from('v'), context));
    const kind = answer.kind.toLowerCase();
    const payload = answer.reason ?? (answer.value && escaped(answer.value));
    return { answer: payload === undefined ? kind : `${kind}:${payload}` };
  },
};

/** A step that needs a name only. */
function named(what, deed) {
  const step = (world, fields) => {
    const name = fields.take('name');
    fields.end();
    deed(world, name);
    return { ok: true };
  };
  return { [what]: step };
}

function shownLimit({ operation, scope, capacity, remaining, retryAfterNs }) {
  return { operation, scope, capacity, remaining, retry_after_ns: Number(retryAfterNs) };
}

/** Performs a step. */
export async function perform(world, what, step) {
  const deed = STEPS[what];
  assert.ok(deed !== undefined, `unknown step \`${what}\``);
  world.context = step.take('context');
  world.controller = new AbortController();
  return deed(world, step, { signal: world.controller.signal });
}
