#!/usr/bin/env node
// The command line. `docs/cli.md` describes it; all of it is in the native module.

import module from '../dist/native.js';

process.exitCode = module.native.commandLine(process.argv.slice(2));
