/**
 * The native module: its loader and the types of its exports. Nothing here is public.
 */

import { join } from 'node:path';

declare const kind: unique symbol;
/** An object of the native module's: what it is, only that module knows. */
export interface Handle<Kind extends string> {
  readonly [kind]: Kind;
}

/** The values that a context may hold. */
export type Primitive = string | boolean | number | bigint;
/** The contexts' values as the native module takes them: the two known names, and `[name, value, …]` of the others. */
export type Flat = readonly [agent: Primitive | undefined, session: Primitive | undefined, rest: Primitive[] | undefined];

/** A step to be performed, or the end. `src/turn.rs` has the table. */
export type Step =
  | [
      kind: 0,
      open: number,
      hook: number,
      depth: number,
      at: number,
      value: Buffer | undefined,
      key: Buffer | undefined,
    ]
  | [
      kind: 1,
      open: number,
      what: 'get' | 'put' | 'delete' | 'scan' | 'batch',
      value: Buffer | undefined,
      key: Buffer | undefined,
      limit: number,
    ]
  | [kind: 2, open: number, logger: number | undefined, message: string]
  | [kind: 3, open: number, promise: Promise<Turn>]
  | [kind: 4, open: 0, json: string, key: Buffer | undefined]
  | [kind: 5, open: 0, place: number]
  | [kind: 6, open: number, key: Buffer, value: Buffer]
  | [
      kind: 7,
      open: number,
      sink: number,
      depth: number,
      entries: string,
      phase: 'decided' | 'done' | undefined,
    ]
  | [
      kind: 8,
      open: number,
      listener: number,
      depth: number,
      told: string | number,
      key: Buffer | undefined,
    ];

/** The steps of some kinds. */
export type StepOf<Kind extends number> = Extract<Step, readonly [kind: Kind, ...rest: unknown[]]>;

/** What an operation gives: its outcome, or its next step. */
export type Turn = undefined | number | Buffer | Step;

type Value = Buffer | null;

export interface Native {
  /** Called by `bin/checkrein.mjs`; gives the exit code. */
  commandLine(args: string[]): number;

  manualClock(wallNs: bigint): Handle<'clock'>;
  advanceClock(clock: Handle<'clock'>, ns: bigint): void;
  setClockWall(clock: Handle<'clock'>, ns: bigint): void;
  clockWall(clock: Handle<'clock'>): bigint;

  memoryDatabase(): Handle<'database'>;
  openDatabase(path: string, durability?: string): Promise<Handle<'database'>>;
  closeDatabase(database: Handle<'database'>): Promise<void>;
  databaseGet(database: Handle<'database'>, key: Uint8Array): Value | Promise<Value>;
  databasePut(database: Handle<'database'>, key: Uint8Array, value: Uint8Array): Value | Promise<Value>;
  databaseDelete(database: Handle<'database'>, key: Uint8Array): Value | Promise<Value>;
  databaseScan(
    database: Handle<'database'>,
    prefix: Uint8Array,
    after: Uint8Array | undefined,
  ): Value | Promise<Value>;
  databaseBatch(database: Handle<'database'>, changes: Uint8Array): Value | Promise<Value>;

  loadDocument(path: string): Promise<Handle<'document'>>;
  parseDocument(text: Uint8Array, format: string, name: string): Handle<'document'>;
  documentName(document: Handle<'document'>): string | null;
  reloadDocument(engine: Handle<'engine'>, document: Handle<'document'>): Promise<void>;

  newEngine(
    database: Handle<'database'> | undefined,
    clock: Handle<'clock'> | undefined,
    maxOpen: number | undefined,
    mode: string | undefined,
    requireContext: string[] | undefined,
    document: Handle<'document'> | undefined,
  ): Handle<'engine'>;
  engineNumber(engine: Handle<'engine'>): number;
  addHook(
    engine: Handle<'engine'>,
    trigger: string,
    keys: string,
    action: string,
    number: number,
    replacement?: Uint8Array,
  ): number;
  removeHook(engine: Handle<'engine'>, id: number): boolean;
  letGo(engine: Handle<'engine'>): number[];
  openOperations(engine: Handle<'engine'>): number;
  askHelper(name: string, ...context: Flat): [answer: 'allow' | 'deny', reason?: string];
  addRateLimit(engine: Handle<'engine'>, operation: string, options: string): void;
  rateLimitStatus(engine: Handle<'engine'>, operation: string, ...context: Flat): string;
  explain(engine: Handle<'engine'>, operation: string, key: Uint8Array, ...context: Flat): string;
  addListener(engine: Handle<'engine'>, number: number): number;
  removeListener(engine: Handle<'engine'>, id: number): boolean;
  addSink(engine: Handle<'engine'>, number: number, strict: boolean): number;
  removeSink(engine: Handle<'engine'>, id: number): boolean;
  flushAudit(engine: Handle<'engine'>): Promise<void>;
  addAuditFile(
    engine: Handle<'engine'>,
    path: string,
    strict: boolean | undefined,
    fsync: string | undefined,
    hmacKey: Uint8Array | undefined,
    rotateBytes: number | undefined,
  ): Promise<Handle<'file'>>;
  auditFileHead(file: Handle<'file'>): string;
  auditFilePath(file: Handle<'file'>): string;
  auditFileLost(file: Handle<'file'>): number;
  flushAuditFile(file: Handle<'file'>): Promise<boolean>;
  removeAuditFile(engine: Handle<'engine'>, file: Handle<'file'>): Promise<boolean>;
  closeAuditFile(engine: Handle<'engine'>, file: Handle<'file'>): Promise<boolean>;
  verifyAudit(path: string, hmacKey: Uint8Array | undefined, head: string | undefined): Promise<string>;
  enableAudit(engine: Handle<'engine'>, maxEntries?: number): void;
  disableAudit(engine: Handle<'engine'>): void;
  auditLog(engine: Handle<'engine'>, filter: string): string;

  start(
    engine: number,
    what: number,
    scratch: Uint8Array,
    keyLength: number,
    valueLength: number,
    agent: Primitive | undefined,
    session: Primitive | undefined,
    rest: Primitive[] | undefined,
  ): Turn;
  startMany(engine: number, what: number, packed: Uint8Array, ...context: Flat): Turn;
  startScan(engine: number, what: number, prefix: Uint8Array, ...context: Flat): number;
  next(open: number, scratch: Uint8Array): Turn;
  reject(engine: number, what: number, key: Uint8Array, message: string): void;
  rejectMany(engine: number, what: number, packed: Uint8Array, message: string): void;
  rejectScan(engine: number, prefix: Uint8Array, message: string): void;
  resume(open: number, kind: number, payload: string | Uint8Array | undefined, place: number, scratch: Uint8Array): Turn;
  abandon(open: number): void;
  guard(open: number): Handle<'guard'>;

  coreCost(engine: number, what: number, bytes: Uint8Array, keyLength: number, rounds: number): number;
  codes(): (string | number)[];
  fault(): never;
}

/** The name of this machine's build, in the manner of napi: `linux-x64-gnu`. */
function platform(): string {
  const { platform, arch } = process;
  if (platform === 'linux') {
    const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
    return `linux-${arch}-${report?.header?.glibcVersionRuntime === undefined ? 'musl' : 'gnu'}`;
  }
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`;
}

function load(): Native {
  const name = `checkrein.${platform()}.node`;
  const path = join(__dirname, '..', name);
  try {
    return require(path) as Native;
  } catch (cause) {
    throw new Error(
      `checkrein has no native module \`${name}\` that loads here: install it for this platform and this version ` +
        `of Node (18.17 or later), or build it with \`npm run build\` in bindings-node`,
      { cause },
    );
  }
}

export const native: Native = load();
