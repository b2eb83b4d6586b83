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

import type { PolicyContext } from './context';
import type { Hook } from './drive';
import { mayBePromise } from './replies';

const storage = new AsyncLocalStorage<number>();
let running = 0;

/** The depth at which an operation that starts now stands. */
export function depthNow(): number {
  return running !== 0 ? running : (storage.getStore() ?? 0);
}

/** A hook, and whether the depth must follow its promises. */
export class NestedHook {
  readonly #hook: Hook;
  #later: boolean;

  constructor(hook: Hook) {
    this.#hook = hook;
    this.#later = types.isAsyncFunction(hook);
  }

  /** Calls the hook at a depth. */
  call(depth: number, ctx: PolicyContext): unknown {
    const before = running;
    running = depth;
    try {
      if (this.#later) return storage.run(depth, this.#hook, ctx);
      const hook = this.#hook;
      const answer: unknown = hook(ctx);
      if (mayBePromise(answer)) this.#later = true;
      return answer;
    } finally {
      running = before;
    }
  }
}
