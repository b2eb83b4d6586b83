/**
 * What a hook may answer.
 */

import { checkBytes, described } from './values';
import { UsageError } from './errors';

/**
 * A hook's answer: `ALLOW`, `DENY`, `LOG`, `PolicyAction.deny('why')` or `PolicyAction.modify(bytes)`.
 *
 * A hook may also answer with bytes (they take the value's place), or with nothing, which goes on.
 */
export class PolicyAction {
  readonly #kind: Kind;
  readonly #payload: string | Uint8Array | undefined;

  /** Go on. */
  static readonly ALLOW = new PolicyAction('ALLOW');
  /** Refuse; after a read, hide the value. */
  static readonly DENY = new PolicyAction('DENY');
  /** Go on, and flag the audit entry. */
  static readonly LOG = new PolicyAction('LOG');
  /** No answer by itself, since it says no value: use `PolicyAction.modify(bytes)`. */
  static readonly MODIFY = new PolicyAction('MODIFY');

  private constructor(kind: Kind, payload?: string | Uint8Array) {
    this.#kind = kind;
    this.#payload = payload;
    Object.freeze(this);
  }

  /** Refuses with a reason, which the error and the audit show. */
  static deny(reason: string): PolicyAction {
    if (typeof reason !== 'string') throw new UsageError(`a reason is ${described(reason)}: give a string`);
    return new PolicyAction('DENY', reason);
  }

  /** Goes on with another value, which is copied. */
  static modify(value: Uint8Array): PolicyAction {
    checkBytes('value of `modify`', value);
    return new PolicyAction('MODIFY', Buffer.from(value));
  }

  /** @internal True for what this class has made, whatever its prototype. */
  static is(value: unknown): value is PolicyAction {
    return typeof value === 'object' && value !== null && #kind in value;
  }

  /** @internal Reason or value, not copied. */
  static payload(action: PolicyAction): string | Uint8Array | undefined {
    return action.#payload;
  }

  /** @internal The kind, past what a subclass may say. */
  static kindOf(action: PolicyAction): Kind {
    return action.#kind;
  }

  /** `ALLOW`, `DENY`, `LOG` or `MODIFY`. */
  get kind(): Kind {
    return this.#kind;
  }

  /** The reason of a refusal, if it has one. */
  get reason(): string | undefined {
    return typeof this.#payload === 'string' ? this.#payload : undefined;
  }

  /** A copy of the value of a `modify`. */
  get value(): Buffer | undefined {
    return this.#payload instanceof Uint8Array ? Buffer.from(this.#payload) : undefined;
  }

  toString(): string {
    return `PolicyAction.${this.#kind}`;
  }
}

type Kind = 'ALLOW' | 'DENY' | 'LOG' | 'MODIFY';

/** What a hook answers with; other values are an error, which refuses. */
export type Answer = PolicyAction | Uint8Array | undefined | null | void;
