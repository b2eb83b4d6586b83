/**
 * How deep the running code is in hooks: operations that a hook starts are told to the core with their depth.
 *
 * A hook that answers at once is called with a variable set. Where the rest of a hook runs later, the depth must
 * follow its promises, which `AsyncLocalStorage` does at a cost: in Node 20, every promise of the process gets about
 * 150 ns dearer from the first use on. So it is used for async functions, and for functions that have once answered
 * with a promise. The first such answer of a plain function may thus start operations later that stand one level
 * less deep than they are; the bound holds one level further down.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { types } from 'node:util';

import { mayBePromise } from './replies';

const storage = new AsyncLocalStorage<number>();
let running = 0;

/** The depth at which an operation that starts now stands. */
export function depthNow(): number {
  return running !== 0 ? running : (storage.getStore() ?? 0);
}

/** Calls a function at a depth, which follows its promises. */
export function nested<R>(depth: number, call: () => R): R {
  const before = running;
  running = depth;
  try {
    return depth === 0 && storage.getStore() === undefined ? call() : storage.run(depth, call);
  } finally {
    running = before;
  }
}

/** A function of the program's (a hook, a listener, a sink), and whether the depth must follow its promises. */
export class Nested {
  readonly kind: 'hook' | 'listener' | 'sink';
  readonly #call: (first: never, second: never) => unknown;
  #later: boolean;

  constructor(kind: 'hook' | 'listener' | 'sink', call: (first: never, second: never) => unknown) {
    this.kind = kind;
    this.#call = call;
    this.#later = types.isAsyncFunction(call);
  }

  /** Calls it at a depth. */
  call(depth: number, first: unknown, second?: unknown): unknown {
    const before = running;
    running = depth;
    try {
      const call = this.#call;
      if (this.#later) return storage.run(depth, call, first as never, second as never);
      const answer: unknown = call(first as never, second as never);
      if (mayBePromise(answer)) this.#later = true;
      return answer;
    } finally {
      running = before;
    }
  }
}
