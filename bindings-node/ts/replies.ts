/**
 * What the host said, as the replies that the core takes.
 */

import { types } from 'node:util';

import { PolicyAction } from './action';
import { CheckreinError, toldToCore } from './errors';
import { pack, type Packable } from './packed';
import { className, described } from './values';

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
  StorePage,
  Recorded,
  RecordFailed,
}

/** Who of the host is called by a step. */
export type By = 'hook' | 'store' | 'logger' | 'listener' | 'sink';

/** A reply; `place` is that of what was thrown, among those that the driver keeps. */
export type Replied = readonly [kind: Reply, payload: string | Uint8Array | undefined, place: number];

const NOTHING: Replied = [Reply.Nothing, undefined, 0];
const ALLOW: Replied = [Reply.Allow, undefined, 0];
const LOG: Replied = [Reply.Log, undefined, 0];
const STORE_NONE: Replied = [Reply.StoreNone, undefined, 0];
const STORE_DONE: Replied = [Reply.StoreDone, undefined, 0];
/** The logger was told, or the listener. */
export const LOGGED: Replied = [Reply.Logged, undefined, 0];
/** The sink has the entries. */
export const RECORDED: Replied = [Reply.Recorded, undefined, 0];

/** What is no promise is not awaited, so that an operation with sync hooks runs in one go. */
export function mayBePromise(value: unknown): boolean {
  if (typeof value === 'function') return true;
  return typeof value === 'object' && value !== null && !PolicyAction.is(value) && !types.isUint8Array(value);
}

/** A hook's answer. */
export function answered(answer: unknown): Replied {
  if (answer === undefined || answer === null) return NOTHING;
  if (PolicyAction.is(answer)) {
    const payload = PolicyAction.payload(answer);
    switch (PolicyAction.kindOf(answer)) {
      case 'ALLOW':
        return ALLOW;
      case 'LOG':
        return LOG;
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

/** A store's reply. */
export function storeReplied(what: 'get' | 'put' | 'delete' | 'scan' | 'batch', got: unknown): Replied {
  const none = got === undefined || got === null;
  if (what === 'scan') return page(got);
  if (what === 'get') {
    if (none) return STORE_NONE;
    if (types.isUint8Array(got)) return [Reply.StoreValue, got, 0];
  } else if (none || (what === 'delete' && typeof got === 'boolean')) {
    // Many a `delete` tells whether there was something to delete.
    return STORE_DONE;
  }
  return [Reply.StoreInvalid, described(got), 0];
}

/** A page of a scan: an array of pairs of bytes. Whether they are those that were asked for, the core sees. */
function page(got: unknown): Replied {
  if (!Array.isArray(got)) return [Reply.StoreInvalid, described(got), 0];
  for (const pair of got as unknown[]) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      return [Reply.StoreInvalid, `a page that holds ${described(pair)} where a pair was due`, 0];
    }
    const wrong = (pair as unknown[]).findIndex((each) => !types.isUint8Array(each));
    if (wrong >= 0) {
      const what = wrong === 0 ? 'key' : 'value';
      return [Reply.StoreInvalid, `a page with a ${what} that is ${described(pair[wrong])}`, 0];
    }
  }
  return [Reply.StorePage, pack(got as Packable[]), 0];
}

/** What the host's code threw. One of Checkrein's own comes out as itself, a foreign one as a cause. */
export function threw(by: By, error: unknown, place: number): Replied {
  if ((by === 'hook' || by === 'store') && error instanceof CheckreinError) {
    return [by === 'hook' ? Reply.Own : Reply.StoreOwn, toldToCore(error), place];
  }
  const name = typeof error === 'object' && error !== null ? className(error) : typeof error;
  return [FOREIGN[by], name, place];
}

const FOREIGN: Readonly<Record<By, Reply>> = {
  hook: Reply.Foreign,
  store: Reply.StoreForeign,
  logger: Reply.LogFailed,
  listener: Reply.LogFailed,
  sink: Reply.RecordFailed,
};
