/**
 * The driver: performs the steps that an operation asks for, and decides nothing.
 */

import { CheckreinError, fromNative, revived } from './errors';
import { ask, askStore, calledBy, notify, record, tell, type Host, type Said, type Subject } from './host';
import { native, type Step, type StepOf, type Turn } from './native';
import { answered, mayBePromise, threw, type By, type Replied } from './replies';
import { copied, scratch, wordsOf } from './scratch';

/** A pair of a scan. */
export type Pair = [key: Buffer, value: Buffer];

/** What an operation gives: a value, a pair of a scan, or nothing. */
export type Outcome = Buffer | Pair | undefined;

/** One operation that needs the host: the loop over its steps. */
export class Drive {
  readonly #host: Host;
  readonly #subject: Subject;
  readonly #signal: AbortSignal | undefined;
  /** What the host threw: the core speaks of it by its place here. */
  readonly #thrown: unknown[] = [];
  /** The error that listeners were told: the caller gets the very same. */
  #told: { readonly json: string; readonly error: CheckreinError } | undefined;
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

  /** Lets go of the operation when this object is forgotten. */
  guarded(): this {
    this.#guard ??= native.guard(this.#open);
    return this;
  }

  /**
   * From a step to the outcome, or to the next pair of a scan. Where nothing has to be awaited, it is there when this
   * returns; where this throws, the caller lets go of the operation.
   */
  run(first: Step): Outcome | Promise<Outcome> {
    const reached = this.#advance(first);
    if (!(reached instanceof Pending)) return reached;
    if (this.#signal?.aborted) {
      // By the hook that is to be awaited: what it says later is heard by nobody.
      Promise.resolve(reached.promise).catch(() => {});
      throw this.#signal.reason;
    }
    return this.#signal === undefined ? this.#await(reached) : this.#untilAborted(this.#signal, reached);
  }

  /** The next pair of a scan, or nothing at its end. As {@link run}. */
  next(): Outcome | Promise<Outcome> {
    if (this.#signal?.aborted) throw this.#signal.reason;
    let turn: Turn;
    try {
      turn = native.next(this.#open, scratch);
    } catch (error) {
      throw fromNative(error);
    }
    if (turn === -2) return pairIn(scratch);
    if (turn === undefined) {
      this.#open = 0;
      return undefined;
    }
    return this.run(settled(turn) as Step);
  }

  /** Lets go of the operation, where it has not ended. */
  letGo(): void {
    if (this.#open !== 0) native.abandon(this.#open);
    this.#open = 0;
  }

  /** An abort lets go of the operation at once, and what its hook or store says later is heard by nobody. */
  async #untilAborted(signal: AbortSignal, pending: Pending): Promise<Outcome> {
    let abort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => {
        this.letGo();
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
  async #await(pending: Pending): Promise<Outcome> {
    let reached: Outcome | Pending = pending;
    let failed = true;
    try {
      while (reached instanceof Pending) {
        const { promise, by, heard }: Pending = reached;
        let step: Step | Buffer | undefined;
        if (by === 'disk') {
          try {
            step = settled((await promise) as Turn);
          } catch (error) {
            throw fromNative(error);
          }
        } else {
          // Where the host's promise is collected, so is this, and the operation ends.
          this.guarded();
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
      failed = false;
      return reached;
    } finally {
      // It has ended already, unless the driver itself failed or was aborted.
      if (failed) this.letGo();
    }
  }

  /** Performs steps until the outcome, or until something has to be awaited. */
  #advance(first: Step | Buffer | undefined): Outcome | Pending {
    let turn = first;
    for (;;) {
      if (turn === undefined || turn instanceof Uint8Array) {
        this.#open = 0;
        return turn;
      }
      switch (turn[0]) {
        case 3:
          return new Pending('disk', turn[2], answered);
        case 4:
          this.#open = 0;
          throw this.#revived(turn[2], turn[3]);
        case 5:
          this.#open = 0;
          throw this.#thrown[turn[2]];
        case 6:
          return [turn[2], turn[3]];
        default:
      }
      let called: Said;
      try {
        called = this.#perform(turn);
      } catch (error) {
        turn = this.#resume(this.#threw(calledBy(turn[0]), error));
        continue;
      }
      const { by, said, heard } = called;
      if (mayBePromise(said)) return new Pending(by, said, heard);
      turn = this.#resume(heard(said));
    }
  }

  #perform(step: StepOf<0 | 1 | 2 | 7 | 8>): Said {
    switch (step[0]) {
      case 0:
        return ask(this.#host, this.#subject, step);
      case 1:
        return askStore(this.#host, this.#subject, step);
      case 2:
        return tell(this.#host, step);
      case 7:
        return record(this.#host, step);
      case 8: {
        const [, , , , told, key] = step;
        const error = typeof told === 'number' ? this.#thrown[told] : this.#revived(told, key);
        return notify(this.#host, step, error);
      }
      default:
        throw new CheckreinError('a step that the driver does not know');
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

  #revived(json: string, key: Buffer | undefined): CheckreinError {
    if (this.#told?.json !== json) this.#told = { json, error: revived(json, key, this.#thrown) };
    return this.#told.error;
  }

  #threw(by: By, error: unknown): Replied {
    return threw(by, error, this.#thrown.push(error) - 1);
  }
}

/** What has to be awaited, and how it is heard. */
class Pending {
  readonly by: By | 'disk';
  readonly promise: unknown;
  readonly heard: (said: unknown) => Replied;

  constructor(by: By | 'disk', promise: unknown, heard: (said: unknown) => Replied) {
    this.by = by;
    this.promise = promise;
    this.heard = heard;
  }
}

/** A step as the native module tells it: as an array, or in the words of the scratch array. */
export function read(turn: number | Step, bytes: Uint8Array, used: number): Step {
  if (typeof turn !== 'number') return turn;
  if (turn === -2) return [6, 0, ...pairIn(bytes)];
  const [open = 0, hook = 0, depth = 0, at = 0, value = 0, key = 0] = wordsOf(bytes);
  const taken = (from: number, told: number) => (told === 0 ? undefined : copied(bytes, from, told - 1));
  return [0, open, hook, depth, at, taken(used, value), taken(used + Math.max(value - 1, 0), key)];
}

function pairIn(bytes: Uint8Array): Pair {
  const [keyLength = 0, valueLength = 0] = wordsOf(bytes);
  return [copied(bytes, 0, keyLength), copied(bytes, keyLength, valueLength)];
}

function settled(turn: Turn): Step | Buffer | undefined {
  if (turn === undefined || turn instanceof Uint8Array) return turn;
  return typeof turn === 'number' && turn >= 0 ? copied(scratch, 0, turn) : read(turn, scratch, 0);
}
