/**
 * Many keys and values as one array of bytes: one object to hand over where there would be thousands.
 *
 * `src/packed.rs` says what stands where.
 */

import { lengthOf } from './values';

/** A key, and its value where it has one. */
export type Packable = readonly [key: Uint8Array, value?: Uint8Array | undefined];

/** Up to so many bytes buffers may be parts of the same memory. */
const SHARED_BYTES = 4096;

/** Packs keys and values: copies of them all. */
export function pack(pairs: readonly Packable[]): Buffer {
  let room = 0;
  for (const [key, value] of pairs) room += 8 + lengthOf(key) + (value === undefined ? 0 : lengthOf(value));
  const packed = Buffer.allocUnsafe(room);
  let at = 0;
  for (const [key, value] of pairs) {
    const keyLength = lengthOf(key);
    const valueLength = value === undefined ? 0 : lengthOf(value);
    packed.writeUInt32LE(keyLength, at);
    packed.writeUInt32LE(value === undefined ? 0 : valueLength + 1, at + 4);
    packed.set(key, at + 8);
    at += 8 + keyLength;
    if (value !== undefined) packed.set(value, at);
    at += valueLength;
  }
  return packed;
}

/**
 * The keys and values that were packed, each for whoever gets it to keep. Of few bytes they are parts of the same memory, as
 * Node's own small buffers are; of many they are copies, so that one that is kept does not keep all.
 */
export function unpack(packed: Buffer): [key: Buffer, value: Buffer | undefined][] {
  const pairs: [Buffer, Buffer | undefined][] = [];
  const shared = packed.length <= SHARED_BYTES;
  let at = 0;
  while (at < packed.length) {
    const keyEnd = at + 8 + packed.readUInt32LE(at);
    const told = packed.readUInt32LE(at + 4);
    const key = packed.subarray(at + 8, keyEnd);
    at = told === 0 ? keyEnd : keyEnd + told - 1;
    const value = told === 0 ? undefined : packed.subarray(keyEnd, at);
    pairs.push(shared ? [key, value] : [Buffer.from(key), value && Buffer.from(value)]);
  }
  return pairs;
}

/** As {@link unpack}, the values alone. */
export function unpackValues(packed: Buffer): (Buffer | undefined)[] {
  const values: (Buffer | undefined)[] = [];
  const shared = packed.length <= SHARED_BYTES;
  let at = 0;
  while (at < packed.length) {
    const start = at + 8 + packed.readUInt32LE(at);
    const told = packed.readUInt32LE(at + 4);
    at = told === 0 ? start : start + told - 1;
    const value = told === 0 ? undefined : packed.subarray(start, at);
    values.push(shared ? value : value && Buffer.from(value));
  }
  return values;
}
