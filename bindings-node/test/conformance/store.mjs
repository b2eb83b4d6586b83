// The scripted host's store, over a map of its own: it does one word of its script at each call.

import { PolicyViolation } from 'checkrein';

import { bytes, Fields } from './fields.mjs';
import { Breakage, Words } from './script.mjs';

export class ScriptedStore {
  #words;
  #map = new Map();
  #world;

  constructor(of, world) {
    this.#world = world;
    this.#words = new Words(of.take('script'));
    for (const [key, value] of Object.entries(of.take('holds') ?? {})) this.fill([[bytes(key), bytes(value)]]);
    for (const what of of.take('can') ?? []) {
      const can = { scan: (...page) => this.#scan(...page), batch: (changes) => this.#batch(changes) }[what];
      if (can === undefined) throw new Error(`a store cannot \`${what}\``);
      this[what] = can;
    }
    of.end();
  }

  holds(key) {
    return this.#map.get(key.toString('latin1'));
  }

  fill(pairs) {
    for (const [key, value] of pairs) this.#map.set(key.toString('latin1'), value);
  }

  put(key, value) {
    return this.#do(() => this.fill([[key, value]]));
  }

  get(key) {
    return this.#do(() => this.holds(key));
  }

  delete(key) {
    return this.#do(() => void this.#map.delete(key.toString('latin1')));
  }

  #batch(changes) {
    return this.#do(() => {
      for (const [what, key, value] of changes) {
        if (what === 'put') this.fill([[key, value]]);
        else this.#map.delete(key.toString('latin1'));
      }
    });
  }

  #scan(prefix, after, limit) {
    const page = (most) => {
      const all = [...this.#map].map(([key, value]) => [Buffer.from(key, 'latin1'), value]);
      return all
        .filter(([key]) => key.subarray(0, prefix.length).equals(prefix))
        .filter(([key]) => after === undefined || Buffer.compare(key, after) > 0)
        .sort(([one], [other]) => Buffer.compare(one, other))
        .slice(0, most);
    };
    const faults = {
      short: () => page(1),
      unordered: () => page(limit).reverse(),
      out_of_prefix: () => [...page(limit), [Buffer.from('\xff elsewhere', 'latin1'), Buffer.from('x')]],
      too_many: () => page(limit + 1),
      text: () => page(limit).map(([key, value]) => [String(key), value]),
    };
    return this.#do(() => page(limit), faults);
  }

  #do(deed, more = {}) {
    const word = this.#words.next();
    if (word in more) return more[word]();
    switch (word) {
      case 'ok':
        return deed();
      case 'raise':
        throw new Breakage();
      case 'nonsense':
        return 5;
      case 'ok_then_raise':
        deed();
        throw new Breakage();
      case 'later':
        return Promise.resolve().then(deed);
      case 'cancel':
        this.#world.controller.abort(this.#world.cancelled);
        return undefined;
      default:
        if (word.startsWith('violate:')) throw new PolicyViolation(word.slice('violate:'.length));
        throw new Error(`unknown word \`${word}\` of a store`);
    }
  }
}

/** The store of a vector. */
export function storeOf(store, world, memory) {
  return store === 'memory' ? memory() : new ScriptedStore(new Fields(store, 'store'), world);
}
