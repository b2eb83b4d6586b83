/**
 * The audit's entries and the filters on them.
 */

import { UsageError, type OperationName } from './errors';
import { checkOptions, described, textOption, wholeNumber } from './values';

/** How an operation ended. */
export type AuditResult =
  | 'allowed'
  | 'denied'
  | 'rate_limited'
  | 'modified'
  | 'redacted'
  | 'escalated'
  | 'approved'
  | 'dropped'
  | 'dispatched'
  | 'would_deny'
  | 'unknown'
  | 'error';

/** What an audited operation was. */
export type AuditOperation = OperationName | 'scan';

/** Which moment a strict sink is told of: before the store is asked, and after the operation. */
export type AuditPhase = 'decided' | 'done';

/** One audited operation: a plain object with the same names in every language. What is absent is not there. */
export interface AuditEntry {
  /** Its number: from 1, without a gap. */
  sequence: number;
  /** When the operation ended: RFC 3339 text, UTC, microseconds. */
  timestamp: string;
  /** The same in nanoseconds since 1970-01-01 UTC. */
  timestamp_ns: bigint;
  /** Which operation it was. */
  operation_id: string;
  /** Which surface guarded it. */
  surface: string;
  /** What was to be done. */
  operation: AuditOperation;
  /** The key, or a scan's prefix, as text: `\` and bytes that are not UTF-8 as `\xNN`. */
  key: string;
  /** How it ended. */
  result: AuditResult;
  /** Who acted, where the context said. */
  agent_id?: string;
  /** In which session, where the context said. */
  session_id?: string;
  /** The hook or limit that decided, where one did. */
  rule?: string;
  /** Why, where there is more to say than the result. Never a foreign error's message. */
  reason?: string;
  /** True where a hook answered `LOG`. */
  logged: boolean;
  /** Whether the store had done it, where that is known. */
  applied?: boolean;
  /** How many pairs a scan gave. */
  given?: number;
  /** How many keys a scan left out. */
  withheld?: number;
}

/** An entry as a sink is handed it: of a decision there is no number yet. */
export type SinkEntry = Omit<AuditEntry, 'sequence'> & Partial<Pick<AuditEntry, 'sequence'>>;

/** Which entries are wanted; all conditions must hold. */
export interface AuditFilter {
  /** At most so many, the newest; 100 unless told otherwise. */
  limit?: number;
  /** Only of this agent. */
  agentId?: string;
  /** Only of this session. */
  sessionId?: string;
  /** Only of this operation. */
  operation?: AuditOperation;
  /** Only with this result. */
  result?: AuditResult;
  /** Only of keys that this glob matches. */
  keys?: string;
  /** Only of this time or later: a `Date`, ISO text with a time zone, or nanoseconds since 1970-01-01 UTC. */
  since?: Date | string | bigint;
}

/** @internal A filter as the core takes it. */
export function auditFilter(filter: AuditFilter | undefined): string {
  const options = checkOptions('getAuditLog', filter, [
    'limit',
    'agentId',
    'sessionId',
    'operation',
    'result',
    'keys',
    'since',
  ]);
  return JSON.stringify({
    limit: wholeNumber('limit', options.limit),
    agentId: textOption('agentId', options.agentId),
    sessionId: textOption('sessionId', options.sessionId),
    operation: textOption('operation', options.operation),
    result: textOption('result', options.result),
    keys: textOption('keys', options.keys),
    since: options.since === undefined ? undefined : String(nanoseconds(options.since)),
  });
}

/** @internal The entries that the core tells, with nanoseconds as bigints. */
export function auditEntries(json: string): AuditEntry[] {
  const entries = JSON.parse(json) as AuditEntry[];
  for (const entry of entries) entry.timestamp_ns = BigInt(entry.timestamp_ns);
  return entries;
}

const ISO = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i;

function nanoseconds(since: unknown): bigint {
  let ns: bigint | undefined;
  if (typeof since === 'bigint') ns = since;
  else if (since instanceof Date && !Number.isNaN(since.getTime())) ns = BigInt(since.getTime()) * 1_000_000n;
  else if (typeof since === 'string') {
    // `Date` keeps milliseconds only, and an entry's own timestamp has microseconds.
    const [, seconds = '', fraction = '', zone = ''] = ISO.exec(since) ?? [];
    const ms = Date.parse(`${seconds.replace(' ', 'T')}${zone}`);
    if (!Number.isNaN(ms)) ns = BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  }
  if (ns === undefined) {
    const shown = typeof since === 'string' ? `\`${since.slice(0, 60)}\`` : described(since);
    throw new UsageError(
      `\`since\` is ${shown}: give a Date, ISO text with a time zone like 2026-01-31T12:00:00Z, or nanoseconds as bigint`,
    );
  }
  return ns < 0n ? 0n : BigInt.asUintN(64, ns) === ns ? ns : 2n ** 64n - 1n;
}
