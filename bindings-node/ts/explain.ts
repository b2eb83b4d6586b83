/**
 * What would be asked about an operation.
 */

import type { OperationName } from './errors';
import { limitStatuses, type LimitStatus, type ToldLimit } from './limits';

/** Whether refusals are enforced, or only noted. */
export type Mode = 'enforce' | 'shadow';

/** A hook that matches. */
export interface ExplainedHook {
  /** Its name in errors and in the audit. */
  rule: string;
  /** When it is asked: `before_write`, say. */
  trigger: string;
  /** Its key pattern. */
  keys: string;
  /** What it is: `host` for a function, `log`, the name of a ready-made hook, or what a document declares. */
  kind: string;
  /** Its own mode. */
  mode: Mode;
  /** What it would answer; `unknown` for a function of the program's. */
  answer: 'allow' | 'deny' | 'modify' | 'log' | 'passes over' | 'unknown';
}

/** What is asked about an operation, in the order in which it is. */
export interface Explanation {
  /** What would be done. */
  operation: OperationName;
  /** The verdict, as far as it can be told without the program's own hooks. */
  verdict: 'allowed' | 'modified' | 'redacted' | 'denied' | 'rate_limited' | 'would_deny' | 'unknown';
  /** What decides: the rule of a hook, a limit, or `require_context`. */
  rule?: string;
  /** Why. */
  reason?: string;
  /** The engine's mode. */
  mode: Mode;
  /** The hooks that match the key: first those before, then those after. */
  hooks: ExplainedHook[];
  /** How the limits that apply stand. */
  limits: LimitStatus[];
}

/** @internal What the core tells, without what is absent. */
export function explanation(json: string): Explanation {
  const { rule, reason, limits, ...told } = JSON.parse(json) as Omit<Explanation, 'limits'> & { limits: ToldLimit[] };
  return {
    ...told,
    ...(rule == null ? {} : { rule }),
    ...(reason == null ? {} : { reason }),
    limits: limitStatuses(limits),
  };
}
