/**
 * LevelDB as a store: `classic-level`, `memory-level`, whatever else extends the class `AbstractLevel`, and sublevels.
 *
 * Every call names the encoding of bytes itself, so it does not matter how the database was opened. The packages are
 * never imported here: a database is known by the class that it was made by.
 */

import { types } from 'node:util';

import { ConfigError, StoreError } from '../errors';
import { className } from '../values';

/** One change of an atomic batch. */
export type LevelChange = readonly ['put', key: Uint8Array, value: Uint8Array] | readonly ['delete', key: Uint8Array];

interface Bytes {
  readonly keyEncoding: 'buffer';
  readonly valueEncoding: 'buffer';
}

type Operation =
  | { type: 'put'; key: Uint8Array; value: Uint8Array }
  | { type: 'del'; key: Uint8Array };

interface Range extends Bytes {
  gt?: Uint8Array;
  gte?: Uint8Array;
  lt?: Uint8Array;
  limit: number;
  highWaterMarkBytes: number;
}

/** What is used of a database of the `abstract-level` family, whatever the types of its keys and values. */
export interface LevelDatabase {
  readonly status: string;
  keyEncoding(name: 'buffer'): unknown;
  valueEncoding(name: 'buffer'): unknown;
  get(key: Uint8Array, options: Bytes): Promise<Uint8Array | undefined>;
  put(key: Uint8Array, value: Uint8Array, options: Bytes): Promise<void>;
  del(key: Uint8Array, options: { readonly keyEncoding: 'buffer' }): Promise<void>;
  batch(operations: Operation[], options: Bytes): Promise<void>;
  iterator(options: Range): {
    nextv(size: number): Promise<Array<[Uint8Array, Uint8Array]>>;
    close(): Promise<void>;
  };
}

const BYTES: Bytes = Object.freeze({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
/** A page of a scan ends here, however few its entries are, so that large values do not fill the memory. */
const PAGE_BYTES = 4 << 20;
/** How much the iterator reads ahead in one go; LevelDB's 16 KiB makes many short trips to a thread. */
const READ_AHEAD_BYTES = 256 << 10;

/** A LevelDB database as the engine asks it. */
export class LevelStore {
  readonly #db: LevelDatabase;

  constructor(db: LevelDatabase) {
    try {
      db.keyEncoding('buffer');
      db.valueEncoding('buffer');
    } catch (error) {
      if (codeOf(error) !== 'LEVEL_ENCODING_NOT_SUPPORTED') throw error;
      throw new ConfigError(
        `the store is a \`${className(db)}\` that keeps text only: give one that keeps bytes ` +
          "(for a MemoryLevel, `storeEncoding: 'buffer'`)",
      );
    }
    this.#db = db;
  }

  async put(key: Uint8Array, value: Uint8Array): Promise<void> {
    await this.#db.put(key, value, BYTES).catch(raised);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#db.get(key, BYTES).catch((error: unknown) => {
      // The family's first versions reject where there is no value.
      if (codeOf(error) === 'LEVEL_NOT_FOUND') return undefined;
      return raised(error);
    });
  }

  async delete(key: Uint8Array): Promise<void> {
    await this.#db.del(key, BYTES).catch(raised);
  }

  /**
   * The next entries of a scan: keys that begin with `prefix` and stand behind `after`, in the order of their bytes, at
   * most `limit` of them. An empty page ends the scan.
   */
  async scan(
    prefix: Uint8Array,
    after: Uint8Array | undefined,
    limit: number,
  ): Promise<Array<[Uint8Array, Uint8Array]>> {
    const range: Range = { ...BYTES, limit, highWaterMarkBytes: READ_AHEAD_BYTES };
    if (after !== undefined && Buffer.compare(after, prefix) >= 0) range.gt = after;
    else range.gte = prefix;
    const end = endOf(prefix);
    if (end !== undefined) range.lt = end;
    try {
      const iterator = this.#db.iterator(range);
      try {
        const page: Array<[Uint8Array, Uint8Array]> = [];
        let bytes = 0;
        while (page.length < limit && bytes < PAGE_BYTES) {
          const read = await iterator.nextv(limit - page.length);
          if (read.length === 0) break;
          for (const entry of read) {
            bytes += entry[0].length + entry[1].length;
            page.push(entry);
          }
        }
        return page;
      } finally {
        await iterator.close();
      }
    } catch (error) {
      return raised(error);
    }
  }

  /** Makes all changes or none, in their order. */
  async batch(changes: readonly LevelChange[]): Promise<void> {
    const operations = changes.map(([what, key, value]): Operation =>
      what === 'put' ? { type: 'put', key, value } : { type: 'del', key },
    );
    await this.#db.batch(operations, BYTES).catch(raised);
  }
}

/**
 * Whether an object was made by the class `AbstractLevel` or one that extends it. Names of methods do not tell: many a
 * store has a `put` and a `get` that mean something else.
 */
export function isLevel(store: unknown): store is LevelDatabase {
  if (typeof store !== 'object' || store === null || types.isProxy(store)) return false;
  for (let of: unknown = Object.getPrototypeOf(store); of !== null; of = Object.getPrototypeOf(of)) {
    const own = (name: string) => Object.getOwnPropertyDescriptor(of, name);
    if ((own('constructor')?.value as { name?: unknown } | undefined)?.name !== 'AbstractLevel') continue;
    if (!METHODS.every((name) => typeof own(name)?.value === 'function')) continue;
    try {
      // Reads a private field, so it throws for what only inherits from the class and was not made by it.
      return typeof own('status')?.get?.call(store) === 'string';
    } catch {
      return false;
    }
  }
  return false;
}

const METHODS = ['put', 'get', 'del', 'batch', 'iterator', 'sublevel', 'keyEncoding', 'valueEncoding'];

/** The first key behind all that begin with a prefix; nothing where no key is. */
function endOf(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) return undefined;
  const end = Buffer.from(prefix.subarray(0, length));
  end[length - 1] = (end[length - 1] as number) + 1;
  return end;
}

const CODES: Readonly<Record<string, readonly [code: string, message: string]>> = {
  LEVEL_DATABASE_NOT_OPEN: ['store_closed', 'the LevelDB database is not open: `await db.open()` opens it or says why'],
  LEVEL_ITERATOR_NOT_OPEN: ['store_closed', 'the LevelDB database was closed during a scan: open it again'],
  LEVEL_CORRUPTION: ['store_damaged', 'the LevelDB database is damaged: repair it, or restore a copy'],
};

/** Throws what the database failed with: under its stable code where there is one, else as it is. */
function raised(error: unknown): never {
  const known = CODES[codeOf(error) ?? ''];
  if (known === undefined) throw error;
  throw new StoreError(known[1], known[0], { cause: error });
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}
