/**
 * Operations started: arguments checked and copied, one call into the core, and a drive where that is not all.
 */

import { effective } from './ambient';
import type { Context } from './context';
import { Drive, read, type Outcome } from './drive';
import { ConfigError, fromNative, type OperationName } from './errors';
import type { Host, Keyed, Subject } from './host';
import { gather, gatherKeys, keyedIn } from './many';
import { native, type Flat, type Turn } from './native';
import { depthNow } from './nesting';
import { pack, type Packable } from './packed';
import { Scan } from './scan';
import { copied, scratch, WORDS_BYTES } from './scratch';
import { checkBytes, checkOptions, described, flagOption, lengthOf } from './values';

/** How one operation is run. */
export interface OperationOptions {
  /**
   * Lets go of the operation when it is aborted: it rejects with the signal's reason. The audit says `abandoned`, and
   * `unknown` once the store was asked.
   */
  signal?: AbortSignal;
}

/** How a batch is run. */
export interface BatchOptions extends OperationOptions {
  /**
   * All operations are done or none; so it is unless told otherwise. With `false` the store does one after the other,
   * and a failure is a `StoreError` that says how many were done.
   */
  atomic?: boolean;
}

/** The kinds of operations on one key, by their number. */
export const READ = 0;
export const WRITE = 1;
export const DELETE = 2;
const KINDS: readonly OperationName[] = ['read', 'write', 'delete'];
const ABANDONED = 4;
const DEPTH_SHIFT = 3;

/** The kinds of operations on several keys. */
export const GET_MANY = 0;
export const BATCH = 1;
const BATCH_ONE_BY_ONE = 2;
const STORE_CAN = 8;
const DEPTH_SHIFT_MANY = 4;

/** Starts the operations of an engine. */
export class Runner {
  readonly #engine: number;
  readonly #host: Host;

  constructor(engine: number, host: Host) {
    this.#engine = engine;
    this.#host = host;
  }

  /** Starts an operation on one key; where it needs nothing of the host, it is over when this returns. */
  one(
    kind: number,
    key: Uint8Array,
    value: Uint8Array | undefined,
    context: Context | null | undefined,
    options: OperationOptions | undefined,
  ): Outcome | Promise<Outcome> {
    checkBytes('key', key);
    let said: Flat;
    let signal: AbortSignal | undefined;
    try {
      if (kind === WRITE) checkBytes('value', value);
      said = effective(context);
      signal = options === undefined ? undefined : signalOf(options);
    } catch (error) {
      // What the caller gave cannot be judged: the audit tells of it too.
      native.reject(this.#engine, kind, Buffer.from(key), messageOf(error));
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
      turn = native.start(this.#engine, what, bytes, keyLength, length - keyLength, said[0], said[1], said[2]);
    } catch (error) {
      throw fromNative(error);
    }
    if (signal?.aborted) throw signal.reason;
    if (turn === undefined || turn instanceof Uint8Array) return turn;
    if (typeof turn === 'number' && turn >= 0) return copied(bytes, 0, turn);
    const step = read(turn, bytes, length);
    try {
      const keyed = {
        operation: KINDS[kind] as OperationName,
        key: copied(bytes, 0, keyLength),
        value: value === undefined ? undefined : copied(bytes, keyLength, length - keyLength),
      };
      return new Drive(this.#host, { said, about: () => keyed }, step[1], signal).run(step);
    } catch (error) {
      // It has ended already, unless the driver itself failed.
      native.abandon(step[1]);
      throw error;
    }
  }

  /** Starts an operation on several keys. */
  many(
    kind: number,
    given: unknown,
    context: Context | null | undefined,
    options: BatchOptions | undefined,
  ): Outcome | Promise<Outcome> {
    const pairs: Packable[] = [];
    let said: Flat;
    let signal: AbortSignal | undefined;
    let what = kind;
    try {
      if (kind === GET_MANY) gatherKeys(given, pairs);
      else gather(given, pairs);
      said = effective(context);
      signal = options === undefined ? undefined : signalOf(options, kind === GET_MANY ? [] : ['atomic']);
      if (kind === BATCH && flagOption('atomic', options?.atomic) === false) what = BATCH_ONE_BY_ONE;
    } catch (error) {
      native.rejectMany(this.#engine, kind, pack(pairs), messageOf(error));
      throw error;
    }
    const packed = pack(pairs);
    what |= depthNow() << DEPTH_SHIFT_MANY;
    if (typeof this.#host.store?.batch === 'function') what |= STORE_CAN;
    if (signal?.aborted) what |= ABANDONED;
    let turn: Turn;
    try {
      turn = native.startMany(this.#engine, what, packed, said[0], said[1], said[2]);
    } catch (error) {
      throw fromNative(error);
    }
    if (signal?.aborted) throw signal.reason;
    if (turn === undefined || turn instanceof Uint8Array) return turn;
    const step = read(turn as Exclude<Turn, undefined | Buffer>, scratch, 0);
    try {
      const subject = new ManyKeys(said, packed, kind === BATCH);
      return new Drive(this.#host, subject, step[1], signal).run(step);
    } catch (error) {
      native.abandon(step[1]);
      throw error;
    }
  }

  /** Starts a scan. */
  scan(
    prefix: Uint8Array,
    context: Context | null | undefined,
    options: OperationOptions | undefined,
  ): Scan {
    checkBytes('prefix', prefix);
    const of = Buffer.from(prefix);
    let said: Flat;
    let signal: AbortSignal | undefined;
    try {
      said = effective(context);
      signal = options === undefined ? undefined : signalOf(options);
    } catch (error) {
      native.rejectScan(this.#engine, of, messageOf(error));
      throw error;
    }
    let what = depthNow() << DEPTH_SHIFT_MANY;
    if (typeof this.#host.store?.scan === 'function') what |= STORE_CAN;
    if (signal?.aborted) what |= ABANDONED;
    let open: number;
    try {
      open = native.startScan(this.#engine, what, of, said[0], said[1], said[2]);
    } catch (error) {
      throw fromNative(error);
    }
    if (signal?.aborted) return new Scan(undefined, signal);
    const subject: Subject = {
      said,
      about: (_, key) => ({ operation: 'read', key: key ?? of, value: undefined }),
    };
    return new Scan(new Drive(this.#host, subject, open, signal).guarded(), signal);
  }
}

/** The keys of a batch or `getMany`, taken apart when a hook is asked first. */
class ManyKeys implements Subject {
  readonly said: Flat;
  readonly #packed: Buffer;
  readonly #isBatch: boolean;
  #keys: Keyed[] | undefined;

  constructor(said: Flat, packed: Buffer, isBatch: boolean) {
    this.said = said;
    this.#packed = packed;
    this.#isBatch = isBatch;
  }

  about(at: number): Keyed {
    this.#keys ??= keyedIn(this.#packed, this.#isBatch);
    return this.#keys[at] as Keyed;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function signalOf(options: BatchOptions, more: readonly 'atomic'[] = []): AbortSignal | undefined {
  const { signal } = checkOptions('an operation', options, ['signal', ...more]);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ConfigError(`\`signal\` is ${described(signal)}: give an AbortSignal`);
  }
  return signal;
}
