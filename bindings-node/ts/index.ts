/**
 * Checkrein keeps AI agents in check: hooks, rate limits and an audit in front of a key-value store.
 */

export { PolicyAction } from './action';
export type { Answer } from './action';
export type { LevelDatabase } from './adapters/level';
export type { AuditEntry, AuditFilter, AuditResult } from './audit';
export { ManualClock } from './clock';
export { PolicyContext } from './context';
export type { Context, ContextValue } from './context';
export { Database } from './database';
export type { DatabaseOptions } from './database';
export type { Hook, Store } from './drive';
export { HookHandle, PolicyEngine } from './engine';
export type { EngineOptions, OperationOptions } from './engine';
export {
  CheckreinError,
  ConfigError,
  PatternError,
  PolicyViolation,
  RateLimitExceeded,
  StoreError,
  UsageError,
} from './errors';
export type { OperationName, ViolationDetails } from './errors';
export { allowAll, denyAll, logAndAllow, redactValue, requireAgentId } from './helpers';
export type { Helper, Logger } from './helpers';
export type { LimitedOperation, LimitStatus, RateLimit } from './limits';
