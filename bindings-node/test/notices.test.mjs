// What the core says on its own, on threads of its own, comes as a warning of the process.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { b, directory, engine } from './support.mjs';

const entry = new URL('../dist/index.js', import.meta.url).pathname;

/** A file whose last line has no end, as a crash leaves it. */
async function torn(t) {
  const path = join(directory(t), 'audit.jsonl');
  const policy = engine();
  const file = await policy.addAuditFile(path);
  await policy.put(b('k'), b('v'));
  await file.close();
  appendFileSync(path, '{"sequence":');
  return { path, policy };
}

/** What a program says on its standard error, which has to end by itself. */
async function program(code, ...args) {
  const script = `const { PolicyEngine, Database } = require(${JSON.stringify(entry)});\n${code}`;
  const run = promisify(execFile);
  return (await run(process.execPath, ['-e', script, ...args], { timeout: 60_000 })).stderr;
}

test('a torn line that was cut off is a warning', async (t) => {
  const { path, policy } = await torn(t);
  const heard = once(process, 'warning');
  const file = await policy.addAuditFile(path);
  const [warning] = await heard;
  assert.deepEqual([warning.name, warning.code], ['CheckreinWarning', 'CHECKREIN_WARNING']);
  assert.ok(warning.message.includes(path), warning.message);
  await file.close();
});

test('a program ends though warnings could come, and has had those that came', async (t) => {
  const { path } = await torn(t);
  const said = await program('new PolicyEngine(Database.memory()).addAuditFile(process.argv[1])', path);
  assert.match(said, /\[CHECKREIN_WARNING\] CheckreinWarning: .*audit\.jsonl/);
  assert.equal(await program('new PolicyEngine(Database.memory())'), '');
});

test('an `emitWarning` that throws ends nothing', async (t) => {
  const { path } = await torn(t);
  const code = `
    let asked = 0;
    process.emitWarning = () => { asked += 1; throw new Error('no'); };
    process.on('exit', () => console.error('asked', asked));
    new PolicyEngine(Database.memory()).addAuditFile(process.argv[1]);`;
  assert.equal(await program(code, path), 'asked 1\n');
});

test('where the thread that was told has ended, another is told', async (t) => {
  const { path } = await torn(t);
  const worker = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { PolicyEngine, Database } = require(workerData.entry);
    process.on('warning', (warning) => parentPort.postMessage(warning.code));
    parentPort.once('message', async (path) => {
      if (path !== undefined) await new PolicyEngine(Database.memory()).addAuditFile(path);
    });
    parentPort.postMessage('ready');`;
  const code = `
    const { Worker } = require('node:worker_threads');
    const { once } = require('node:events');
    const start = async () => {
      const made = new Worker(${JSON.stringify(worker)}, { eval: true, workerData: { entry: process.argv[2] } });
      await once(made, 'message');
      return made;
    };
    (async () => {
      const first = await start();
      const second = await start();
      first.postMessage(undefined);
      await once(first, 'exit');
      const heard = once(second, 'message');
      second.postMessage(process.argv[1]);
      console.log((await heard)[0]);
    })();`;
  // Here the main thread does not load the package.
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--no-warnings', '-e', code, path, entry], { timeout: 60_000 });
  assert.equal(stdout, 'CHECKREIN_WARNING\n');
});
