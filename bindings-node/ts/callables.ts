/**
 * What of the program's the core knows by a number, and lets go of when nothing can ask for it any more.
 */

import type { Callable } from './host';
import { native, type Handle } from './native';

/** The callables of an engine. */
export class Callables {
  readonly known = new Map<number, Callable>();
  #last = 0;
  /** How many were removed that an operation may still ask for. */
  #leaving = 0;

  /** Keeps a callable; to be called before the core can ask for it. */
  add(callable: Callable): number {
    const number = (this.#last += 1);
    this.known.set(number, callable);
    return number;
  }

  /** Forgets one whose registration failed. */
  drop(number: number): void {
    this.known.delete(number);
  }

  /** So many were removed in the core. */
  leave(count: number, engine: Handle<'engine'>): void {
    this.#leaving += count;
    this.sweep(engine);
  }

  /** Forgets those that no operation can ask for any more. */
  sweep(engine: Handle<'engine'>): void {
    if (this.#leaving === 0) return;
    for (const number of native.letGo(engine)) {
      // One whose registration failed is not there any more, and never was among those that leave.
      if (this.known.delete(number)) this.#leaving -= 1;
    }
  }
}
