/**
 * Rate limits as they are declared and told.
 */

import { UsageError } from './errors';
import { checkOptions, described, textOption, wholeNumber } from './values';

/** What a limit is for. */
export type LimitedOperation = 'read' | 'write' | 'delete' | 'all';

/** A rate limit: a token bucket with exactly one of the three rates. */
export interface RateLimit {
  /** Tokens a second. */
  maxPerSecond?: number;
  /** Tokens a minute. */
  maxPerMinute?: number;
  /** Tokens an hour. */
  maxPerHour?: number;
  /** `global` (the default), or the context key that has a bucket for each of its values. */
  scope?: string;
  /** How many tokens the bucket holds; as many as the rate gives in its period unless told otherwise. */
  burst?: number;
  /** `operations` (the default): what is refused takes no token; `attempts`: everything does. */
  count?: 'operations' | 'attempts';
  /** How many keys have a bucket of their own at one time; 1,000,000 unless told otherwise. */
  maxKeys?: number;
}

/** How a limit stands for a context. */
export interface LimitStatus {
  /** The limit, as people read it: `write 100/minute per agent_id`. */
  limit: string;
  /** What the limit is for. */
  operation: LimitedOperation;
  /** `global` or the context key. */
  scope: string;
  /** When an operation takes its token. */
  count: 'operations' | 'attempts';
  /** How many tokens the full bucket holds. */
  capacity: number;
  /** How many whole tokens are in it. */
  remaining: number;
  /** Nanoseconds until a token can be taken: 0 where one can be now. */
  retryAfterNs: bigint;
  /** The same in seconds. */
  retryAfter: number;
  /** Nanoseconds until the bucket is full. */
  fullAfterNs: bigint;
  /** True where this is the overflow bucket, shared by the keys for which there was no room. */
  overflow: boolean;
}

/** @internal The options as the core takes them. */
export function limitOptions(limit: RateLimit): string {
  const options = checkOptions('addRateLimit', limit, [
    'maxPerSecond',
    'maxPerMinute',
    'maxPerHour',
    'scope',
    'burst',
    'count',
    'maxKeys',
  ]);
  return JSON.stringify({
    max_per_second: wholeNumber('maxPerSecond', options.maxPerSecond),
    max_per_minute: wholeNumber('maxPerMinute', options.maxPerMinute),
    max_per_hour: wholeNumber('maxPerHour', options.maxPerHour),
    scope: textOption('scope', options.scope),
    burst: wholeNumber('burst', options.burst),
    count: textOption('count', options.count),
    max_keys: wholeNumber('maxKeys', options.maxKeys),
  });
}

/** @internal A limit as the core tells it. */
export type ToldLimit = Omit<LimitStatus, 'retryAfterNs' | 'fullAfterNs'> & { retryAfterNs: string; fullAfterNs: string };

/** @internal What the core tells, with nanoseconds as bigints. */
export function limitStatuses(told: readonly ToldLimit[]): LimitStatus[] {
  return told.map(({ retryAfterNs, fullAfterNs, ...status }) => ({
    ...status,
    retryAfter: Number(retryAfterNs) / 1e9,
    retryAfterNs: BigInt(retryAfterNs),
    fullAfterNs: BigInt(fullAfterNs),
  }));
}

/** @internal An operation's word; anything else is told by the core. */
export function checkWord(operation: unknown): string {
  if (typeof operation === 'string') return operation;
  throw new UsageError(`the operation is ${described(operation)}: write read, write, delete or all`);
}
