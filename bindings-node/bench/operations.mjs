// What an operation costs, beside the core's own cost and beside a plain engine in JavaScript.
//
//     npm run bench
//
// Every figure is the median of nine runs; the runs of the rows take turns, so that a busy machine is unfair to all.

import { createRequire } from 'node:module';
import { cpus } from 'node:os';

import { allowAll, Database, PolicyEngine } from 'checkrein';

import { PlainEngine } from './plain.mjs';

const { native } = createRequire(import.meta.url)('../dist/native.js');

const RUNS = 9;
const key = Buffer.from('users/alice/profile');
const value = Buffer.from('0123456789abcdef');
const context = { agent_id: 'agent_001' };

const rows = [];
/** Rows of the second part run after all others: from the first async hook on, every promise costs more. */
let part = 1;
/** A row: how many calls a run makes, and the run, which gives the nanoseconds for one. */
function row(name, calls, run) {
  rows.push({ name, calls, run, part, figures: [] });
}

function sync(name, calls, call) {
  row(name, calls, () => {
    const before = process.hrtime.bigint();
    for (let n = 0; n < calls; n += 1) call();
    return Number(process.hrtime.bigint() - before) / calls;
  });
}

function async_(name, calls, call) {
  row(name, calls, async () => {
    const before = process.hrtime.bigint();
    for (let n = 0; n < calls; n += 1) await call();
    return Number(process.hrtime.bigint() - before) / calls;
  });
}

// The native part.
const handle = native.newEngine(native.memoryDatabase());
const number = native.engineNumber(handle);
native.addHook(handle, 'before_write', 'nothing', 'allow_all', 0);
const scratch = new Uint8Array(4096);
scratch.set(key, 16);
scratch.set(value, 16 + key.length);
const alone = Buffer.concat([key, value]);
row('core: put', 100_000, () => native.coreCost(number, 1, alone, key.length, 100_000));
row('core: get', 100_000, () => native.coreCost(number, 0, alone, key.length, 100_000));
sync('native: put', 100_000, () =>
  native.start(number, 1, scratch, key.length, value.length, undefined, undefined, undefined),
);
sync('native: get', 100_000, () => {
  native.start(number, 0, scratch, key.length, 0, undefined, undefined, undefined);
  scratch.set(key, 16);
});
sync('native: put, agent_id', 100_000, () =>
  native.start(number, 1, scratch, key.length, value.length, 'agent_001', undefined, undefined),
);

// Whole operations.
const bare = () => {
  const policy = new PolicyEngine(Database.memory());
  policy.beforeWrite('nothing', allowAll);
  return policy;
};
const none = async () => undefined;
async_('await of an async function', 50_000, none);

const pairs = [];
function pair(name, calls, ours, plain) {
  pairs.push([name, `checkrein: ${name}`, `plain: ${name}`]);
  async_(`checkrein: ${name}`, calls, ours);
  async_(`plain: ${name}`, calls, plain);
}

{
  const [ours, plain] = [bare(), new PlainEngine()];
  pair('put', 50_000, () => ours.put(key, value), () => plain.put(key, value));
  pair('put, agent_id', 50_000, () => ours.put(key, value, context), () => plain.put(key, value, context));
  pair('get', 50_000, () => ours.get(key), () => plain.get(key));
}
{
  const [ours, plain] = [bare(), new PlainEngine()];
  ours.enableAudit();
  plain.audit(10_000);
  pair('put, agent_id, audit', 50_000, () => ours.put(key, value, context), () => plain.put(key, value, context));
}
{
  const ours = bare();
  ours.addRateLimit('write', { maxPerSecond: 1_000_000_000, scope: 'agent_id' });
  async_('checkrein: put, agent_id, limit', 50_000, () => ours.put(key, value, context));
}
for (const hooks of [100, 1_000, 10_000]) {
  const [ours, plain] = [bare(), new PlainEngine()];
  for (let n = 0; n < hooks; n += 1) {
    ours.beforeWrite(`tenants/${n}/*`, allowAll);
    plain.before(`tenants/${n}/*`, () => undefined);
  }
  const calls = Math.max(200, 2_000_000 / hooks / 10);
  pair(`put, ${hooks} hooks, none matches`, calls, () => ours.put(key, value), () => plain.put(key, value));
}
{
  const [ours, plain] = [bare(), new PlainEngine()];
  const hook = (ctx) => void ctx.agentId;
  ours.beforeWrite('users/**', hook);
  plain.before('users/**', hook);
  pair('put, 1 hook', 20_000, () => ours.put(key, value), () => plain.put(key, value));
}
part = 2;
{
  const [ours, plain] = [bare(), new PlainEngine()];
  const hook = async (ctx) => void ctx.agentId;
  ours.beforeWrite('users/**', hook);
  plain.before('users/**', hook);
  pair('put, 1 async hook', 20_000, () => ours.put(key, value), () => plain.put(key, value));
}

for (const now of [1, 2]) {
  const mine = rows.filter((each) => each.part === now);
  for (const { run } of mine) await run();
  for (let turn = 0; turn < RUNS; turn += 1) {
    for (const each of mine) each.figures.push(await each.run());
  }
}
const median = (name) => {
  const { figures } = rows.find((each) => each.name === name);
  return figures.sort((a, b) => a - b)[RUNS >> 1];
};

console.log(`node ${process.version}, ${cpus()[0].model}, ${cpus().length} cores; nanoseconds, medians of ${RUNS} runs\n`);
const line = (...cells) => console.log(cells.map((cell, at) => (at === 0 ? cell.padEnd(36) : cell.padStart(10))).join(''));
line('', 'ns', 'over core');
for (const name of ['core: put', 'native: put', 'native: put, agent_id', 'core: get', 'native: get']) {
  const base = median(name.includes('put') ? 'core: put' : 'core: get');
  line(name, median(name).toFixed(0), name.startsWith('core') ? '' : `+${(median(name) - base).toFixed(0)}`);
}
for (const name of ['await of an async function', 'checkrein: put, agent_id, limit']) line(name, median(name).toFixed(0));
console.log();
line('', 'checkrein', 'plain JS', 'ratio');
for (const [name, ours, plain] of pairs) {
  line(name, median(ours).toFixed(0), median(plain).toFixed(0), (median(ours) / median(plain)).toFixed(2));
}
