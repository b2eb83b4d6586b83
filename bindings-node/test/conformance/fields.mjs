// The fields of a vector: each is taken once, and one that nobody took is a fault of the runner.

import assert from 'node:assert/strict';

export class Fields {
  #left;
  #where;

  constructor(object, where) {
    assert.equal(typeof object, 'object', where);
    this.#left = new Map(Object.entries(object));
    this.#where = where;
  }

  take(name) {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value;
  }

  /** A nested object's fields; empty ones where it is absent. */
  nested(name) {
    return new Fields(this.take(name) ?? {}, `${this.#where}, ${name}`);
  }

  list(name) {
    return (this.take(name) ?? []).map((each, at) => new Fields(each, `${this.#where}, ${name} ${at}`));
  }

  end() {
    assert.deepEqual([...this.#left.keys()], [], `fields that the runner does not know: ${this.#where}`);
  }
}

/** Bytes as the vectors write them. */
export function bytes(value) {
  if (typeof value === 'object' && value !== null && 'wrong' in value) {
    return { number: 5, null: null }[value.wrong];
  }
  if (typeof value === 'object' && value !== null) {
    assert.deepEqual(Object.keys(value).sort(), ['repeat', 'times']);
    return Buffer.concat(Array(value.times).fill(bytes(value.repeat)));
  }
  assert.equal(typeof value, 'string');
  const parts = value.split(/(\\x[0-9a-f]{2})/);
  return Buffer.concat(
    parts.map((part) => (part.startsWith('\\x') ? Buffer.from(part.slice(2), 'hex') : Buffer.from(part))),
  );
}

/** The elements of a list in which a run stands for many. */
function elements(list, made) {
  return list.flatMap((each) => {
    if (typeof each !== 'object' || each === null || !('run' in each)) return [each];
    assert.deepEqual(Object.keys(each).filter((name) => !['run', 'from', 'times', 'value'].includes(name)), []);
    const numbers = Array.from({ length: each.times }, (_, at) => String(each.from + at).padStart(4, '0'));
    return numbers.map((number) => made(`${each.run}${number}`, each.value));
  });
}

/** Pairs of bytes. */
export function pairs(list) {
  return elements(list, (key, value) => [key, value]).map(([key, value]) => [bytes(key), bytes(value)]);
}

/** A list of keys. */
export function keys(list) {
  return elements(list, (key) => key).map(bytes);
}

/** The operations of a batch. */
export function operations(list) {
  const all = elements(list, (key, value) => ['put', key, value]);
  return all.map(([what, ...rest]) => [what, ...rest.map(bytes)]);
}

/** Bytes as a vector would write them; where they are no UTF-8, byte by byte. */
export function escaped(value) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value).replaceAll('\\', '\\x5c');
  } catch {
    const shown = (byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`);
    return [...value].map(shown).join('');
  }
}
