/**
 * The policy engine: hooks, limits and audit in front of a store.
 */

import { adapted } from './adapters';
import type { LevelDatabase } from './adapters/level';
import { auditFilter, auditEntries, type AuditEntry, type AuditFilter } from './audit';
import { handleOf, type ManualClock } from './clock';
import { flattened, type Context } from './context';
import { Database, databaseHandle } from './database';
import { Drive, read, type Hook, type Host, type Store } from './drive';
import { ConfigError, crossing, fromNative, UsageError, type OperationName } from './errors';
import { helperSpec, type Logger } from './helpers';
import { checkWord, limitOptions, limitStatuses, type LimitedOperation, type LimitStatus, type RateLimit } from './limits';
import { native, type Flat, type Handle, type Turn } from './native';
import { depthNow, NestedHook } from './nesting';
import { copied, scratch, WORDS_BYTES } from './scratch';
import { checkBytes, checkOptions, described, lengthOf, wholeNumber } from './values';

/** How an engine is made. */
export interface EngineOptions {
  /** Where the time is read; the machine's clock unless told otherwise. */
  clock?: ManualClock;
  /** The most operations that may be open at once; 10,000 unless told otherwise. */
  maxOpenOperations?: number;
}

/** How one operation is run. */
export interface OperationOptions {
  /**
   * Lets go of the operation when it is aborted: it rejects with the signal's reason. The audit says `abandoned`, and
   * `unknown` once the store was asked.
   */
  signal?: AbortSignal;
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

/** A hook's place: its id in the core, and its number among the callables, 0 for what the core decides. */
interface Registered {
  readonly hook: Hook;
  readonly id: number;
  readonly number: number;
}

const KINDS: readonly OperationName[] = ['read', 'write', 'delete'];
const READ = 0;
const WRITE = 1;
const DELETE = 2;
const ABANDONED = 4;
const DEPTH_SHIFT = 3;

/**
 * Stands between a program and its store: every `put`, `get` and `delete` is judged by the hooks and limits.
 *
 * Hooks are asked in the order of registration, each for the keys that its glob matches.
 */
export class PolicyEngine {
  readonly #engine: Handle<'engine'>;
  readonly #number: number;
  readonly #host: Host;
  readonly #hooks = new Map<HookHandle, Registered>();
  #lastNumber = 0;
  /** How many removed callables an operation may still ask for. */
  #leaving = 0;

  /**
   * An engine over a `Database`, a LevelDB database (`classic-level` and its family), or any object with the functions
   * `put(key, value)`, `get(key)`, `delete(key)`.
   */
  constructor(store: Store, options?: EngineOptions);
  // Apart from the first, so that the parameters of an object's own functions are inferred.
  constructor(store: Database | LevelDatabase | Store, options?: EngineOptions);
  constructor(store: Database | LevelDatabase | Store, options?: EngineOptions) {
    const { clock, maxOpenOperations } = checkOptions('PolicyEngine', options, ['clock', 'maxOpenOperations']);
    const database = store instanceof Database ? databaseHandle(store) : undefined;
    this.#host = { callables: new Map(), store: database === undefined ? checkedStore(adapted(store)) : undefined };
    const limit = wholeNumber('maxOpenOperations', maxOpenOperations);
    this.#engine = crossing(() =>
      native.newEngine(database, clock === undefined ? undefined : handleOf(clock), limit),
    );
    this.#number = native.engineNumber(this.#engine);
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
    const handles = [...this.#hooks].filter(([, registered]) => registered.hook === hook);
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
    const running = this.#run(WRITE, key, value, context, options);
    if (running !== undefined) await running;
  }

  /** The value of a key as the hooks leave it, or `undefined` where there is none. Rejects as `put`. */
  async get(key: Uint8Array, context?: Context | null, options?: OperationOptions): Promise<Buffer | undefined> {
    return this.#run(READ, key, undefined, context, options);
  }

  /** Removes a key, if hooks and limits allow it; that there was none is no error. Rejects as `put`. */
  async delete(key: Uint8Array, context?: Context | null, options?: OperationOptions): Promise<void> {
    const running = this.#run(DELETE, key, undefined, context, options);
    if (running !== undefined) await running;
  }

  /** Adds a rate limit for `read`, `write`, `delete` or `all`, with buckets of its own. */
  addRateLimit(operation: LimitedOperation, limit: RateLimit): void {
    const options = limitOptions(limit);
    crossing(() => native.addRateLimit(this.#engine, checkWord(operation), options));
  }

  /** How every limit that applies to an operation stands for a context; spends nothing. */
  rateLimitStatus(operation: LimitedOperation, context?: Context | null): LimitStatus[] {
    const said = flattened(context);
    return limitStatuses(crossing(() => native.rateLimitStatus(this.#engine, checkWord(operation), ...said)));
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

  /** Turns the audit off and lets its entries go. */
  disableAudit(): void {
    crossing(() => native.disableAudit(this.#engine));
  }

  /** The newest audit entries that a filter lets through, oldest first. A `UsageError` while the audit is off. */
  getAuditLog(filter?: AuditFilter): AuditEntry[] {
    const wanted = auditFilter(filter);
    return auditEntries(crossing(() => native.auditLog(this.#engine, wanted)));
  }

  #add(trigger: string, keys: string, hook: Hook): HookHandle {
    if (typeof hook !== 'function') {
      throw new UsageError(`the hook for \`${trigger}\` is ${described(hook)}: give a function`);
    }
    if (typeof keys !== 'string') throw new UsageError(`the pattern is ${described(keys)}: give a string`);
    if (this.#leaving > 0) this.#sweep();
    const spec = helperSpec(hook) ?? { action: 'host' };
    const { callables } = this.#host;
    let number = 0;
    if (spec.action === 'host' || spec.action === 'log') {
      number = this.#lastNumber += 1;
      // Before the core can ask for it.
      callables.set(number, spec.action === 'log' ? { logger: (spec as { logger: Logger }).logger } : new NestedHook(hook));
    }
    const replacement = spec.action === 'redact_value' ? (spec as { replacement: Buffer }).replacement : undefined;
    try {
      const id = native.addHook(this.#engine, trigger, keys, spec.action, number, replacement);
      const handle = new HookHandle(this);
      this.#hooks.set(handle, { hook, id, number });
      return handle;
    } catch (error) {
      callables.delete(number);
      throw fromNative(error);
    }
  }

  #remove(handle: HookHandle): boolean {
    const registered = this.#hooks.get(handle);
    if (registered === undefined || !this.#hooks.delete(handle)) return false;
    if (registered.number !== 0) this.#leaving += 1;
    const removed = crossing(() => native.removeHook(this.#engine, registered.id));
    this.#sweep();
    return removed;
  }

  /** Forgets the callables that no operation can ask for any more. */
  #sweep(): void {
    for (const number of native.letGo(this.#engine)) {
      // One whose registration failed is not there any more, and never was among those that leave.
      if (this.#host.callables.delete(number)) this.#leaving -= 1;
    }
  }

  /** Starts an operation; where it needs nothing of the host, it is over when this returns. */
  #run(
    kind: number,
    key: Uint8Array,
    value: Uint8Array | undefined,
    context: Context | null | undefined,
    options: OperationOptions | undefined,
  ): Buffer | undefined | Promise<Buffer | undefined> {
    if (this.#leaving > 0) this.#sweep();
    checkBytes('key', key);
    let said: Flat;
    let signal: AbortSignal | undefined;
    try {
      if (kind === WRITE) checkBytes('value', value);
      said = flattened(context);
      signal = options === undefined ? undefined : signalOf(options);
    } catch (error) {
      // What the caller gave cannot be judged: the audit tells of it too.
      native.reject(this.#number, kind, Buffer.from(key), error instanceof Error ? error.message : String(error));
      throw error;
    }
    const keyLength = lengthOf(key);
    const length = value === undefined ? keyLength : keyLength + lengthOf(value);
    const room = WORDS_BYTES + length;
    const bytes = room <= scratch.length ? scratch : new Uint8Array(room);
    // One copy is judged and stored. From here to its reading no code of the host's runs.
    bytes.set(key, WORDS_BYTES);
    if (value !== undefined) bytes.set(value, WORDS_BYTES + keyLength);
    let what = (depthNow() << DEPTH_SHIFT) | kind;
    if (signal?.aborted) what |= ABANDONED;
    let turn: Turn;
    try {
      turn = native.start(this.#number, what, bytes, keyLength, length - keyLength, said[0], said[1], said[2]);
    } catch (error) {
      throw fromNative(error);
    }
    if (signal?.aborted) throw signal.reason;
    if (turn === undefined || turn instanceof Uint8Array) return turn;
    if (typeof turn === 'number' && turn >= 0) return copied(bytes, 0, turn);
    const step = read(turn, bytes, length);
    try {
      const subject = {
        operation: KINDS[kind] as OperationName,
        key: copied(bytes, 0, keyLength),
        value: value === undefined ? undefined : copied(bytes, keyLength, length - keyLength),
        said,
      };
      return new Drive(this.#host, subject, step[1], signal).run(step);
    } catch (error) {
      // It has ended already, unless the driver itself failed.
      native.abandon(step[1]);
      throw error;
    }
  }
}

function signalOf(options: OperationOptions): AbortSignal | undefined {
  const { signal } = checkOptions('an operation', options, ['signal']);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ConfigError(`\`signal\` is ${described(signal)}: give an AbortSignal`);
  }
  return signal;
}

function checkedStore(store: unknown): Store {
  const is = typeof store === 'object' && store !== null;
  const missing = ['put', 'get', 'delete'].filter((name) => !is || typeof Reflect.get(store, name) !== 'function');
  if (missing.length === 0) return store as Store;
  throw new ConfigError(
    `the store is ${described(store)}, which has no function ${missing.map((name) => `\`${name}\``).join(', ')}: ` +
      'give a Database, or an object with put(key, value), get(key) and delete(key)',
  );
}
