/**
 * The ambient context: what holds for all operations of a task, so that not every call has to say it.
 */

import { AsyncLocalStorage } from 'node:async_hooks';

import { flattened, type Context } from './context';
import { UsageError } from './errors';
import type { Flat, Primitive } from './native';
import { depthNow, nested } from './nesting';
import { described } from './values';

const storage = new AsyncLocalStorage<Flat>();
/** A program without any ambient context does not pay for it. */
let used = false;

/**
 * Calls a function with a context that all its operations have, also those after an `await`.
 *
 * What an operation says itself wins; `null` is the same as not said, so there the ambient value stays. Inside another
 * `withContext`, the inner values win.
 */
export function withContext<R>(context: Context, fn: () => R): R {
  if (typeof fn !== 'function') throw new UsageError(`\`withContext\` was given ${described(fn)}: give a function`);
  const said = effective(context);
  used = true;
  return storage.run(said, fn);
}

/**
 * A function that takes the ambient context of this moment along, wherever it is called later: from a queue, by an
 * emitter, by a pool of connections. So does the depth in hooks.
 */
export function carry<This, Args extends unknown[], R>(
  fn: (this: This, ...args: Args) => R,
): (this: This, ...args: Args) => R {
  if (typeof fn !== 'function') throw new UsageError(`\`carry\` was given ${described(fn)}: give a function`);
  const said = storage.getStore();
  const depth = depthNow();
  return function (this: This, ...args: Args): R {
    // Called by a hook, it stands at least as deep as that: the bound on nesting cannot be carried away.
    const call = () => nested(Math.max(depth, depthNow()), () => fn.apply(this, args));
    // Where there was none, there is none: the caller's own is not taken over.
    return said === undefined && !used ? call() : storage.run(said as Flat, call);
  };
}

/** @internal What a caller says, and what is ambient beside it. */
export function effective(context: Context | null | undefined): Flat {
  const own = flattened(context);
  const ambient = used ? storage.getStore() : undefined;
  return ambient === undefined ? own : merged(own, ambient);
}

function merged(own: Flat, ambient: Flat): Flat {
  const [agent, session, rest] = own;
  return [agent ?? ambient[0], session ?? ambient[1], mergedRest(rest, ambient[2])];
}

function mergedRest(own: Primitive[] | undefined, ambient: Primitive[] | undefined): Primitive[] | undefined {
  if (own === undefined || ambient === undefined) return own ?? ambient;
  const names = new Set(own.filter((_, at) => at % 2 === 0));
  const others = ambient.filter((_, at) => !names.has(ambient[at - (at % 2)] as Primitive));
  return [...own, ...others];
}
