/**
 * The audit's files: JSON lines, each carrying the hash of the one before.
 */

import { fileURLToPath } from 'node:url';

import { ConfigError, crossing, fromNative } from './errors';
import { native, type Handle } from './native';
import { checkBytes, checkOptions, described, flagOption, textOption, wholeNumber } from './values';

/** How an audit file is kept. */
export interface AuditFileOptions {
  /** Whether each operation waits until its decision is on disk, and is refused where it cannot be. False by default. */
  strict?: boolean;
  /** When lines are forced to the disk: `never`, `interval` (the default, at most once a second) or `always`. */
  fsync?: 'never' | 'interval' | 'always';
  /** The key of an HMAC chain, at least 16 bytes; without one it is a plain hash chain. */
  hmacKey?: Uint8Array;
  /** The size that a file is not to pass: the chain goes on in a new one. 64 MiB by default; 0 is never. */
  rotateBytes?: number;
}

/** What a chain is held against. */
export interface VerifyAuditOptions {
  /** The key that it was written with. */
  hmacKey?: Uint8Array;
  /** A head that was kept elsewhere, as `AuditFile.head()` gave it: the chain must hold this very line. */
  head?: string;
}

/** What a verification found. The counts go up to the first problem. */
export interface AuditReport {
  /** True where everything holds. */
  ok: boolean;
  /** The first thing that does not hold; `line` is 0 where it is the file as a whole. */
  problem?: { file: string; line: number; message: string };
  /** Files that were read. */
  segments: number;
  /** Lines that hold. */
  lines: number;
  /** Of those, the file's own. */
  events: number;
  /** The number of the first line; 0 where there is none. */
  firstSequence: number;
  /** The number of the last line that holds. */
  lastSequence: number;
  /** The last line that holds. Keep it elsewhere: with it, cutting at the end is found later. */
  head: string;
  /** How often a torn line was cut off after a crash, as the chain tells. */
  repairs: number;
  /** How many entries were lost while the file could not be written, as the chain tells. */
  lost: number;
  /** Bytes of an unfinished last line; not a problem. */
  tornBytes: number;
}

const handles = new WeakMap<AuditFile, Attached>();

/** A file, and the engine that writes to it. */
interface Attached {
  readonly engine: Handle<'engine'>;
  readonly file: Handle<'file'>;
}

/** A file that an engine writes its audit to; `policy.addAuditFile` makes it. */
export class AuditFile {
  /** @internal */
  constructor(attached: Attached) {
    handles.set(this, attached);
    Object.freeze(this);
  }

  /** The file that is written: `{pid}` is replaced. */
  get path(): string {
    return crossing(() => native.auditFilePath(attachedOf(this).file));
  }

  /** How many entries could not be kept so far, because the file could not be written for long. */
  get lost(): number {
    return crossing(() => native.auditFileLost(attachedOf(this).file));
  }

  /** The last line that was written, as `SEQUENCE:HEX`: `flush` first where what is queued matters. */
  head(): string {
    return crossing(() => native.auditFileHead(attachedOf(this).file));
  }

  /** Settles once all that the file was told is written. Rejects with a `StoreError`. */
  async flush(): Promise<void> {
    await waited(() => native.flushAuditFile(attachedOf(this).file));
  }

  /** Takes the file from its engine, writes what waits and closes it. Doing so twice is no error. */
  async close(): Promise<void> {
    const { engine, file } = attachedOf(this);
    await waited(() => native.closeAuditFile(engine, file));
  }
}

/** `await using file = …`, where the language has it. */
export interface AuditFile extends AsyncDisposable {}
if (Symbol.asyncDispose) {
  Object.defineProperty(AuditFile.prototype, Symbol.asyncDispose, {
    value: AuditFile.prototype.close,
    configurable: true,
    writable: true,
  });
}

/** @internal Opens a file for an engine. */
export async function attached(
  engine: Handle<'engine'>,
  path: string | URL,
  options: AuditFileOptions | undefined,
): Promise<AuditFile> {
  const given = checkOptions('addAuditFile', options, ['strict', 'fsync', 'hmacKey', 'rotateBytes']);
  const strict = flagOption('strict', given.strict);
  const fsync = textOption('fsync', given.fsync);
  const rotateBytes = wholeNumber('rotateBytes', given.rotateBytes);
  const name = nameOf(path);
  const key = keyOf(given.hmacKey);
  const file = await waited(() => native.addAuditFile(engine, name, strict, fsync, key, rotateBytes));
  return new AuditFile({ engine, file });
}

/** @internal Takes a file from its engine. */
export async function detached(engine: Handle<'engine'>, audit: AuditFile): Promise<boolean> {
  const of = attachedOf(audit);
  return of.engine === engine && (await waited(() => native.removeAuditFile(engine, of.file)));
}

/**
 * Verifies the chain of an audit file, from its oldest rotated file on. A chain that does not hold is no error: the report
 * says `ok: false`, and the `problem`.
 *
 * Rejects with a `StoreError` for what cannot be read, a `ConfigError` where a key is missing.
 */
export async function verifyAudit(path: string | URL, options?: VerifyAuditOptions): Promise<AuditReport> {
  const { hmacKey, head } = checkOptions('verifyAudit', options, ['hmacKey', 'head']);
  const [name, key, kept] = [nameOf(path), keyOf(hmacKey), textOption('head', head)];
  const { problem, ...report } = JSON.parse(await waited(() => native.verifyAudit(name, key, kept))) as AuditReport;
  return problem == null ? report : { ...report, problem };
}

function attachedOf(file: AuditFile): Attached {
  const attached = handles.get(file);
  if (attached === undefined) throw new ConfigError('make an audit file with `policy.addAuditFile(path)`');
  return attached;
}

function nameOf(path: unknown): string {
  const name = path instanceof URL ? fileURLToPath(path) : path;
  if (typeof name !== 'string') throw new ConfigError(`\`path\` is ${described(path)}: give a file's name`);
  return name;
}

function keyOf(key: unknown): Uint8Array | undefined {
  if (key !== undefined) checkBytes('HMAC key', key);
  return key;
}

async function waited<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error);
  }
}
