/**
 * Many keys and values as one array of bytes: one object to hand over where there would be thousands.
 *
 * `src/packed.rs` says what stands where.
 */

import { lengthOf } from './values';

/** A key, and its value where it has one. */
export type Packable = readonly [key: Uint8Array, value?: Uint8Array | undefined];

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

/** Copies of the keys and values that were packed. */
export function unpack(packed: Buffer): [key: Buffer, value: Buffer | undefined][] {
  const pairs: [Buffer, Buffer | undefined][] = [];
  let at = 0;
  const taken = (length: number) => Buffer.from(packed.subarray(at, (at += length)));
  while (at < packed.length) {
    const keyLength = packed.readUInt32LE(at);
    const told = packed.readUInt32LE(at + 4);
    at += 8;
    const key = taken(keyLength);
    pairs.push([key, told === 0 ? undefined : taken(told - 1)]);
  }
  return pairs;
}
