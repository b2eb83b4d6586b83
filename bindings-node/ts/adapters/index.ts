/**
 * Databases of other packages, found by their type and made into stores.
 */

import { isLevel, LevelStore } from './level';

/** @internal A database that is known, as a store; anything else as it is. */
export function adapted(store: unknown): unknown {
  return isLevel(store) ? new LevelStore(store) : store;
}
