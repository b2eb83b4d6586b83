// The scripted host's hooks: they do one word of their script at each call.

import { PolicyAction, PolicyViolation, UsageError } from 'checkrein';

import { bytes } from './fields.mjs';

export class Breakage extends Error {
  constructor() {
    super('a message that no audit entry may hold');
  }
}

/** Which of its words a script is at. */
export class Words {
  #words;
  #calls = 0;

  constructor(words) {
    if (words.length === 0) throw new Error('a script needs a word');
    this.#words = words;
  }

  next() {
    return this.#words[Math.min(this.#calls++, this.#words.length - 1)];
  }
}

/** A hook that does one word after the other. */
export function scriptedHook(script, world) {
  const words = new Words(script);
  return (ctx) => perform(words.next(), ctx, world);
}

function allowIf(condition) {
  return condition ? PolicyAction.ALLOW : PolicyAction.DENY;
}

function said(ctx, name) {
  const value = ctx.get(name);
  return value === undefined ? undefined : String(value);
}

function perform(text, ctx, world) {
  const at = text.indexOf(':');
  const [word, rest] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  const pair = () => [rest.slice(0, rest.indexOf('=')), rest.slice(rest.indexOf('=') + 1)];
  switch (word) {
    case 'allow':
      return PolicyAction.ALLOW;
    case 'deny':
      return rest === undefined ? PolicyAction.DENY : PolicyAction.deny(rest);
    case 'log':
      return PolicyAction.LOG;
    case 'nothing':
      return undefined;
    case 'modify':
      return PolicyAction.modify(bytes(rest));
    case 'same':
      return ctx.value;
    case 'raise':
      throw new Breakage();
    case 'violate':
      throw new PolicyViolation(rest);
    case 'misuse':
      throw new UsageError(rest);
    case 'nonsense':
      return 5;
    case 'bare_modify':
      return PolicyAction.MODIFY;
    case 'later':
      return Promise.resolve().then(() => perform(rest, ctx, world));
    case 'add':
      world.addHook(rest);
      return PolicyAction.ALLOW;
    case 'remove':
      world.removeHook(rest);
      return PolicyAction.ALLOW;
    case 'put': {
      const [key, value] = pair();
      return world.nested((options) => world.policy.put(bytes(key), bytes(value), world.context, options));
    }
    case 'get':
      return world.nested((options) => world.policy.get(bytes(rest), world.context, options));
    case 'scan':
      return world.nested(async (options) => {
        for await (const pair of world.policy.scan(bytes(rest), world.context, options)) void pair;
      });
    case 'cancel':
      world.controller.abort(world.cancelled);
      return PolicyAction.ALLOW;
    case 'check': {
      const [name, value] = pair();
      return allowIf(said(ctx, name) === value);
    }
    case 'lacks':
      return allowIf(said(ctx, rest) === undefined);
    case 'sees':
      return allowIf(ctx.value !== undefined && ctx.value.equals(bytes(rest)));
    case 'sees_nothing':
      return allowIf(ctx.value === undefined);
    case 'key':
      return allowIf(ctx.key.equals(bytes(rest)));
    default:
      throw new Error(`unknown word \`${text}\``);
  }
}
