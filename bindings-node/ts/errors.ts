/**
 * The one error family. Codes and messages are made in the core; here they become classes of JavaScript.
 */

/** The operation of an error or audit entry. */
export type OperationName = 'read' | 'write' | 'delete';

/** Any error of Checkrein. Its own instances tell of a fault in Checkrein itself, with the code `internal`. */
export class CheckreinError extends Error {
  /** The stable code, equal in all languages. */
  readonly code: string;

  constructor(message: string, code = 'internal', options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** What a refusal tells beside its reason. */
export interface ViolationDetails {
  code?: string;
  message?: string;
  rule?: string | undefined;
  operation?: OperationName | undefined;
  key?: Buffer | undefined;
  applied?: boolean;
  cause?: unknown;
}

/** A refusal: what was refused, by which hook or limit, and why. Raised in a hook, it denies with its reason. */
export class PolicyViolation extends CheckreinError {
  /** Why: the hook's own words, or a sentence that says what decided. */
  readonly reason: string;
  /** The hook (`before_write system/*`) or limit that refused. */
  readonly rule: string | undefined;
  /** The operation that was refused. */
  readonly operation: OperationName | undefined;
  /** The key that it was for. */
  readonly key: Buffer | undefined;
  /** True where the operation had already happened when the error arose (after-hooks). */
  readonly applied: boolean;

  constructor(reason: string, details: ViolationDetails = {}) {
    super(details.message ?? reason, details.code ?? 'denied', 'cause' in details ? { cause: details.cause } : {});
    this.reason = reason;
    this.rule = details.rule;
    this.operation = details.operation;
    this.key = details.key;
    this.applied = details.applied ?? false;
  }
}

/** A limit had no token left. */
export class RateLimitExceeded extends PolicyViolation {
  /** The limit, as people read it: `write 100/minute per agent_id`. */
  readonly limit: string;
  /** `global` or the context key that the limit is kept for. */
  readonly scope: string;
  /** Nanoseconds until the operation would pass: never too early. */
  readonly retryAfterNs: bigint;

  constructor(
    reason: string,
    details: ViolationDetails & { limit?: string; scope?: string; retryAfterNs?: bigint } = {},
  ) {
    super(reason, { code: 'rate_limited', ...details });
    this.limit = details.limit ?? '';
    this.scope = details.scope ?? 'global';
    this.retryAfterNs = details.retryAfterNs ?? 0n;
  }

  /** The same in seconds. */
  get retryAfter(): number {
    return Number(this.retryAfterNs) / 1e9;
  }
}

/** A pattern does not parse or passes a bound. */
export class PatternError extends CheckreinError {
  /** The pattern as given. */
  readonly pattern: string;
  /** The byte offset of the fault in the pattern. */
  readonly position: number;

  constructor(message: string, details: { pattern?: string; position?: number } = {}) {
    super(message, 'pattern');
    this.pattern = details.pattern ?? '';
    this.position = details.position ?? 0;
  }
}

/** A setting is unknown, out of range or contradicts another. */
export class ConfigError extends CheckreinError {
  constructor(message: string) {
    super(message, 'config');
  }
}

/** The store failed; `cause` is its own error. */
export class StoreError extends CheckreinError {
  /** Of a batch that is not atomic (`store_partial`): how many of its operations, the first ones, were done. */
  readonly applied: number | undefined;

  constructor(message: string, code = 'store', options: { cause?: unknown; applied?: number | undefined } = {}) {
    super(message, code, 'cause' in options ? { cause: options.cause } : {});
    this.applied = options.applied;
  }
}

/** A call that the API does not allow: a wrong type, a wrong order. */
export class UsageError extends CheckreinError {
  constructor(message: string, code = 'usage') {
    super(message, code);
  }
}

// On the prototypes, as with the errors of the language itself.
for (const each of [
  CheckreinError,
  PolicyViolation,
  RateLimitExceeded,
  PatternError,
  ConfigError,
  StoreError,
  UsageError,
]) {
  Object.defineProperty(each.prototype, 'name', { value: each.name, configurable: true, writable: true });
}

/** An error as the native module tells it. */
interface Told {
  code: string;
  message: string;
  reason?: string;
  rule?: string | null;
  operation?: OperationName | null;
  applied?: boolean | number;
  limit?: string;
  scope?: string;
  retryAfterNs?: string;
  pattern?: string;
  position?: number;
  cause?: { place: number } | { own: string; key: number[] | null } | { type: string; message: string };
}

/** @internal The error that the native module tells of; `thrown` holds what the host itself threw. */
export function revived(json: string, key?: Buffer, thrown?: readonly unknown[]): CheckreinError {
  const told = JSON.parse(json) as Told;
  const { code, message, cause: of } = told;
  const cause = of === undefined ? {} : { cause: causeOf(of, thrown) };
  if (told.reason !== undefined) {
    const { rule, operation } = told;
    const applied = told.applied === true;
    const details = { code, message, key, applied, rule: rule ?? undefined, operation: operation ?? undefined, ...cause };
    if (told.limit === undefined) return new PolicyViolation(told.reason, details);
    const { limit, scope = 'global', retryAfterNs = '0' } = told;
    return new RateLimitExceeded(told.reason, { ...details, limit, scope, retryAfterNs: BigInt(retryAfterNs) });
  }
  if (told.pattern !== undefined) return new PatternError(message, { pattern: told.pattern, position: told.position ?? 0 });
  if (code === 'config') return new ConfigError(message);
  if (code.startsWith('store')) {
    const applied = typeof told.applied === 'number' ? told.applied : undefined;
    return new StoreError(message, code, { ...cause, applied });
  }
  if (code === 'usage' || code === 'nesting_limit' || code === 'open_limit') return new UsageError(message, code);
  return new CheckreinError(message, code, cause);
}

function causeOf(of: NonNullable<Told['cause']>, thrown: readonly unknown[] | undefined): unknown {
  if ('place' in of) return thrown?.[of.place];
  if ('own' in of) return revived(of.own, of.key === null ? undefined : Buffer.from(of.key), thrown);
  return foreign(of);
}

function foreign({ type, message }: { type: string; message: string }): Error {
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: type, configurable: true, writable: true });
  return error;
}

/** @internal What the native module threw, as one of ours; a panic has no JSON. */
export function fromNative(error: unknown): CheckreinError {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('{"')) {
    try {
      return revived(message);
    } catch {
      // Not told by us after all.
    }
  }
  return new CheckreinError(`fault in checkrein, the operation was refused: ${message}`, 'internal', { cause: error });
}

/** @internal Calls the native module; what it throws becomes one of ours. */
export function crossing<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw error instanceof CheckreinError ? error : fromNative(error);
  }
}

const CODES: readonly (readonly [class_: new (...args: never[]) => CheckreinError, codes: readonly string[]])[] = [
  [RateLimitExceeded, ['rate_limited']],
  [PolicyViolation, ['denied', 'hook_failed', 'abandoned', 'audit_failed']],
  [PatternError, ['pattern']],
  [ConfigError, ['config']],
  [StoreError, ['store', 'store_locked', 'store_damaged', 'store_full', 'store_closed', 'store_partial']],
  [UsageError, ['usage', 'nesting_limit', 'open_limit']],
];

/** @internal One of ours that came out of the host's code, for the core to read. */
export function toldToCore(error: CheckreinError): string {
  const [, codes] = CODES.find(([class_]) => error instanceof class_) ?? [CheckreinError, ['internal']];
  // A user's subclass may have a code of its own: its class tells what it is.
  const code = codes.includes(error.code) ? error.code : codes[0];
  const all: Record<string, unknown> = { code, message: String(error.message) };
  if (error instanceof PolicyViolation) {
    all['reason'] = String(error.reason);
    if (typeof error.rule === 'string') all['rule'] = error.rule;
  }
  if (error instanceof RateLimitExceeded) {
    all['limit'] = error.limit;
    all['scope'] = error.scope;
    all['retryAfterNs'] = String(error.retryAfterNs);
  }
  if (error instanceof StoreError) all['applied'] = error.applied;
  if (error instanceof PatternError) {
    all['pattern'] = error.pattern;
    all['position'] = error.position;
    all['detail'] = error.message;
  }
  return JSON.stringify(all);
}
