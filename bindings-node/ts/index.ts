/**
 * Checkrein keeps AI agents in check: hooks, rate limits and an audit in front of a key-value store.
 */

export { PolicyAction } from './action';
export type { Answer } from './action';
export type { LevelDatabase } from './adapters/level';
export { carry, withContext } from './ambient';
export type { AuditEntry, AuditFilter, AuditOperation, AuditPhase, AuditResult, SinkEntry } from './audit';
export { ManualClock } from './clock';
export { PolicyContext } from './context';
export type { Context, ContextValue } from './context';
export { Database } from './database';
export type { DatabaseOptions } from './database';
export { load, parseDocument, PolicyDocument } from './document';
export type { DocumentFormat } from './document';
export { HookHandle, ListenerHandle, PolicyEngine, SinkHandle } from './engine';
export type { EngineOptions } from './engine';
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
export type { ExplainedHook, Explanation, Mode } from './explain';
export { AuditFile, verifyAudit } from './files';
export type { AuditFileOptions, AuditReport, VerifyAuditOptions } from './files';
export { allowAll, denyAll, logAndAllow, redactValue, requireAgentId } from './helpers';
export type { Helper, Logger } from './helpers';
export type { AuditSink, DeniedListener, Hook, Store, StoreChange } from './host';
export type { LimitedOperation, LimitStatus, RateLimit } from './limits';
export type { BatchOperation } from './many';
export type { BatchOptions, OperationOptions } from './run';
export { Scan } from './scan';
