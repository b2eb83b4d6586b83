// One vector at play: the engine, its store, its hooks and its clock.

import assert from 'node:assert/strict';

import {
  allowAll,
  Database,
  denyAll,
  logAndAllow,
  ManualClock,
  parseDocument,
  PolicyAction,
  PolicyEngine,
  redactValue,
  requireAgentId,
} from 'checkrein';

import { Ears } from './ears.mjs';
import { compareError, entriesOf } from './expect.mjs';
import { bytes, Fields } from './fields.mjs';
import { scriptedHook } from './script.mjs';
import { check, perform } from './steps.mjs';
import { storeOf } from './store.mjs';

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
  #scripts = new Map();
  #handles = new Map();
  #steps;
  #told;
  #audit;
  /** The engine; nothing where making it had to fail. */
  policy;
  /** The engine's store. */
  store;
  /** Listeners and sinks. */
  ears;
  /** The context of the step that is being performed. */
  context = undefined;
  /** Aborts the operation of that step. */
  controller = new AbortController();
  cancelled = new Error('cancelled');

  constructor(fields) {
    const policy = fields.nested('policy');
    const host = fields.nested('host');
    const document = fields.take('document');
    this.#steps = fields.list('steps');
    this.#told = [fields.take('denied'), fields.take('sunk')];
    this.#audit = fields.take('audit');
    fields.end();

    this.store = storeOf(host.take('store') ?? 'memory', this, () => Database.memory());
    const names = { max_open_operations: 'maxOpenOperations', require_context: 'requireContext', mode: 'mode' };
    const given = Object.entries(names).map(([name, ours]) => [ours, policy.take(name)]);
    const options = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    const fault = policy.take('options_error');
    this.#expecting(fault, () => {
      if (document !== undefined) options.document = documentOf(document);
      this.policy = new PolicyEngine(this.store, { clock: this.#clock, ...options });
    });
    if (fault !== undefined) {
      assert.deepEqual(this.#steps, []);
      return;
    }
    for (const hook of policy.list('hooks')) this.#declare(hook);
    for (const limit of policy.list('rate_limits')) {
      this.#expecting(limit.take('error'), () => this.addRateLimit(limit));
    }
    const audit = policy.take('audit');
    if (audit !== undefined) {
      const of = new Fields(audit, 'audit');
      const maxEntries = of.take('max_entries');
      this.#expecting(of.take('error'), () => this.policy.enableAudit({ maxEntries }));
      of.end();
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
    this.ears = new Ears(host, this.policy);
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

  addRateLimit(limit) {
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
      await check(this, `step ${at + 1}, ${what}`, expect, () => perform(this, what, step));
    }
    if (this.policy === undefined) return;
    this.ears.check(...this.#told);
    this.#checkAudit();
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
    if (this.#audit !== undefined) assert.deepEqual(entriesOf(entries, this.#audit), this.#audit);
  }
}

/** A policy document that a vector gives as JSON. */
export function documentOf(document) {
  return parseDocument(JSON.stringify(document), 'json', 'policy.json');
}
