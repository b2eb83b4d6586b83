/**
 * The policy engine: hooks, limits and audit in front of a store.
 */

import { adapted } from './adapters';
import type { LevelDatabase } from './adapters/level';
import { effective } from './ambient';
import { auditFilter, auditEntries, type AuditEntry, type AuditFilter } from './audit';
import { Callables } from './callables';
import { handleOf, type ManualClock } from './clock';
import type { Context } from './context';
import { Database, databaseHandle } from './database';
import { documentHandle, type PolicyDocument } from './document';
import { ConfigError, crossing, fromNative, UsageError, type OperationName } from './errors';
import { explanation, type Explanation, type Mode } from './explain';
import { attached, AuditFile, detached, type AuditFileOptions } from './files';
import { helperSpec } from './helpers';
import type { AuditSink, DeniedListener, Hook, Store } from './host';
import {
  checkWord,
  limitOptions,
  limitStatuses,
  type LimitedOperation,
  type LimitStatus,
  type RateLimit,
  type ToldLimit,
} from './limits';
import { valuesIn, type BatchOperation } from './many';
import { native, type Handle } from './native';
import { Nested } from './nesting';
import { BATCH, DELETE, GET_MANY, READ, Runner, WRITE, type BatchOptions, type OperationOptions } from './run';
import type { Scan } from './scan';
import { checkBytes, checkOptions, described, flagOption, textOption, wholeNumber } from './values';

/** How an engine is made. */
export interface EngineOptions {
  /** Hooks, limits and audit from a policy document. */
  document?: PolicyDocument;
  /** Names that every context must have: an operation without one of them is refused. */
  requireContext?: readonly string[];
  /** `enforce`, or `shadow`: refusals are noted in the audit and warned of, and let pass. */
  mode?: Mode;
  /** Where the time is read; the machine's clock unless told otherwise. */
  clock?: ManualClock;
  /** The most operations that may be open at once; 10,000 unless told otherwise. */
  maxOpenOperations?: number;
}

/** A registered hook, to be removed again. */
export class HookHandle {
  readonly #engine: PolicyEngine;

  /** @internal */
  constructor(engine: PolicyEngine) {
    this.#engine = engine;
    Object.freeze(this);
  }

  /** Removes the hook; false where it is gone already. Operations that have started still ask it. */
  remove(): boolean {
    return this.#engine.remove(this);
  }
}

/** A registered listener, to be removed again. */
export class ListenerHandle {
  readonly #engine: PolicyEngine;

  /** @internal */
  constructor(engine: PolicyEngine) {
    this.#engine = engine;
    Object.freeze(this);
  }

  /** Removes the listener; false where it is gone already. */
  remove(): boolean {
    return this.#engine.removeListener(this);
  }
}

/** A registered sink, to be removed again. */
export class SinkHandle {
  readonly #engine: PolicyEngine;

  /** @internal */
  constructor(engine: PolicyEngine) {
    this.#engine = engine;
    Object.freeze(this);
  }

  /** Removes the sink; false where it is gone already. */
  remove(): boolean {
    return this.#engine.removeAuditSink(this);
  }
}

/** A callable's place: its id in the core, and its number among the callables, 0 for what the core decides. */
interface Registered<Call> {
  readonly call: Call;
  readonly id: number;
  readonly number: number;
}

/**
 * Stands between a program and its store: every way to the data is judged by the hooks and limits.
 *
 * Hooks are asked in the order of registration, each for the keys that its glob matches.
 */
export class PolicyEngine {
  readonly #engine: Handle<'engine'>;
  readonly #callables = new Callables();
  readonly #run: Runner;
  readonly #hooks = new Map<HookHandle, Registered<Hook>>();
  readonly #listeners = new Map<ListenerHandle, Registered<DeniedListener>>();
  readonly #sinks = new Map<SinkHandle, Registered<AuditSink>>();

  /**
   * An engine over a `Database`, a LevelDB database (`classic-level` and its family), or any object with the functions
   * `put(key, value)`, `get(key)`, `delete(key)`.
   */
  constructor(store: Store, options?: EngineOptions);
  // Apart from the first, so that the parameters of an object's own functions are inferred.
  constructor(store: Database | LevelDatabase | Store, options?: EngineOptions);
  constructor(store: Database | LevelDatabase | Store, options?: EngineOptions) {
    const { document, requireContext, mode, clock, maxOpenOperations } = checkOptions('PolicyEngine', options, [
      'document',
      'requireContext',
      'mode',
      'clock',
      'maxOpenOperations',
    ]);
    const database = store instanceof Database ? databaseHandle(store) : undefined;
    const own = database === undefined ? checkedStore(adapted(store)) : undefined;
    const time = clock === undefined ? undefined : handleOf(clock);
    const limit = wholeNumber('maxOpenOperations', maxOpenOperations);
    const word = textOption('mode', mode);
    const required = namesOf(requireContext);
    const policy = document === undefined ? undefined : documentHandle(document);
    this.#engine = crossing(() => native.newEngine(database, time, limit, word, required, policy));
    this.#run = new Runner(native.engineNumber(this.#engine), { callables: this.#callables.known, store: own });
  }

  /** Asks a hook before keys are read: it may allow, deny or log. */
  beforeRead(keys: string, hook: Hook): HookHandle {
    return this.#add('before_read', keys, hook);
  }

  /** Shows a hook what was read: it may redact (answer with a value) or hide (deny). */
  afterRead(keys: string, hook: Hook): HookHandle {
    return this.#add('after_read', keys, hook);
  }

  /** Asks a hook before keys are written: it may answer anything. */
  beforeWrite(keys: string, hook: Hook): HookHandle {
    return this.#add('before_write', keys, hook);
  }

  /** Tells a hook what was written: it may allow or log. */
  afterWrite(keys: string, hook: Hook): HookHandle {
    return this.#add('after_write', keys, hook);
  }

  /** Asks a hook before keys are deleted: it may allow, deny or log. */
  beforeDelete(keys: string, hook: Hook): HookHandle {
    return this.#add('before_delete', keys, hook);
  }

  /** Tells a hook what was deleted: it may allow or log. */
  afterDelete(keys: string, hook: Hook): HookHandle {
    return this.#add('after_delete', keys, hook);
  }

  /**
   * Removes a hook by its handle, or a function wherever it is registered; false where there is nothing to remove.
   * Operations that have started still ask it.
   */
  remove(hook: HookHandle | Hook): boolean {
    if (hook instanceof HookHandle) return this.#remove(hook);
    if (typeof hook !== 'function') {
      throw new UsageError(`\`remove\` was given ${described(hook)}: give a hook, or the handle of one`);
    }
    const handles = [...this.#hooks].filter(([, registered]) => registered.call === hook);
    return handles.map(([handle]) => this.#remove(handle)).includes(true);
  }

  /**
   * Sets a key to a value, if hooks and limits allow it. Key, value and context are copied before this returns.
   *
   * Rejects with a `PolicyViolation` where it was refused, a `StoreError` where the store failed.
   */
  async put(
    key: Uint8Array,
    value: Uint8Array,
    context?: Context | null,
    options?: OperationOptions,
  ): Promise<void> {
    this.#callables.sweep(this.#engine);
    const running = this.#run.one(WRITE, key, value, context, options);
    if (running !== undefined) await running;
  }

  /** The value of a key as the hooks leave it, or `undefined` where there is none. Rejects as `put`. */
  async get(key: Uint8Array, context?: Context | null, options?: OperationOptions): Promise<Buffer | undefined> {
    this.#callables.sweep(this.#engine);
    return this.#run.one(READ, key, undefined, context, options) as Promise<Buffer | undefined>;
  }

  /** Removes a key, if hooks and limits allow it; that there was none is no error. Rejects as `put`. */
  async delete(key: Uint8Array, context?: Context | null, options?: OperationOptions): Promise<void> {
    this.#callables.sweep(this.#engine);
    const running = this.#run.one(DELETE, key, undefined, context, options);
    if (running !== undefined) await running;
  }

  /**
   * The values of several keys, in the order of the keys: all are judged before the store is asked, and what refuses one
   * refuses the call. `undefined` where there is no value, or a hook hides it. At most 10,000 keys.
   */
  async getMany(
    keys: readonly Uint8Array[],
    context?: Context | null,
    options?: OperationOptions,
  ): Promise<(Buffer | undefined)[]> {
    this.#callables.sweep(this.#engine);
    return valuesIn((await this.#run.many(GET_MANY, keys, context, options)) as Buffer | undefined);
  }

  /**
   * Writes and deletes several keys, all or none: `[['put', key, value], ['delete', key]]`, at most 10,000. All are
   * judged, in their order, before any is done; limits give a token for each or none.
   *
   * A store without an atomic batch is a `UsageError`, unless `{ atomic: false }` says that it may do one after the
   * other.
   */
  async batch(
    operations: readonly BatchOperation[],
    context?: Context | null,
    options?: BatchOptions,
  ): Promise<void> {
    this.#callables.sweep(this.#engine);
    const running = this.#run.many(BATCH, operations, context, options);
    if (running !== undefined) await running;
  }

  /**
   * Walks over the pairs whose keys begin with a prefix, in the order of their bytes: `for await (const [key, value] of
   * policy.scan(prefix))`. Each key takes a `read` token and is judged as by `get`, when it is asked for; what may not be
   * read is left out.
   *
   * A hook that fails, a limit without a token and a store that fails end it with an error, after the pairs already
   * given. One audit entry tells of the whole scan, also where the loop is left early. What is wrong with the arguments is
   * thrown at once.
   */
  scan(prefix: Uint8Array, context?: Context | null, options?: OperationOptions): Scan {
    this.#callables.sweep(this.#engine);
    return this.#run.scan(prefix, context, options);
  }

  /**
   * Lists the hooks and limits that would be asked about an operation, and foresees the verdict. Runs no hook of the
   * program's, spends no token, and leaves no audit entry.
   */
  explain(operation: OperationName, key: Uint8Array, context?: Context | null): Explanation {
    checkBytes('key', key);
    const said = effective(context);
    return explanation(crossing(() => native.explain(this.#engine, checkWord(operation), key, ...said)));
  }

  /**
   * Puts a policy document in the place of the one before, in one step. The program's own hooks and limits stay, and so
   * does the state of limits that did not change.
   */
  async reload(document: PolicyDocument): Promise<void> {
    await crossing(() => native.reloadDocument(this.#engine, documentHandle(document))).catch(raised);
  }

  /**
   * Has a function told of every refusal, with the error that the caller gets, before the caller gets it. A failure of
   * the function is warned of, and changes nothing.
   */
  onDenied(listener: DeniedListener): ListenerHandle {
    checkFunction('the listener of `onDenied`', listener);
    const number = this.#callables.add(new Nested('listener', listener));
    const id = native.addListener(this.#engine, number);
    const handle = new ListenerHandle(this);
    this.#listeners.set(handle, { call: listener, id, number });
    return handle;
  }

  /** Removes a listener; false where it is gone already. */
  removeListener(handle: ListenerHandle): boolean {
    const registered = this.#listeners.get(handle);
    if (registered === undefined || !this.#listeners.delete(handle)) return false;
    const removed = native.removeListener(this.#engine, registered.id);
    this.#callables.leave(1, this.#engine);
    return removed;
  }

  /** Adds a rate limit for `read`, `write`, `delete` or `all`, with buckets of its own. */
  addRateLimit(operation: LimitedOperation, limit: RateLimit): void {
    const options = limitOptions(limit);
    crossing(() => native.addRateLimit(this.#engine, checkWord(operation), options));
  }

  /** How every limit that applies to an operation stands for a context; spends nothing. */
  rateLimitStatus(operation: LimitedOperation, context?: Context | null): LimitStatus[] {
    const said = effective(context);
    const told = crossing(() => native.rateLimitStatus(this.#engine, checkWord(operation), ...said));
    return limitStatuses(JSON.parse(told) as ToldLimit[]);
  }

  /**
   * Turns the audit on, with room for `maxEntries`, 10,000 unless told otherwise. Where it is on with that size
   * already, nothing changes; another size starts anew.
   */
  enableAudit(options?: { maxEntries?: number }): void {
    const { maxEntries } = checkOptions('enableAudit', options, ['maxEntries']);
    const size = wholeNumber('maxEntries', maxEntries);
    crossing(() => native.enableAudit(this.#engine, size));
  }

  /** Turns the audit off, lets its entries go, and removes its sinks. */
  disableAudit(): void {
    crossing(() => native.disableAudit(this.#engine));
    const count = this.#sinks.size;
    this.#sinks.clear();
    this.#callables.leave(count, this.#engine);
  }

  /**
   * Hands every audit entry to a function too, after the operation. Turns the audit on where it is off. A failure of the
   * function is warned of, and changes nothing.
   *
   * A `strict` sink is told of the decision before the store is asked, with the phase `decided`, and of the end with the
   * phase `done`: where it fails, the operation is refused, or its error says that it was applied.
   */
  addAuditSink(sink: AuditSink, options?: { strict?: boolean }): SinkHandle {
    checkFunction('the sink', sink);
    const { strict } = checkOptions('addAuditSink', options, ['strict']);
    const flag = flagOption('strict', strict) ?? false;
    const number = this.#callables.add(new Nested('sink', sink));
    try {
      const id = native.addSink(this.#engine, number, flag);
      const handle = new SinkHandle(this);
      this.#sinks.set(handle, { call: sink, id, number });
      return handle;
    } catch (error) {
      this.#callables.drop(number);
      throw fromNative(error);
    }
  }

  /**
   * Opens a file and writes every audit entry to it too, as JSON lines chained by their hashes. Turns the audit on where it
   * is off. `{pid}` in the path stands for the number of the process; its directory must exist.
   */
  async addAuditFile(path: string | URL, options?: AuditFileOptions): Promise<AuditFile> {
    return attached(this.#engine, path, options);
  }

  /**
   * Removes a sink; false where it is gone already. Operations that have started still tell it. A file is written out
   * first, and not closed.
   */
  removeAuditSink(handle: SinkHandle): boolean;
  removeAuditSink(file: AuditFile): Promise<boolean>;
  removeAuditSink(handle: SinkHandle | AuditFile): boolean | Promise<boolean> {
    if (handle instanceof AuditFile) return detached(this.#engine, handle);
    const registered = this.#sinks.get(handle);
    if (registered === undefined || !this.#sinks.delete(handle)) return false;
    const removed = crossing(() => native.removeSink(this.#engine, registered.id));
    this.#callables.leave(1, this.#engine);
    return removed;
  }

  /** Settles once every entry so far is in the audit's files. */
  async flushAudit(): Promise<void> {
    await crossing(() => native.flushAudit(this.#engine)).catch(raised);
  }

  /** The newest audit entries that a filter lets through, oldest first. A `UsageError` while the audit is off. */
  getAuditLog(filter?: AuditFilter): AuditEntry[] {
    const wanted = auditFilter(filter);
    return auditEntries(crossing(() => native.auditLog(this.#engine, wanted)));
  }

  #add(trigger: string, keys: string, hook: Hook): HookHandle {
    checkFunction(`the hook for \`${trigger}\``, hook);
    if (typeof keys !== 'string') throw new UsageError(`the pattern is ${described(keys)}: give a string`);
    this.#callables.sweep(this.#engine);
    const spec = helperSpec(hook) ?? { action: 'host' };
    let number = 0;
    if (spec.action === 'host') number = this.#callables.add(new Nested('hook', hook));
    else if (spec.action === 'log') number = this.#callables.add({ kind: 'logger', logger: spec.logger });
    const replacement = spec.action === 'redact_value' ? spec.replacement : undefined;
    try {
      const id = native.addHook(this.#engine, trigger, keys, spec.action, number, replacement);
      const handle = new HookHandle(this);
      this.#hooks.set(handle, { call: hook, id, number });
      return handle;
    } catch (error) {
      this.#callables.drop(number);
      throw fromNative(error);
    }
  }

  #remove(handle: HookHandle): boolean {
    const registered = this.#hooks.get(handle);
    if (registered === undefined || !this.#hooks.delete(handle)) return false;
    const removed = crossing(() => native.removeHook(this.#engine, registered.id));
    this.#callables.leave(registered.number === 0 ? 0 : 1, this.#engine);
    return removed;
  }
}

function raised(error: unknown): never {
  throw fromNative(error);
}

function checkFunction(what: string, given: unknown): void {
  if (typeof given !== 'function') throw new UsageError(`${what} is ${described(given)}: give a function`);
}

/** The names that a context must have, in the core's spelling. */
function namesOf(names: unknown): string[] | undefined {
  if (names === undefined) return undefined;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new ConfigError(`\`requireContext\` is ${described(names)}: give an array of names, like ['agent_id']`);
  }
  return names.map((name: string) => ({ agentId: 'agent_id', sessionId: 'session_id' })[name] ?? name);
}

function checkedStore(store: unknown): Store {
  const is = typeof store === 'object' && store !== null;
  const missing = ['put', 'get', 'delete'].filter((name) => !is || typeof Reflect.get(store, name) !== 'function');
  if (missing.length > 0) {
    throw new ConfigError(
      `the store is ${described(store)}, which has no function ${missing.map((name) => `\`${name}\``).join(', ')}: ` +
        'give a Database, or an object with put(key, value), get(key) and delete(key)',
    );
  }
  for (const name of ['scan', 'batch']) {
    const given: unknown = Reflect.get(store as object, name);
    if (given === undefined || given === null || typeof given === 'function') continue;
    throw new ConfigError(`\`${name}\` of the store is ${described(given)}: give a function, or leave it out`);
  }
  return store as Store;
}
