// The yardstick: the policy engine that one would write in an afternoon. Globs become regular expressions, hooks are a
// list, the store is a Map. It copies nothing, audits little and checks nothing.

export class PlainEngine {
  #hooks = [];
  #store = new Map();
  #log = undefined;

  before(glob, hook) {
    const source = glob
      .split('**')
      .map((part) => part.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '[^/]*'))
      .join('.*');
    this.#hooks.push({ pattern: new RegExp(`^${source}$`, 's'), hook });
  }

  audit(size) {
    this.#log = { entries: new Array(size), next: 0 };
  }

  async put(key, value, context = {}) {
    const name = key.toString();
    let current = value;
    for (const { pattern, hook } of this.#hooks) {
      if (!pattern.test(name)) continue;
      const answer = await hook({ operation: 'write', key, value: current, agentId: context.agent_id });
      if (answer === 'deny') throw new Error(`denied: ${name}`);
      if (answer instanceof Uint8Array) current = answer;
    }
    this.#store.set(name, current);
    if (this.#log !== undefined) {
      const { entries } = this.#log;
      entries[this.#log.next++ % entries.length] = {
        timestamp: new Date().toISOString(),
        operation: 'write',
        key: name,
        agent_id: context.agent_id,
        result: 'allowed',
      };
    }
  }

  async get(key) {
    return this.#store.get(key.toString());
  }
}
