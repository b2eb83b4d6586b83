/**
 * The embedded database.
 */

import { fileURLToPath } from 'node:url';

import { ConfigError, crossing, fromNative, UsageError } from './errors';
import { checkedOperations, type BatchOperation } from './many';
import { native, type Handle } from './native';
import { pack, unpack } from './packed';
import { checkBytes, checkOptions, described, textOption } from './values';

/** How a database is opened. */
export interface DatabaseOptions {
  /**
   * When an acknowledged write is safe from a loss of power: `sync` (the default), once it is acknowledged; `relaxed`,
   * about a second later.
   */
  durability?: 'sync' | 'relaxed';
}

const handles = new WeakMap<Database, Handle<'database'>>();
const make = Symbol('make');

/**
 * An ordered key-value store in a directory or in memory, crash-safe, for one process at a time.
 *
 * Its own calls pass every hook by: a program gives agents the `PolicyEngine` over it.
 */
export class Database {
  private constructor(handle: Handle<'database'>, made: typeof make) {
    if (made !== make) throw new UsageError('make a database with `Database.open(path)` or `Database.memory()`');
    handles.set(this, handle);
  }

  /** Opens the database in a directory; directory and file are created where they are missing. */
  static async open(path: string | URL, options?: DatabaseOptions): Promise<Database> {
    const { durability } = checkOptions('Database.open', options, ['durability']);
    const directory = path instanceof URL ? fileURLToPath(path) : path;
    if (typeof directory !== 'string' || directory === '') {
      throw new ConfigError(`\`path\` is ${directory === '' ? 'empty' : described(path)}: give a directory's name`);
    }
    const opened = crossing(() => native.openDatabase(directory, textOption('durability', durability)));
    return new Database(await opened.catch(raised), make);
  }

  /** A new, empty database in memory. It is gone with its last user. */
  static memory(): Database {
    return new Database(
      crossing(() => native.memoryDatabase()),
      make,
    );
  }

  /** Sets a key to a value; past every hook. */
  async put(key: Uint8Array, value: Uint8Array): Promise<void> {
    checkBytes('key', key);
    checkBytes('value', value);
    await settled(() => native.databasePut(databaseHandle(this), key, value));
  }

  /** The value of a key, or `undefined` where there is none; past every hook. */
  async get(key: Uint8Array): Promise<Buffer | undefined> {
    checkBytes('key', key);
    return (await settled(() => native.databaseGet(databaseHandle(this), key))) ?? undefined;
  }

  /** Removes a key; that there was none is no error. Past every hook. */
  async delete(key: Uint8Array): Promise<void> {
    checkBytes('key', key);
    await settled(() => native.databaseDelete(databaseHandle(this), key));
  }

  /**
   * The pairs whose keys begin with a prefix, in the order of their bytes, read page by page; past every hook. What is
   * written meanwhile may or may not be seen.
   */
  async *scan(prefix: Uint8Array): AsyncGenerator<[key: Buffer, value: Buffer], void, undefined> {
    checkBytes('prefix', prefix);
    const of = Buffer.from(prefix);
    let after: Buffer | undefined;
    for (;;) {
      const page = await settled(() => native.databaseScan(databaseHandle(this), of, after));
      if (page === null || page.length === 0) return;
      const pairs = unpack(page);
      const last = pairs[pairs.length - 1] as (typeof pairs)[number];
      // A copy: the pair is for the caller to change.
      after = Buffer.from(last[0]);
      for (const pair of pairs) yield pair as [Buffer, Buffer];
    }
  }

  /** Sets and removes several keys in their order, all or none; past every hook. */
  async batch(operations: readonly BatchOperation[]): Promise<void> {
    const changes = pack(checkedOperations(operations));
    await settled(() => native.databaseBatch(databaseHandle(this), changes));
  }

  /**
   * Closes the database: writes under way are finished, later calls are refused with the code `store_closed`, and the
   * directory may be opened again. Closing twice is no error.
   */
  async close(): Promise<void> {
    await crossing(() => native.closeDatabase(databaseHandle(this))).catch(raised);
  }
}

/** `await using db = …`, where the language has it. */
export interface Database extends AsyncDisposable {}
if (Symbol.asyncDispose) {
  Object.defineProperty(Database.prototype, Symbol.asyncDispose, {
    value: Database.prototype.close,
    configurable: true,
    writable: true,
  });
}

/** @internal The native database behind one. */
export function databaseHandle(database: Database): Handle<'database'> {
  const handle = handles.get(database);
  if (handle === undefined) throw new UsageError('make a database with `Database.open(path)` or `Database.memory()`');
  return handle;
}

async function settled<T>(call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error);
  }
}

function raised(error: unknown): never {
  throw fromNative(error);
}
