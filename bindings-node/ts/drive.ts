/**
 * The driver: performs the steps that an operation asks for, and decides nothing.
 */

import type { Answer } from './action';
import { PolicyContext } from './context';
import { CheckreinError, fromNative, revived, type OperationName } from './errors';
import type { Logger } from './helpers';
import { native, type Flat, type Turn } from './native';
import { NestedHook } from './nesting';
import { answered, LOGGED, mayBePromise, storeReplied, threw, type Replied } from './replies';
import { copied, scratch, wordsOf } from './scratch';

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
  readonly callables: Map<number, NestedHook | { readonly logger: Logger }>;
  /** The host's store; nothing where the embedded database serves. */
  readonly store: Store | undefined;
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

  /** From the first step to the outcome. Where nothing has to be awaited, it is there when this returns. */
  run(first: Step): Buffer | undefined | Promise<Buffer | undefined> {
    let reached: Buffer | undefined | Awaited;
    try {
      reached = this.#advance(first);
    } catch (error) {
      this.#letGo();
      throw error;
    }
    if (!(reached instanceof Awaited)) return reached;
    return this.#signal === undefined ? this.#await(reached) : this.#untilAborted(this.#signal, reached);
  }

  /** An abort lets go of the operation at once, and what its hook or store says later is heard by nobody. */
  async #untilAborted(signal: AbortSignal, pending: Awaited): Promise<Buffer | undefined> {
    let abort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => {
        this.#letGo();
        reject(signal.reason);
      };
    });
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([aborted, this.#await(pending)]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Awaits what is pending, and goes on from there. */
  async #await(pending: Awaited): Promise<Buffer | undefined> {
    let reached: Buffer | undefined | Awaited = pending;
    try {
      while (reached instanceof Awaited) {
        const { promise, by, heard }: Awaited = reached;
        let step: Step | Buffer | undefined;
        if (by === 'disk') {
          step = settled((await promise) as Turn);
        } else {
          // Where the host's promise is collected, so is this, and the operation ends.
          this.#guard ??= native.guard(this.#open);
          let reply: Replied;
          try {
            reply = heard(await promise);
          } catch (error) {
            reply = this.#threw(by, error);
          }
          step = this.#resume(reply);
        }
        reached = this.#advance(step);
      }
      return reached;
    } finally {
      // It has ended already, unless the driver itself failed or was aborted.
      this.#letGo();
    }
  }

  /** Performs steps until the outcome, or until something has to be awaited. */
  #advance(first: Step | Buffer | undefined): Buffer | undefined | Awaited {
    let turn = first;
    for (;;) {
      if (turn === undefined || turn instanceof Uint8Array) {
        this.#open = 0;
        return turn;
      }
      if (turn[0] === 3) return new Awaited('disk', turn[2], answered);
      if (turn[0] > 3) this.#open = 0;
      if (turn[0] === 4) throw revived(turn[2], turn[3], this.#thrown);
      if (turn[0] === 5) throw this.#thrown[turn[2]];
      let by: 'hook' | 'store' | 'logger' = 'hook';
      let said: unknown;
      let heard: (said: unknown) => Replied = answered;
      try {
        switch (turn[0]) {
          case 0:
            said = this.#ask(turn[2], turn[3], turn[4]);
            break;
          case 1: {
            const what = turn[2];
            by = 'store';
            heard = (got) => storeReplied(what, got);
            said = this.#askStore(what, turn[3]);
            break;
          }
          case 2:
            by = 'logger';
            heard = () => LOGGED;
            said = this.#tell(turn[2], turn[3]);
            break;
          default:
            throw new CheckreinError('a step that the driver does not know');
        }
      } catch (error) {
        turn = this.#resume(this.#threw(by, error));
        continue;
      }
      if (mayBePromise(said)) return new Awaited(by, said, heard);
      turn = this.#resume(heard(said));
    }
  }
  #resume([kind, payload, place]: Replied): Step | Buffer | undefined {
    // A hook may have aborted its own operation.
    if (this.#signal?.aborted) throw this.#signal.reason;
    let turn: Turn;
    try {
      turn = native.resume(this.#open, kind, payload, place, scratch);
    } catch (error) {
      throw fromNative(error);
    }
    return settled(turn);
  }

  #letGo(): void {
    if (this.#open !== 0) native.abandon(this.#open);
    this.#open = 0;
  }

  #ask(number: number, depth: number, changed: Buffer | undefined): unknown {
    const hook = this.#host.callables.get(number);
    if (!(hook instanceof NestedHook)) throw new CheckreinError('a hook that is not known was to be called');
    const { operation, key, value, said } = this.#subject;
    const ctx = PolicyContext.seen(operation, key, changed ?? value, said);
    return hook.call(depth, ctx);
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
    const known = this.#host.callables.get(number);
    if (known === undefined || known instanceof NestedHook) {
      throw new CheckreinError('a logger that is not known was to be told');
    }
    return known.logger.info(message);
  }

  #threw(by: 'hook' | 'store' | 'logger', error: unknown): Replied {
    return threw(by, error, this.#thrown.push(error) - 1);
  }
}

/** What has to be awaited, and how it is heard. */
class Awaited {
  constructor(
    readonly by: 'hook' | 'store' | 'logger' | 'disk',
    readonly promise: unknown,
    readonly heard: (said: unknown) => Replied,
  ) {}
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
