// One vector at play: the engine, its store, its hooks and its clock.

import assert from 'node:assert/strict';

import {
  allowAll,
  Database,
  denyAll,
  logAndAllow,
  ManualClock,
  PolicyAction,
  PolicyContext,
  PolicyEngine,
  redactValue,
  requireAgentId,
} from 'checkrein';

import { compareError, entryOf } from './expect.mjs';
import { bytes, escaped, Fields } from './fields.mjs';
import { scriptedHook, ScriptedStore } from './script.mjs';

export const START_NS = 1_700_000_000_000_000_000n;
const METHODS = {
  before_read: 'beforeRead',
  after_read: 'afterRead',
  before_write: 'beforeWrite',
  after_write: 'afterWrite',
  before_delete: 'beforeDelete',
  after_delete: 'afterDelete',
};

export class World {
  #clock = new ManualClock(START_NS);
  #elapsed = 0n;
  #store;
  #scripts = new Map();
  #handles = new Map();
  #steps;
  #audit;
  #faults = [];
  /** The context of the step that is being performed. */
  context = undefined;
  /** Aborts the operation of that step. */
  controller = new AbortController();
  cancelled = new Error('cancelled');

  constructor(fields) {
    const policy = fields.nested('policy');
    const host = fields.nested('host');
    this.#steps = fields.list('steps');
    this.#audit = fields.take('audit');
    fields.end();

    const store = host.take('store') ?? 'memory';
    if (store === 'memory') this.#store = Database.memory();
    else {
      const of = new Fields(store, 'store');
      this.#store = new ScriptedStore(of.take('script'), this);
      of.end();
    }
    const maxOpenOperations = policy.take('max_open_operations');
    this.policy = new PolicyEngine(this.#store, {
      clock: this.#clock,
      ...(maxOpenOperations === undefined ? {} : { maxOpenOperations }),
    });
    for (const hook of policy.list('hooks')) this.#declare(hook);
    for (const limit of policy.list('rate_limits')) {
      this.#expecting(limit.take('error'), () => this.#addRateLimit(limit));
    }
    const audit = policy.take('audit');
    if (audit !== undefined) {
      const options = new Fields(audit, 'audit');
      const maxEntries = options.take('max_entries');
      this.#expecting(options.take('error'), () => this.policy.enableAudit({ maxEntries }));
      options.end();
    }
    policy.end();
    for (const hook of host.list('hooks')) {
      const name = hook.take('name');
      const [on, keys, script] = ['on', 'keys', 'script'].map((each) => hook.take(each));
      this.#scripts.set(name, { on, keys, hook: scriptedHook(script, this) });
      const error = hook.take('error');
      if (!hook.take('spare')) this.#expecting(error, () => this.addHook(name));
      hook.end();
    }
    host.end();
  }

  addHook(name) {
    const { on, keys, hook } = this.#scripts.get(name);
    this.#handles.set(name, this.policy[METHODS[on]](keys, hook));
  }

  removeHook(name) {
    assert.equal(this.policy.remove(this.#handles.get(name)), true, `\`${name}\` was not there`);
    assert.equal(this.#handles.get(name).remove(), false, `\`${name}\` was there twice`);
  }

  /** An operation inside a hook: where it is cancelled, so is the one around it. */
  async nested(operate) {
    const outer = this.controller;
    this.controller = new AbortController();
    try {
      await operate({ signal: this.controller.signal });
    } catch (error) {
      if (error === this.cancelled) outer.abort(error);
      throw error;
    } finally {
      this.controller = outer;
    }
    return PolicyAction.ALLOW;
  }

  #declare(hook) {
    const [on, keys, action, when, replace] = ['on', 'keys', 'action', 'when', 'replace'].map((each) =>
      hook.take(each),
    );
    let ready;
    if (replace !== undefined) ready = redactValue(bytes(replace));
    else if (when !== undefined) {
      assert.deepEqual([when, action], [{ agent_id: 'absent' }, 'deny']);
      ready = requireAgentId;
    } else ready = { deny: denyAll, allow: allowAll, log: logAndAllow({ info() {} }) }[action];
    this.#expecting(hook.take('error'), () => this.policy[METHODS[on]](keys, ready));
    hook.end();
  }

  #addRateLimit(limit) {
    const names = {
      max_per_second: 'maxPerSecond',
      max_per_minute: 'maxPerMinute',
      max_per_hour: 'maxPerHour',
      scope: 'scope',
      burst: 'burst',
      count: 'count',
      max_keys: 'maxKeys',
    };
    const given = Object.entries(names).map(([name, ours]) => [ours, limit.take(name)]);
    const options = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    const operation = limit.take('operation');
    limit.end();
    this.policy.addRateLimit(operation, options);
  }

  #expecting(error, deed) {
    if (error === undefined) return deed();
    let raised;
    try {
      deed();
    } catch (thrown) {
      raised = thrown;
    }
    compareError(error, raised);
  }

  async play() {
    for (const [at, step] of this.#steps.entries()) {
      const what = step.take('do');
      const atNs = step.take('at_ns');
      if (atNs !== undefined) {
        this.#clock.advanceNs(BigInt(atNs) - this.#elapsed);
        this.#elapsed = BigInt(atNs);
      }
      const expect = step.take('expect') ?? { ok: true };
      await this.#check(`step ${at + 1}, ${what}`, expect, () => this.#perform(what, step));
    }
    this.#checkAudit();
  }

  async #check(where, expect, deed) {
    let got;
    try {
      got = await deed();
    } catch (error) {
      if (error === this.cancelled) got = { cancelled: true };
      else if ('error' in expect) return compareError(expect.error, error, where);
      else throw error;
    }
    const want = 'value' in expect ? { value: expect.value === null ? undefined : bytes(expect.value) } : expect;
    assert.deepEqual(got, want, where);
  }

  async #perform(what, step) {
    const key = step.take('key');
    const value = step.take('value');
    this.context = step.take('context');
    const { policy, context } = this;
    this.controller = new AbortController();
    const options = { signal: this.controller.signal };
    switch (what) {
      case 'put':
        step.end();
        await policy.put(bytes(key), bytes(value), context, options);
        return { ok: true };
      case 'get':
        step.end();
        return { value: await policy.get(bytes(key), context, options) };
      case 'delete':
        step.end();
        await policy.delete(bytes(key), context, options);
        return { ok: true };
      case 'stored': {
        step.end();
        const of = this.#store;
        return { value: of instanceof Database ? await of.get(bytes(key)) : of.holds(bytes(key)) };
      }
      case 'status': {
        const operation = step.take('operation');
        step.end();
        const status = policy.rateLimitStatus(operation, context).map((limit) => ({
          operation: limit.operation,
          scope: limit.scope,
          capacity: limit.capacity,
          remaining: limit.remaining,
          retry_after_ns: Number(limit.retryAfterNs),
        }));
        return { status };
      }
      case 'add_rate_limit':
        this.#addRateLimit(step);
        return { ok: true };
      case 'add_hook':
      case 'remove_hook': {
        const name = step.take('name');
        step.end();
        if (what === 'add_hook') this.addHook(name);
        else this.removeHook(name);
        return { ok: true };
      }
      case 'enable_audit': {
        const maxEntries = step.take('max_entries');
        step.end();
        policy.enableAudit({ maxEntries });
        return { ok: true };
      }
      case 'disable_audit':
        step.end();
        policy.disableAudit();
        return { ok: true };
      case 'close':
        step.end();
        await this.#store.close();
        return { ok: true };
      case 'audit': {
        const names = { limit: 'limit', agent_id: 'agentId', session_id: 'sessionId' };
        for (const same of ['operation', 'result', 'keys']) names[same] = same;
        const given = Object.entries(names).map(([name, ours]) => [ours, step.take(name)]);
        const since = step.take('since_ns');
        if (since !== undefined) given.push(['since', START_NS + BigInt(since)]);
        step.end();
        const filter = Object.fromEntries(given.filter(([, wanted]) => wanted !== undefined));
        return { sequences: policy.getAuditLog(filter).map((entry) => entry.sequence) };
      }
      case 'helper': {
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
      }
      default:
        throw new Error(`unknown step \`${what}\``);
    }
  }

  #checkAudit() {
    let entries;
    try {
      entries = this.policy.getAuditLog({ limit: Number.MAX_SAFE_INTEGER });
    } catch (error) {
      assert.match(error.message, /^the audit is off/);
      assert.equal(this.#audit, undefined, 'the audit is off');
      return;
    }
    if (this.#audit !== undefined) assert.deepEqual(entries.map(entryOf), this.#audit);
  }
}
