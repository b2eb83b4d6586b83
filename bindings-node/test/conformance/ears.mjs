// The scripted host's listeners and sinks, and what they were told.

import assert from 'node:assert/strict';

import { CheckreinError } from 'checkrein';

import { escaped } from './fields.mjs';
import { Breakage, Words } from './script.mjs';

export class Ears {
  #policy;
  #denied = [];
  #sunk = [];
  #listeners = new Map();
  #sinks = new Map();

  constructor(host, policy) {
    this.#policy = policy;
    for (const listener of host.list('listeners')) {
      const name = listener.take('name');
      const words = new Words(listener.take('script'));
      listener.end();
      const hear = (error) => {
        assert.ok(error instanceof CheckreinError);
        const told = { listener: name, code: error.code };
        if (error.key !== undefined) told.key = escaped(error.key);
        this.#denied.push(told);
        return answer(words.next());
      };
      this.#listeners.set(name, policy.onDenied(hear));
    }
    for (const sink of host.list('sinks')) {
      const name = sink.take('name');
      const words = new Words(sink.take('script'));
      const strict = sink.take('strict') ?? false;
      const spare = sink.take('spare') ?? false;
      sink.end();
      const hear = (entry, phase) => {
        const told = { sink: name, phase };
        for (const field of ['operation', 'key', 'result', 'applied', 'rule']) told[field] = entry[field];
        const there = Object.entries(told).filter(([, value]) => value !== undefined);
        this.#sunk.push(Object.fromEntries(there));
        return answer(words.next());
      };
      this.#sinks.set(name, { add: () => policy.addAuditSink(hear, { strict }) });
      if (!spare) this.addSink(name);
    }
  }

  addSink(name) {
    const sink = this.#sinks.get(name);
    sink.handle = sink.add();
  }

  removeSink(name) {
    const { handle } = this.#sinks.get(name);
    assert.equal(this.#policy.removeAuditSink(handle), true, `\`${name}\` was not there`);
    assert.equal(handle.remove(), false, `\`${name}\` was there twice`);
  }

  removeListener(name) {
    const handle = this.#listeners.get(name);
    assert.equal(this.#policy.removeListener(handle), true, `\`${name}\` was not there`);
    assert.equal(handle.remove(), false, `\`${name}\` was there twice`);
  }

  check(denied = [], sunk = []) {
    assert.deepEqual(this.#denied, denied, 'what the listeners were told');
    assert.deepEqual(this.#sunk, sunk, 'what the sinks were told');
  }
}

function answer(word) {
  switch (word) {
    case 'ok':
      return undefined;
    case 'raise':
      throw new Breakage();
    case 'later':
      return new Promise((next) => setImmediate(next));
    default:
      throw new Error(`unknown word \`${word}\` of a listener or sink`);
  }
}
