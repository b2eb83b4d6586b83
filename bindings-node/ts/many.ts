/**
 * Several keys at once, as callers hand them in and get them back.
 */

import { UsageError, type OperationName } from './errors';
import type { Keyed } from './host';
import { unpack, unpackValues, type Packable } from './packed';
import { checkBytes, described } from './values';

/** One operation of a batch. */
export type BatchOperation =
  | readonly ['put', key: Uint8Array, value: Uint8Array]
  | readonly ['delete', key: Uint8Array];

/** The operations of a batch, checked: keys, with values where they are written. */
export function checkedOperations(operations: unknown): Packable[] {
  const checked: Packable[] = [];
  gather(operations, checked);
  return checked;
}

/** Puts the operations of a batch into a list, up to the first that is none. */
export function gather(operations: unknown, into: Packable[]): void {
  if (!Array.isArray(operations)) {
    throw new UsageError(`the operations are ${described(operations)}: give an array, like [['put', key, value]]`);
  }
  for (const operation of operations as unknown[]) {
    const [what, key, value]: unknown[] = Array.isArray(operation) ? operation : [];
    const length = { put: 3, delete: 2 }[what as string];
    if (!Array.isArray(operation) || length !== operation.length) {
      throw new UsageError(
        `operation ${into.length + 1} of the batch is ${shown(operation)}: write ['put', key, value] or ['delete', key]`,
      );
    }
    checkBytes('key', key);
    if (what === 'put') checkBytes('value', value);
    into.push(what === 'put' ? [key, value as Uint8Array] : [key]);
  }
}

function shown(operation: unknown): string {
  if (!Array.isArray(operation) || typeof operation[0] !== 'string') return described(operation);
  return `\`${operation[0].slice(0, 20)}\` with ${operation.length - 1} more`;
}

/** Puts keys into a list, up to the first that is none. */
export function gatherKeys(keys: unknown, into: Packable[]): void {
  if (!Array.isArray(keys)) throw new UsageError(`the keys are ${described(keys)}: give an array of keys`);
  for (const key of keys as unknown[]) {
    checkBytes('key', key);
    into.push([key]);
  }
}

/** The values of a `getMany`, in the order of its keys. */
export function valuesIn(packed: Buffer | undefined): (Buffer | undefined)[] {
  return packed === undefined ? [] : unpackValues(packed);
}

/** What hooks are told of the keys of a batch or `getMany`. */
export function keyedIn(packed: Buffer, isBatch: boolean): Keyed[] {
  return unpack(packed).map(([key, value]) => {
    const written: OperationName = value === undefined ? 'delete' : 'write';
    return { operation: isBatch ? written : 'read', key, value };
  });
}
