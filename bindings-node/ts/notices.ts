/**
 * Warnings: those of operations, and what the core says on its own of an audit file (a torn end was cut off, it cannot
 * be written, entries are lost).
 */

import { native } from './native';

/** @internal Warns whoever listens. */
export function warn(message: string): void {
  process.emitWarning(message, { type: 'CheckreinWarning', code: 'CHECKREIN_WARNING' });
}

native.watchNotices((notice) => {
  try {
    warn(notice);
  } catch {
    // Nobody called: what a replaced `emitWarning` throws would end the process.
  }
});
