// Writes the ESM entries: thin wrappers over the CommonJS build, so that there is one copy of every class.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
for (const name of ['index', 'policy']) {
  const dist = new URL(`../dist/${name}`, import.meta.url).pathname;
  const names = Object.keys(require(`${dist}.js`)).filter((each) => each !== '__esModule');
  writeFileSync(
    `${dist}.mjs`,
    `import all from './${name}.js';\n\nexport const { ${names.sort().join(', ')} } = all;\n`,
  );
  // The declarations name every type too, so the wrapper's are the same.
  writeFileSync(`${dist}.d.mts`, `export * from './${name}.js';\n`);
  readFileSync(`${dist}.d.ts`);
}
