// What a step gave, beside what was expected of it.

import assert from 'node:assert/strict';

import { CheckreinError } from 'checkrein';

import { bytes } from './fields.mjs';
import { Breakage } from './script.mjs';
import { START_NS } from './world.mjs';

/** Names of this runner's own types and descriptions, as the vectors write them. */
function placeholders(text) {
  return text
    .replaceAll('`Breakage`', '`{foreign}`')
    .replaceAll('a `number`', '{nonsense}')
    .replaceAll('`MODIFY` without a value', '{nonsense}');
}

/** The fields that are given, of an error. */
export function compareError(want, error, where = '') {
  assert.ok(error instanceof CheckreinError, `${where}: no error of Checkrein: ${error?.stack ?? error}`);
  for (const [name, value] of Object.entries(want)) {
    const at = `${where}: \`${name}\` of: ${error.message}`;
    switch (name) {
      case 'class':
        assert.equal(error.constructor.name, value, at);
        break;
      case 'message':
        assert.ok(placeholders(error.message).includes(value), `${at}: want ${value}`);
        break;
      case 'reason':
        assert.equal(placeholders(error.reason), value, at);
        break;
      case 'key':
        assert.deepEqual(error.key, value === null ? undefined : bytes(value), at);
        break;
      case 'retry_after_ns':
        assert.equal(error.retryAfterNs, BigInt(value), at);
        break;
      case 'cause':
        if (value === '{foreign}') assert.ok(error.cause instanceof Breakage, at);
        else if (value === null) assert.equal(error.cause, undefined, at);
        else assert.equal(error.cause?.constructor.name, value, at);
        break;
      case 'code':
      case 'rule':
      case 'operation':
      case 'applied':
      case 'position':
      case 'limit':
      case 'scope':
        assert.equal(error[name] ?? null, value, at);
        break;
      default:
        assert.fail(`an error's field that the runner does not know: ${name}`);
    }
  }
}

/** All entries in the words of the vectors, with the number of its operation where one is wanted. */
export function entriesOf(entries, wanted) {
  const ids = [...new Set(entries.map((entry) => entry.operation_id))];
  return entries.map((entry, at) => {
    const shown = entryOf(entry, at);
    return wanted[at]?.same === undefined ? shown : { ...shown, same: ids.indexOf(entry.operation_id) + 1 };
  });
}

/** An entry in the words of the vectors. */
function entryOf(entry, place) {
  const { operation_id: id, timestamp, timestamp_ns: ns, sequence, surface, logged, ...rest } = entry;
  assert.ok(typeof id === 'string' && id !== '', 'an entry without an id');
  const micros = String((ns % 1_000_000_000n) / 1000n).padStart(6, '0');
  const seconds = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19);
  assert.equal(timestamp, `${seconds}.${micros}Z`);
  const shown = { ...rest };
  if (sequence !== place + 1) shown.sequence = sequence;
  if (surface !== 'data') shown.surface = surface;
  if (logged !== false) shown.logged = logged;
  if (ns !== START_NS) shown.at_ns = Number(ns - START_NS);
  if (shown.reason !== undefined) shown.reason = placeholders(shown.reason);
  return shown;
}
