/**
 * A clock for tests: it stands still until it is moved.
 */

import { crossing, UsageError } from './errors';
import { native, type Handle } from './native';
import { described } from './values';

const handles = new WeakMap<ManualClock, Handle<'clock'>>();

/** A clock that stands still until it is moved, so that tests of time need no sleep. */
export class ManualClock {
  /** A clock that shows this time, or 1970-01-01 UTC: a `Date`, or nanoseconds since then. */
  constructor(start: Date | bigint = 0n) {
    const ns = start instanceof Date ? BigInt(start.getTime()) * 1_000_000n : start;
    handles.set(
      this,
      crossing(() => native.manualClock(nanoseconds('start', ns))),
    );
  }

  /** Moves the clock on by so many seconds; fractions are rounded to nanoseconds. */
  advance(seconds: number): void {
    if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0) {
      throw new UsageError(`\`seconds\` is ${described(seconds)}: give a number, 0 or more`);
    }
    this.advanceNs(BigInt(Math.round(seconds * 1e9)));
  }

  /** Moves the clock on by so many nanoseconds. */
  advanceNs(ns: bigint | number): void {
    crossing(() => native.advanceClock(handleOf(this), nanoseconds('ns', ns)));
  }

  /** Sets the wall reading alone, as when an administrator sets the machine's clock. */
  setWallNs(ns: bigint): void {
    crossing(() => native.setClockWall(handleOf(this), nanoseconds('ns', ns)));
  }

  /** The wall reading: nanoseconds since 1970-01-01 UTC. */
  get wallNs(): bigint {
    return crossing(() => native.clockWall(handleOf(this)));
  }
}

/** @internal The native clock behind one. */
export function handleOf(clock: unknown): Handle<'clock'> {
  const handle = handles.get(clock as ManualClock);
  if (handle === undefined) throw new UsageError(`\`clock\` is ${described(clock)}: give a ManualClock`);
  return handle;
}

function nanoseconds(what: string, ns: unknown): bigint {
  const whole = typeof ns === 'number' && Number.isSafeInteger(ns) ? BigInt(ns) : ns;
  if (typeof whole === 'bigint' && whole >= 0n && BigInt.asUintN(64, whole) === whole) return whole;
  throw new UsageError(`\`${what}\` is ${described(ns)}: give whole nanoseconds, 0 or more`);
}
