/**
 * The host's side of the steps: its hooks, store, loggers, sinks and listeners, called as the core asks for it.
 */

import type { Answer } from './action';
import { auditEntries, type AuditPhase, type SinkEntry } from './audit';
import { PolicyContext } from './context';
import { CheckreinError, type OperationName } from './errors';
import type { Logger } from './helpers';
import type { Flat, StepOf } from './native';
import { Nested } from './nesting';
import { unpack } from './packed';
import { mayBePromise, RECORDED, LOGGED, answered, storeReplied, type By, type Replied } from './replies';

/** A change of an atomic batch, as a store gets it. */
export type StoreChange = readonly ['put', key: Buffer, value: Buffer] | readonly ['delete', key: Buffer];

/** A store of the host's: any object with the first three functions, sync or async. */
export interface Store {
  /** Sets a key to a value. */
  put(key: Buffer, value: Buffer): unknown;
  /** The value of a key; `undefined` or `null` where there is none. */
  get(key: Buffer): unknown;
  /** Removes a key. That there was none is no error. */
  delete(key: Buffer): unknown;
  /**
   * Where the store keeps its keys in order: the pairs `[key, value]` whose keys begin with `prefix` and are greater than
   * `after`, in the order of their bytes, at most `limit`. An empty page ends the scan.
   */
  scan?(prefix: Buffer, after: Buffer | undefined, limit: number): unknown;
  /** Where the store can: all changes in their order, or none. */
  batch?(changes: StoreChange[]): unknown;
}

/** A hook. It may answer at once or later. */
export type Hook = (ctx: PolicyContext) => Answer | PromiseLike<Answer>;

/** Is told of refusals, with the error that the caller gets. What it answers or throws changes nothing. */
export type DeniedListener = (error: CheckreinError) => unknown;

/** Is handed audit entries. A `strict` one is told the phase; what it throws refuses then. */
export type AuditSink = (entry: SinkEntry, phase: AuditPhase | undefined) => unknown;

/** What the core knows by a number. */
export type Callable = Nested | { readonly kind: 'logger'; readonly logger: Logger };

/** What the driver needs of an engine. */
export interface Host {
  /** What the core knows by a number. */
  readonly callables: ReadonlyMap<number, Callable>;
  /** The host's store; nothing where the embedded database serves. */
  readonly store: Store | undefined;
}

/** A key on its way through an operation. */
export interface Keyed {
  readonly operation: OperationName;
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

/** What an operation is about, as private copies: callers and hooks may change what is theirs. */
export interface Subject {
  readonly said: Flat;
  /** One of its keys, by its place; that of a scan comes with the step. */
  about(at: number, key: Buffer | undefined): Keyed;
}

/** What was called, what it said, and how that is heard. */
export interface Said {
  readonly by: By;
  readonly said: unknown;
  readonly heard: (said: unknown) => Replied;
}

/** Who is called by a step, for what it throws. */
export function calledBy(kind: StepOf<0 | 1 | 2 | 7 | 8>[0]): By {
  return ({ 0: 'hook', 1: 'store', 2: 'logger', 7: 'sink', 8: 'listener' } as const)[kind];
}

/** Calls a hook. */
export function ask(host: Host, subject: Subject, [, , number, depth, at, changed, key]: StepOf<0>): Said {
  const hook = nestedOf(host, number, 'hook');
  const about = subject.about(at, key);
  const ctx = PolicyContext.seen(about.operation, about.key, changed ?? about.value, subject.said);
  return { by: 'hook', said: hook.call(depth, ctx), heard: answered };
}

/** Asks the store. */
export function askStore(host: Host, subject: Subject, [, , what, value, key, limit]: StepOf<1>): Said {
  const { store } = host;
  if (store === undefined) throw new CheckreinError('a store that is not there was to be asked');
  const heard = (got: unknown) => storeReplied(what, got);
  const of = () => key ?? Buffer.from(subject.about(0, undefined).key);
  switch (what) {
    case 'put':
      return { by: 'store', said: store.put(of(), value as Buffer), heard };
    case 'scan':
      // One that is gone since the operation started throws, which is a failure of the store.
      return { by: 'store', said: (store as Required<Store>).scan(of(), value, limit), heard };
    case 'batch':
      return { by: 'store', said: (store as Required<Store>).batch(unpack(value as Buffer).map(change)), heard };
    default:
      return { by: 'store', said: store[what](of()), heard };
  }
}

function change([key, value]: [Buffer, Buffer | undefined]): StoreChange {
  return value === undefined ? ['delete', key] : ['put', key, value];
}

/** Tells a logger, or warns. */
export function tell(host: Host, [, , number, message]: StepOf<2>): Said {
  return { by: 'logger', said: told(host, number, message), heard: () => LOGGED };
}

function told(host: Host, number: number | undefined, message: string): unknown {
  if (number === undefined) {
    // Heard by whoever listens, and never an error.
    process.emitWarning(message, { type: 'CheckreinWarning', code: 'CHECKREIN_WARNING' });
    return undefined;
  }
  if (number === 0) return console.info(message);
  const known = host.callables.get(number);
  if (known?.kind !== 'logger') throw new CheckreinError('a logger that is not known was to be told');
  return known.logger.info(message);
}

/** Hands entries to a sink, one after the other. */
export function record(host: Host, [, , number, depth, json, phase]: StepOf<7>): Said {
  const sink = nestedOf(host, number, 'sink');
  const entries = auditEntries(json);
  const hand = (entry: unknown) => sink.call(depth, entry, phase);
  return { by: 'sink', said: handed(entries, 0, hand), heard: () => RECORDED };
}

function handed(entries: readonly unknown[], from: number, hand: (entry: unknown) => unknown): unknown {
  for (let at = from; at < entries.length; at += 1) {
    const said = hand(entries[at]);
    if (mayBePromise(said)) return Promise.resolve(said).then(() => handed(entries, at + 1, hand));
  }
  return undefined;
}

/** Tells a listener of a refusal. */
export function notify(host: Host, [, , number, depth]: StepOf<8>, error: unknown): Said {
  const listener = nestedOf(host, number, 'listener');
  return { by: 'listener', said: listener.call(depth, error), heard: () => LOGGED };
}

function nestedOf(host: Host, number: number, kind: Nested['kind']): Nested {
  const known = host.callables.get(number);
  if (known?.kind === kind) return known as Nested;
  throw new CheckreinError(`a ${kind} that is not known was to be called`);
}
