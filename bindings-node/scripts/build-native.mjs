// Builds the native module and puts it next to the package. `--debug` builds without optimisation.

import { execFileSync } from 'node:child_process';
import { copyFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const debug = process.argv.includes('--debug');
const metadata = JSON.parse(
  execFileSync('cargo', ['metadata', '--format-version', '1', '--no-deps'], { cwd: root, maxBuffer: 1 << 26 }),
);
execFileSync('cargo', ['build', '-p', 'checkrein-node', ...(debug ? [] : ['--release'])], {
  cwd: root,
  stdio: 'inherit',
});

const library = {
  linux: 'libcheckrein_node.so',
  darwin: 'libcheckrein_node.dylib',
  win32: 'checkrein_node.dll',
}[process.platform];
if (library === undefined) throw new Error(`no build is known for ${process.platform}`);
const abi = { linux: process.report.getReport().header.glibcVersionRuntime ? '-gnu' : '-musl', win32: '-msvc' };
const name = `checkrein.${process.platform}-${process.arch}${abi[process.platform] ?? ''}.node`;
const built = `${metadata.target_directory}/${debug ? 'debug' : 'release'}/${library}`;
// By way of a new file: a running Node may have the old one mapped.
copyFileSync(built, `${root}${name}.new`);
renameSync(`${root}${name}.new`, `${root}${name}`);
console.log(`built ${name}`);
