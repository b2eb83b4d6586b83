/**
 * The driver: performs the steps that an operation asks for, and decides nothing.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { types } from 'node:util';

import { PolicyAction, type Answer } from './action';
import { PolicyContext } from './context';
import { CheckreinError, fromNative, revived, toldToCore, type OperationName } from './errors';
import type { Logger } from './helpers';
import { native, type Flat, type Turn } from './native';
import { copied, scratch, wordsOf } from './scratch';
import { className, described } from './values';

/** A store of the host's: any object with these three functions, sync or async. */
export interface Store {
  put(key: Buffer, value: Buffer): unknown;
  get(key: Buffer): unknown;
  delete(key: Buffer): unknown;
}

/** A hook. It may answer at once or later. */
export type Hook = (ctx: PolicyContext) => Answer | PromiseLike<Answer>;

/** What the driver needs of an engine. */
export interface Host {
  /** Hooks and loggers by the numbers that the core knows them by. */
  readonly callables: Map<number, Hook | Logger>;
  /** The host's store; nothing where the embedded database serves. */
  readonly store: Store | undefined;
}

/** How deep the code that runs is in hooks; the core refuses what is too deep. */
export const nesting = new AsyncLocalStorage<number>();

/** The replies' numbers; `src/reply.rs` has the other side. */
const enum Reply {
  Nothing,
  Allow,
  Log,
  Deny,
  Modify,
  Invalid,
  Foreign,
  Own,
  StoreDone,
  StoreNone,
  StoreValue,
  StoreInvalid,
  StoreForeign,
  StoreOwn,
  Logged,
  LogFailed,
}

/** What an operation is about, as private copies: callers and hooks may change what is theirs. */
export interface Subject {
  readonly operation: OperationName;
  readonly key: Buffer;
  readonly value: Buffer | undefined;
  readonly said: Flat;
}

/** One operation that needs the host: the loop over its steps. */
export class Drive {
  readonly #host: Host;
  readonly #subject: Subject;
  readonly #signal: AbortSignal | undefined;
  /** What the host threw: the core speaks of it by its place here. */
  readonly #thrown: unknown[] = [];
  /** The operation's number; 0 once it has ended. */
  #open: number;
  /** Held while the host is awaited: where its promise is collected, so is this, and the operation ends. */
  #guard: unknown;

  constructor(host: Host, subject: Subject, open: number, signal: AbortSignal | undefined) {
    this.#host = host;
    this.#subject = subject;
    this.#signal = signal;
    this.#open = open;
  }

  /** From the first step to the outcome. */
  run(first: Step): Promise<Buffer | undefined> {
    return this.#signal === undefined ? this.#steps(first) : this.#untilAborted(this.#signal, first);
  }

  /** An abort lets go of the operation at once, and what its hook or store says later is heard by nobody. */
  async #untilAborted(signal: AbortSignal, first: Step): Promise<Buffer | undefined> {
    let abort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => {
        this.#letGo();
        reject(signal.reason);
      };
    });
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([aborted, this.#steps(first)]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async #steps(first: Step): Promise<Buffer | undefined> {
    const signal = this.#signal;
    let turn: Step | Buffer | undefined = first;
    try {
      for (;;) {
        if (turn === undefined || turn instanceof Uint8Array) {
          this.#open = 0;
          return turn;
        }
        let reply: Replied;
        switch (turn[0]) {
          case 0:
            try {
              const [, , number, depth, value] = turn;
              let answer = this.#ask(number, depth, value);
              if (mayBePromise(answer)) answer = await this.#awaiting(answer);
              reply = this.#answered(answer);
            } catch (error) {
              reply = this.#threw(Reply.Own, Reply.Foreign, error);
            }
            break;
          case 1:
            try {
              const [, , what, value] = turn;
              let got = this.#askStore(what, value);
              if (mayBePromise(got)) got = await this.#awaiting(got);
              reply = storeReplied(what, got);
            } catch (error) {
              reply = this.#threw(Reply.StoreOwn, Reply.StoreForeign, error);
            }
            break;
          case 2:
            try {
              const told = this.#tell(turn[2], turn[3]);
              if (mayBePromise(told)) await this.#awaiting(told);
              reply = [Reply.Logged, undefined, 0];
            } catch (error) {
              reply = this.#threw(Reply.LogFailed, Reply.LogFailed, error);
            }
            break;
          case 3:
            turn = settled(await turn[2]);
            if (signal?.aborted) throw signal.reason;
            continue;
          case 4:
            this.#open = 0;
            throw revived(turn[2], turn[3], this.#thrown);
          case 5:
            this.#open = 0;
            throw this.#thrown[turn[2]];
          default:
            throw new CheckreinError('a step that the driver does not know');
        }
        if (signal?.aborted) throw signal.reason;
        turn = this.#resume(reply);
      }
    } finally {
      // It has ended already, unless the driver itself failed or was aborted.
      this.#letGo();
    }
  }

  #resume([kind, payload, place]: Replied): Step | Buffer | undefined {
    let turn: Turn;
    try {
      turn = native.resume(this.#open, kind, payload, place, scratch);
    } catch (error) {
      throw fromNative(error);
    }
    return settled(turn);
  }

  /** The host's promise, for as long as which the operation lives no longer than this. */
  #awaiting(promise: unknown): unknown {
    this.#guard ??= native.guard(this.#open);
    return promise;
  }

  #letGo(): void {
    if (this.#open !== 0) native.abandon(this.#open);
    this.#open = 0;
  }

  #ask(number: number, depth: number, changed: Buffer | undefined): unknown {
    const hook = this.#host.callables.get(number);
    if (typeof hook !== 'function') throw new CheckreinError('a hook that is not known was to be called');
    const { operation, key, value, said } = this.#subject;
    const ctx = PolicyContext.seen(operation, key, changed ?? value, said);
    return nesting.run(depth, hook, ctx);
  }

  #answered(answer: unknown): Replied {
    if (answer === undefined || answer === null) return [Reply.Nothing, undefined, 0];
    if (PolicyAction.is(answer)) {
      const payload = PolicyAction.payload(answer);
      switch (answer.kind) {
        case 'ALLOW':
          return [Reply.Allow, undefined, 0];
        case 'LOG':
          return [Reply.Log, undefined, 0];
        case 'DENY':
          return [Reply.Deny, payload, 0];
        case 'MODIFY':
          if (payload !== undefined) return [Reply.Modify, payload, 0];
          return [Reply.Invalid, '`MODIFY` without a value', 0];
      }
    }
    if (types.isUint8Array(answer)) return [Reply.Modify, answer, 0];
    return [Reply.Invalid, described(answer), 0];
  }

  #askStore(what: 'get' | 'put' | 'delete', value: Buffer | undefined): unknown {
    const { store } = this.#host;
    if (store === undefined) throw new CheckreinError('a store that is not there was to be asked');
    const key = Buffer.from(this.#subject.key);
    return what === 'put' ? store.put(key, value as Buffer) : store[what](key);
  }

  #tell(number: number, message: string): unknown {
    if (number === 0) {
      // Heard by whoever listens, and never an error.
      process.emitWarning(message, { type: 'CheckreinWarning', code: 'CHECKREIN_NO_RULES' });
      return undefined;
    }
    const logger = this.#host.callables.get(number);
    if (logger === undefined || typeof logger === 'function') {
      throw new CheckreinError('a logger that is not known was to be told');
    }
    return logger.info(message);
  }

  /** One of Checkrein's own comes out as the same object, a foreign one as a cause. */
  #threw(own: Reply, foreign: Reply, error: unknown): Replied {
    const place = this.#thrown.push(error) - 1;
    if (own !== foreign && error instanceof CheckreinError) return [own, toldToCore(error), place];
    const name = typeof error === 'object' && error !== null ? className(error) : typeof error;
    return [foreign, name, place];
  }
}

/** A step to be performed. */
export type Step = Extract<Turn, readonly unknown[]>;

/** A step as the native module tells it: as an array, or in the words of the scratch array. */
export function read(turn: number | Step, bytes: Uint8Array, used: number): Step {
  if (typeof turn !== 'number') return turn;
  const [open = 0, hook = 0, depth = 0, told = 0] = wordsOf(bytes);
  return [0, open, hook, depth, told === 0 ? undefined : copied(bytes, used, told - 1)];
}

function settled(turn: Turn): Step | Buffer | undefined {
  if (turn === undefined || turn instanceof Uint8Array) return turn;
  return typeof turn === 'number' && turn >= 0 ? copied(scratch, 0, turn) : read(turn, scratch, 0);
}

type Replied = [kind: Reply, payload: string | Uint8Array | undefined, place: number];

function storeReplied(what: 'get' | 'put' | 'delete', got: unknown): Replied {
  const none = got === undefined || got === null;
  if (what === 'get') {
    if (none) return [Reply.StoreNone, undefined, 0];
    if (types.isUint8Array(got)) return [Reply.StoreValue, got, 0];
  } else if (none || (what === 'delete' && typeof got === 'boolean')) {
    // Many a `delete` tells whether there was something to delete.
    return [Reply.StoreDone, undefined, 0];
  }
  return [Reply.StoreInvalid, described(got), 0];
}

/** What is no promise is not awaited, so that an operation with sync hooks runs in one go. */
function mayBePromise(value: unknown): boolean {
  if (typeof value === 'function') return true;
  return typeof value === 'object' && value !== null && !PolicyAction.is(value) && !types.isUint8Array(value);
}
