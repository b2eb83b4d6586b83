// Databases of other packages are taken as they are, whatever their keys and values are.

import { PolicyEngine, type LevelDatabase } from 'checkrein';
import { ClassicLevel } from 'classic-level';
import { MemoryLevel } from 'memory-level';

const text = new ClassicLevel('./agent_data');
const json = new ClassicLevel<string, { name: string }>('./agent_data', { valueEncoding: 'json' });
const views = new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' });

new PolicyEngine(text);
new PolicyEngine(json);
new PolicyEngine(json.sublevel<string, number>('counts', { valueEncoding: 'json' }));
new PolicyEngine(views, { maxOpenOperations: 10 });

const known: LevelDatabase = views;
void known;

// @ts-expect-error no store at all
new PolicyEngine(new Set<string>());

// The parameters of a store of one's own are still inferred.
const shelf = new Map<string, Buffer>();
new PolicyEngine({
  put: (key, value) => void shelf.set(key.toString('latin1'), value),
  get: (key) => shelf.get(key.toString('latin1')),
  delete: (key) => shelf.delete(key.toString('latin1')),
});
