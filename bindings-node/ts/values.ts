/**
 * Checks of what callers hand in: bytes, options, and how a wrong value is called in a message.
 */

import { types } from 'node:util';

import { ConfigError, UsageError } from './errors';

/** What a value is, for a message: `a string`, `an Array`, `null`. Runs no code of the value's. */
export function described(value: unknown): string {
  if (value === null || value === undefined) return `\`${value}\``;
  if (typeof value !== 'object') return article(typeof value);
  return article(className(value));
}

function article(word: string): string {
  return `${/^[aeiou]/i.test(word) ? 'an' : 'a'} \`${word}\``;
}

/** The name of an object's class; never throws. */
export function className(value: object): string {
  try {
    const name: unknown = types.isProxy(value) ? undefined : value.constructor?.name;
    return typeof name === 'string' && name !== '' ? name : 'object';
  } catch {
    return 'object';
  }
}

/** Refuses what is no bytes. */
export function checkBytes(what: string, value: unknown): asserts value is Uint8Array {
  if (types.isUint8Array(value)) return;
  const how = typeof value === 'string' ? ': use Buffer.from(…)' : '';
  throw new UsageError(`the ${what} is ${described(value)}, a Uint8Array or Buffer was due${how}`);
}

const lengthGetter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length')
  ?.get as () => number;
/** How many bytes there really are, whatever a subclass says. */
export const lengthOf: (bytes: Uint8Array) => number = Function.prototype.call.bind(lengthGetter);

/** Refuses options that are not known: a misspelt one must not be ignored. */
export function checkOptions<T extends object>(of: string, options: T | undefined, known: readonly (keyof T)[]): T {
  if (options === undefined) return {} as T;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ConfigError(`the options of \`${of}\` are ${described(options)}: give an object`);
  }
  for (const name of Object.keys(options)) {
    if (!(known as readonly string[]).includes(name)) {
      throw new ConfigError(`\`${name}\` is no option of \`${of}\`: write one of ${known.join(', ')}`);
    }
  }
  return options;
}

/** A whole number of 0 or more; nothing where it is absent. */
export function wholeNumber(option: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  const shown = typeof value === 'number' ? String(value) : described(value);
  throw new ConfigError(`\`${option}\` is ${shown}: give a whole number, 0 or more`);
}

/** A text; nothing where it is absent. */
export function textOption(option: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new ConfigError(`\`${option}\` is ${described(value)}: give a string`);
}

/** A flag; nothing where it is absent. */
export function flagOption(option: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw new ConfigError(`\`${option}\` is ${described(value)}: give true or false`);
}
