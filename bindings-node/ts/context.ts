/**
 * The context: what a caller says about who acts, and what a hook sees of an operation.
 */

import type { OperationName } from './errors';
import { UsageError } from './errors';
import type { Flat, Primitive } from './native';
import { checkBytes, described } from './values';

/** A value in a context. `null` and `undefined` are the same as not there. */
export type ContextValue = string | boolean | number | bigint | null | undefined;

/**
 * Who acts, and what else the caller says: a plain object of texts, booleans and integers.
 *
 * It never says what is judged: key, value and operation are always those really used.
 */
export interface Context {
  /** The acting agent. */
  agent_id?: ContextValue;
  /** The same as `agent_id`. */
  agentId?: ContextValue;
  /** The session. */
  session_id?: ContextValue;
  /** The same as `session_id`. */
  sessionId?: ContextValue;
  [name: string]: ContextValue;
}

const EMPTY: Flat = [undefined, undefined, undefined];

/** @internal A caller's context, checked and copied. */
export function flattened(context: Context | null | undefined): Flat {
  if (context === undefined || context === null) return EMPTY;
  if (typeof context !== 'object' || !isPlain(context)) {
    throw new UsageError(`the context is ${described(context)}: give a plain object, like { agent_id: 'a1' }`);
  }
  let agent: Primitive | undefined;
  let session: Primitive | undefined;
  let rest: Primitive[] | undefined;
  for (const name of Object.keys(context)) {
    const value = context[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string') checkValue(name, value);
    if (name === 'agent_id' || name === 'agentId') agent = once('agent_id', 'agentId', agent, value);
    else if (name === 'session_id' || name === 'sessionId') session = once('session_id', 'sessionId', session, value);
    else (rest ??= []).push(name, value);
  }
  return [agent, session, rest];
}

function isPlain(context: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(context);
  // The second test is for plain objects of another realm.
  return (
    prototype === Object.prototype ||
    prototype === null ||
    (!Array.isArray(context) && Object.getPrototypeOf(prototype) === null)
  );
}

function checkValue(name: string, value: unknown): void {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value))) return;
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return;
  const what = typeof value === 'number' || typeof value === 'bigint' ? `\`${value}\`` : described(value);
  throw new UsageError(
    `\`${name}\` in the context is ${what}: give a string, a boolean, a safe integer, or a bigint of 64 bits`,
  );
}

function once(known: string, alias: string, before: Primitive | undefined, value: Primitive): Primitive {
  if (before !== undefined && before !== value) {
    throw new UsageError(`\`${known}\` and \`${alias}\` in the context differ: give one of them`);
  }
  return value;
}

const make = Symbol('make');

/**
 * What a hook sees of an operation; it can be read only.
 *
 * `key` and `value` are copies, made when they are first asked for: a hook that changes them changes nothing that is
 * judged or stored. Make one by hand to test a hook.
 */
export class PolicyContext {
  readonly #operation: OperationName;
  readonly #said: Flat;
  #key: Uint8Array;
  #value: Uint8Array | undefined;
  #ownKey = false;
  #ownValue = false;

  /** For tests of hooks: the context of an operation as its hook would see it. */
  constructor(operation: OperationName, key: Uint8Array, value?: Uint8Array, context?: Context);
  /** @internal */
  constructor(operation: OperationName, key: Uint8Array, value: Uint8Array | undefined, said: Flat, made: typeof make);
  constructor(
    operation: OperationName,
    key: Uint8Array,
    value?: Uint8Array,
    said?: Context | Flat,
    made?: typeof make,
  ) {
    if (made !== make) {
      checkBytes('key', key);
      if (value !== undefined) checkBytes('value', value);
    }
    this.#operation = operation;
    this.#key = key;
    this.#value = value;
    this.#said = made === make ? (said as Flat) : flattened(said as Context | undefined);
    Object.freeze(this);
  }

  /** @internal Without the checks; key and value are not changed by anyone. */
  static seen(operation: OperationName, key: Uint8Array, value: Uint8Array | undefined, said: Flat): PolicyContext {
    return new PolicyContext(operation, key, value, said, make);
  }

  /** @internal What the caller said. */
  static said(context: PolicyContext): Flat {
    return context.#said;
  }

  /** `read`, `write` or `delete`. */
  get operation(): OperationName {
    return this.#operation;
  }

  /** The key. */
  get key(): Buffer {
    if (!this.#ownKey) {
      this.#key = Buffer.from(this.#key);
      this.#ownKey = true;
    }
    return this.#key as Buffer;
  }

  /** The value to be written, or that was read, as the hooks before left it; nothing where there is none. */
  get value(): Buffer | undefined {
    if (!this.#ownValue && this.#value !== undefined) {
      this.#value = Buffer.from(this.#value);
      this.#ownValue = true;
    }
    return this.#value as Buffer | undefined;
  }

  /** The acting agent, as text. */
  get agentId(): string | undefined {
    return this.#said[0] === undefined ? undefined : String(this.#said[0]);
  }

  /** The session, as text. */
  get sessionId(): string | undefined {
    return this.#said[1] === undefined ? undefined : String(this.#said[1]);
  }

  /** What the caller said under a name. */
  get(name: string): Primitive | undefined {
    const [agent, session, rest] = this.#said;
    if (name === 'agent_id' || name === 'agentId') return agent;
    if (name === 'session_id' || name === 'sessionId') return session;
    for (let at = 0; rest !== undefined && at < rest.length; at += 2) {
      if (rest[at] === name) return rest[at + 1];
    }
    return undefined;
  }
}
