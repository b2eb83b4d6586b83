/**
 * The ready-made hooks: `import { denyAll } from 'checkrein/policy'`.
 */

export { allowAll, denyAll, logAndAllow, redactValue, requireAgentId } from './helpers';
export type { Helper, Logger } from './helpers';
export { PolicyAction } from './action';
export { PolicyContext } from './context';
export { PolicyViolation, RateLimitExceeded } from './errors';
