/**
 * Policy documents: hooks, limits and audit from a file.
 */

import { fileURLToPath } from 'node:url';
import { types } from 'node:util';

import { ConfigError, crossing, fromNative, UsageError } from './errors';
import { native, type Handle } from './native';
import { described } from './values';

/** How a document is written. */
export type DocumentFormat = 'yaml' | 'json' | 'toml';

const handles = new WeakMap<PolicyDocument, Handle<'document'>>();
const make = Symbol('make');

/** A policy document: read, checked, and ready for any number of engines. */
export class PolicyDocument {
  private constructor(handle: Handle<'document'>, made: typeof make) {
    if (made !== make) throw new UsageError('make a document with `load(path)` or `parseDocument(text, format)`');
    handles.set(this, handle);
  }

  /** @internal */
  static of(handle: Handle<'document'>): PolicyDocument {
    return new PolicyDocument(handle, make);
  }

  /** The document's own name. */
  get name(): string | undefined {
    return crossing(() => native.documentName(documentHandle(this))) ?? undefined;
  }
}

/**
 * Reads and checks a policy document; its ending says the format: `.yaml`, `.yml`, `.json` or `.toml`.
 *
 * Rejects with a `ConfigError` that shows all that is wrong with it, each with file, line, column and the line.
 */
export async function load(path: string | URL): Promise<PolicyDocument> {
  const file = path instanceof URL ? fileURLToPath(path) : path;
  if (typeof file !== 'string') throw new ConfigError(`\`path\` is ${described(path)}: give a file's name`);
  try {
    return PolicyDocument.of(await native.loadDocument(file));
  } catch (error) {
    throw fromNative(error);
  }
}

/** Checks a text; `name` stands for the file in messages. Throws as {@link load} rejects. */
export function parseDocument(text: string | Uint8Array, format: DocumentFormat, name = 'document'): PolicyDocument {
  if (typeof text !== 'string' && !types.isUint8Array(text)) {
    throw new UsageError(`the document is ${described(text)}: give a string, or bytes`);
  }
  for (const [what, word] of Object.entries({ format, name })) {
    if (typeof word !== 'string') throw new UsageError(`\`${what}\` is ${described(word)}: give a string`);
  }
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return PolicyDocument.of(crossing(() => native.parseDocument(bytes, format, name)));
}

/** @internal The native document behind one. */
export function documentHandle(document: unknown): Handle<'document'> {
  const handle = handles.get(document as PolicyDocument);
  if (handle !== undefined) return handle;
  throw new ConfigError(
    `the document is ${described(document)}: give one that \`load(path)\` or \`parseDocument(text, format)\` made`,
  );
}
