/**
 * The ready-made hooks: decided in the core, so that they cost no call and answer the same in every language.
 *
 * Called by hand, in a test of yours, they answer the same.
 */

import { PolicyAction } from './action';
import { PolicyContext } from './context';
import { crossing, UsageError } from './errors';
import { native } from './native';
import { checkBytes, described } from './values';

/** A ready-made hook's shape. */
export type Helper = (ctx: PolicyContext) => PolicyAction;

/** Where `logAndAllow` tells: `console`, or any logger that has `info`. */
export interface Logger {
  info(message: string): unknown;
}

/** @internal How the engine knows a helper. */
export type HelperSpec =
  | { action: 'deny_all' | 'allow_all' | 'require_agent_id' }
  | { action: 'redact_value'; replacement: Buffer }
  | { action: 'log'; logger: Logger };

const specs = new WeakMap<object, HelperSpec>();

/** @internal What a function is, if it is one of the helpers. */
export function helperSpec(hook: object): HelperSpec | undefined {
  return specs.get(hook);
}

function helper(action: 'deny_all' | 'allow_all' | 'require_agent_id', name: string): Helper {
  const hook: Helper = (ctx) => {
    const said = PolicyContext.said(checked(name, ctx));
    const [answer, reason] = crossing(() => native.askHelper(action, ...said));
    if (answer === 'allow') return PolicyAction.ALLOW;
    return reason === undefined ? PolicyAction.DENY : PolicyAction.deny(reason);
  };
  Object.defineProperty(hook, 'name', { value: name });
  specs.set(hook, { action });
  return hook;
}

function checked(name: string, ctx: unknown): PolicyContext {
  if (ctx instanceof PolicyContext) return ctx;
  throw new UsageError(`\`${name}\` was called with ${described(ctx)}: give a PolicyContext`);
}

/** Refuses. */
export const denyAll: Helper = helper('deny_all', 'denyAll');

/** Goes on. */
export const allowAll: Helper = helper('allow_all', 'allowAll');

/** Refuses where the context has no `agent_id`, or an empty one. */
export const requireAgentId: Helper = helper('require_agent_id', 'requireAgentId');

/** Puts these bytes, which are copied, in the place of the value. Fits `afterRead` and `beforeWrite`. */
export function redactValue(replacement: Uint8Array): Helper {
  checkBytes('replacement of `redactValue`', replacement);
  const copy = Buffer.from(replacement);
  const hook: Helper = () => PolicyAction.modify(copy);
  specs.set(hook, { action: 'redact_value', replacement: copy });
  return hook;
}

/**
 * Tells a logger, `console` unless told otherwise, and lets the operation pass, flagged in the audit. The sentence
 * names trigger, key and agent, never a value. A logger that fails refuses the operation.
 */
export function logAndAllow(logger: Logger = console): Helper {
  if (typeof (logger as Logger | null)?.info !== 'function') {
    throw new UsageError(`the logger is ${described(logger)}: give an object with a method \`info\``);
  }
  const hook: Helper = (ctx) => {
    const { operation, key, agentId } = checked('logAndAllow', ctx);
    logger.info(`${operation} \`${key.toString()}\`${agentId === undefined ? '' : ` by agent \`${agentId}\``}`);
    return PolicyAction.LOG;
  };
  specs.set(hook, { action: 'log', logger });
  return hook;
}
