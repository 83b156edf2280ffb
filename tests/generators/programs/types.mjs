// Generates the types of a world for a program in JavaScript: what `jco guest-types` does, on a WIT package in one file.
// Called in the folder of the package `@bytecodealliance/jco-transpile`, with the file, the world and a folder for the types.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [wit, world, out] = process.argv.slice(2);
const path = createRequire(join(process.cwd(), 'x.js')).resolve('@bytecodealliance/jco-transpile/component');
const { $init, generateTypes } = await import(pathToFileURL(path));
await $init;
const files = generateTypes(world, {
  wit: { tag: 'binary', val: readFileSync(wit) },
  world,
  features: { tag: 'list', val: [] },
  guest: true,
});
for (const [name, content] of files) {
  const file = join(out, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
