// What several keys at once cost: a scan by the pair beside the unguarded scan and beside bare `for await`, a batch and a
// `getMany` by the key beside single calls.
//
//     npm run bench
//
// Every figure is the median of seven runs that take turns. Rows with async hooks run last: from the first one on, every
// promise of the process costs more.

import { cpus } from 'node:os';

import { allowAll, Database, PolicyEngine } from 'checkrein';

const RUNS = 7;
const COUNT = 100_000;
const MANY = 100;
const prefix = Buffer.from('k/');
const value = Buffer.from('0123456789abcdef');
const keys = Array.from({ length: COUNT }, (_, n) => Buffer.from(`k/${String(n).padStart(6, '0')}`));

const db = Database.memory();
for (let from = 0; from < COUNT; from += 10_000) {
  await db.batch(keys.slice(from, from + 10_000).map((key) => ['put', key, value]));
}

/** An engine with one hook. */
function hooked(hook) {
  const policy = new PolicyEngine(db);
  if (hook === undefined) policy.beforeDelete('nothing', allowAll);
  else policy.afterRead('k/**', hook);
  return policy;
}

/** The floor: an iterator that makes its buffers and one promise for each pair. */
function bare() {
  let at = 0;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      const key = keys[at++];
      if (key === undefined) return Promise.resolve({ done: true, value: undefined });
      return Promise.resolve({ done: false, value: [Buffer.from(key), Buffer.from(value)] });
    },
  };
}

const rows = [];
const scan = (name, part, pairs) =>
  rows.push({
    name,
    part,
    figures: [],
    async run() {
      const before = process.hrtime.bigint();
      let count = 0;
      for await (const pair of pairs()) count += pair.length / 2;
      if (count !== COUNT) throw new Error(`${name}: ${count} pairs`);
      return Number(process.hrtime.bigint() - before) / COUNT;
    },
  });
const many = (name, part, call) =>
  rows.push({
    name,
    part,
    figures: [],
    async run() {
      const rounds = 200;
      const before = process.hrtime.bigint();
      for (let n = 0; n < rounds; n += 1) await call();
      return Number(process.hrtime.bigint() - before) / rounds / MANY;
    },
  });

const of = (policy) => () => policy.scan(prefix);
scan('for await, nothing behind it', 1, bare);
scan('Database.scan, unguarded', 1, () => db.scan(prefix));
scan('scan, no hook matches', 1, of(hooked()));
scan('scan, 1 native after_read hook', 1, of(hooked(allowAll)));
scan('scan, 1 sync hook', 1, of(hooked((ctx) => void ctx.agentId)));
scan('scan, 1 async hook', 2, of(hooked(async (ctx) => void ctx.agentId)));

const some = keys.slice(0, MANY);
const puts = some.map((key) => ['put', key, value]);
const plain = hooked();
const sync = hooked();
sync.beforeWrite('k/**', (ctx) => void ctx.agentId);
many(`put, ${MANY} times`, 1, async () => {
  for (const key of some) await plain.put(key, value);
});
many(`batch of ${MANY}`, 1, () => plain.batch(puts));
many(`batch of ${MANY}, 1 sync hook`, 1, () => sync.batch(puts));
many(`get, ${MANY} times`, 1, async () => {
  for (const key of some) await plain.get(key);
});
many(`getMany of ${MANY}`, 1, () => plain.getMany(some));

for (const part of [1, 2]) {
  const mine = rows.filter((row) => row.part === part);
  for (const row of mine) await row.run();
  for (let turn = 0; turn < RUNS; turn += 1) {
    for (const row of mine) row.figures.push(await row.run());
  }
}
console.log(`node ${process.version}, ${cpus()[0].model}, ${cpus().length} cores; nanoseconds by the key, medians of ${RUNS} runs\n`);
for (const { name, figures } of rows) {
  console.log(name.padEnd(36) + figures.sort((a, b) => a - b)[RUNS >> 1].toFixed(0).padStart(8));
}
