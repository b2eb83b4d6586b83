/**
 * A guarded walk over keys.
 */

import type { Drive, Outcome, Pair } from './drive';

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Takes the listener of a forgotten scan from its signal. */
const forgotten = new FinalizationRegistry<() => void>((unlisten) => unlisten());

/** A function of its own: whatever it closes over, the signal keeps, and that must not be the scan. */
function listening(scan: WeakRef<Scan>, signal: AbortSignal): () => void {
  const abort = () => {
    const there = scan.deref();
    if (there !== undefined) Scan.abort(there, signal.reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

/**
 * The pairs of a scan: for `for await`. Leaving the loop ends the scan, as `return()` does; so does forgetting it.
 *
 * One pair is judged and given at a time, in the order in which they are asked for.
 */
export class Scan implements AsyncIterableIterator<[key: Buffer, value: Buffer]> {
  /** Nothing once the scan has ended. */
  #drive: Drive | undefined;
  /** The last `next` that has not settled. */
  #pending: Promise<unknown> | undefined;
  /** What the next `next` rejects with, though the scan has ended. */
  #failure: { readonly reason: unknown } | undefined;
  #unlisten: () => void = () => {};

  /** @internal A scan that is under way, or that was aborted before it began. */
  constructor(drive: Drive | undefined, signal: AbortSignal | undefined) {
    this.#drive = drive;
    if (signal?.aborted) this.#failure = { reason: signal.reason };
    else if (signal !== undefined) this.#listen(signal);
  }

  /** The next pair. */
  next(): Promise<IteratorResult<[key: Buffer, value: Buffer], undefined>> {
    if (this.#pending === undefined) return this.#next();
    const behind = this.#pending.then(
      () => this.#next(),
      () => this.#next(),
    );
    return this.#await(behind);
  }

  /** Ends the scan before its end; the audit says how much it has given. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#end();
    return Promise.resolve(DONE);
  }

  /** As `return`, and rejects with the error. */
  throw(error?: unknown): Promise<IteratorReturnResult<undefined>> {
    this.#end();
    return Promise.reject(error as Error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #next(): Promise<IteratorResult<Pair, undefined>> {
    if (this.#failure !== undefined) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason as Error);
    }
    if (this.#drive === undefined) return Promise.resolve(DONE);
    let reached: Outcome | Promise<Outcome>;
    try {
      reached = this.#drive.next();
    } catch (error) {
      this.#end();
      return Promise.reject(error as Error);
    }
    if (reached instanceof Promise) return this.#await(this.#settle(reached));
    return Promise.resolve(this.#given(reached));
  }

  async #settle(reached: Promise<Outcome>): Promise<IteratorResult<Pair, undefined>> {
    try {
      return this.#given(await reached);
    } catch (error) {
      // Where it was ended meanwhile, nobody asks what became of it.
      if (this.#drive === undefined && this.#failure === undefined) return DONE;
      this.#failure = undefined;
      this.#end();
      throw error;
    }
  }

  #await<T>(promise: Promise<T>): Promise<T> {
    this.#pending = promise;
    const over = () => {
      if (this.#pending === promise) this.#pending = undefined;
    };
    promise.then(over, over);
    return promise;
  }

  #given(outcome: Outcome): IteratorResult<Pair, undefined> {
    if (Array.isArray(outcome) && this.#drive !== undefined) return { done: false, value: outcome };
    this.#end();
    return DONE;
  }

  #end(): void {
    this.#drive?.letGo();
    this.#drive = undefined;
    this.#unlisten();
  }

  /** An abort ends the scan at once, also between two pairs. */
  #listen(signal: AbortSignal): void {
    const unlisten = listening(new WeakRef(this), signal);
    forgotten.register(this, unlisten, this);
    this.#unlisten = () => {
      forgotten.unregister(this);
      unlisten();
    };
  }

  /** @internal */
  static abort(scan: Scan, reason: unknown): void {
    scan.#aborted(reason);
  }

  #aborted(reason: unknown): void {
    this.#failure = { reason };
    this.#end();
  }
}

/** `await using`, where the language has it. */
export interface Scan extends AsyncDisposable {}
if (Symbol.asyncDispose) {
  Object.defineProperty(Scan.prototype, Symbol.asyncDispose, {
    value: async function dispose(this: Scan) {
      await this.return();
    },
    configurable: true,
    writable: true,
  });
}
