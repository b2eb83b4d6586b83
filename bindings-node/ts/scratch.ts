/**
 * The scratch array: keys and values go to the core through it, and small answers come back. Cheaper than objects.
 *
 * `src/turn.rs` says what stands where. No code of the host's may run between a call and the reading of its answer.
 */

/** Bytes at the begin that are kept for the words. */
export const WORDS_BYTES = 24;

/** Shared by all calls of an isolate; what does not fit has an array of its own. */
export const scratch = new Uint8Array(64 * 1024);
const scratchWords = new Uint32Array(scratch.buffer, 0, WORDS_BYTES / 4);

/** The words of an answer. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  return bytes === scratch ? scratchWords : new Uint32Array(bytes.buffer, 0, WORDS_BYTES / 4);
}

/** A copy of some bytes after the words. */
export function copied(bytes: Uint8Array, from: number, length: number): Buffer {
  const start = WORDS_BYTES + from;
  return Buffer.from(bytes.subarray(start, start + length));
}
