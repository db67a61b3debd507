#!/usr/bin/env node
// For every src/**/NAME.proto writes, in generated/ beside it, NAME.js (a protobufjs static module: no reflection, no eval),
// NAME.d.ts, and in both a table `fields` of the schema (what a message may say about a damaged file) and the codec's `Reader`.
//   node scripts/generate-codec.mjs [--check]     --check writes nothing and fails if a committed file differs
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import protobuf from 'protobufjs';
import pbjs from 'protobufjs-cli/pbjs.js';
import pbts from 'protobufjs-cli/pbts.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const generate = promisify(pbjs.generate);
const declare = promisify(pbts.process);

const banner = (proto) => `// Generated from ${basename(proto)} by scripts/generate-codec.mjs. Do not edit.\n`;

/** Message name without package -> field number -> [field name, ending in [] where it repeats; type name]. */
function fieldTable(schema) {
  const table = {};
  const visit = (space, path) => {
    for (const nested of space.nestedArray) {
      if (!(nested instanceof protobuf.Namespace)) continue;
      const isType = nested instanceof protobuf.Type;
      const name = isType ? [...path, nested.name] : [];
      if (isType) {
        const fields = nested.fieldsArray.toSorted((a, b) => a.id - b.id);
        table[name.join('.')] = Object.fromEntries(
          fields.map((f) => [
            f.id,
            [
              f.name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`) + (f.repeated ? '[]' : ''),
              f.resolvedType instanceof protobuf.Type ? typePath(f.resolvedType) : f.resolvedType ? 'enum' : f.type,
            ],
          ]),
        );
      }
      visit(nested, name);
    }
  };
  const typePath = (type) => (type.parent instanceof protobuf.Type ? `${typePath(type.parent)}.${type.name}` : type.name);
  visit(schema, []);
  return table;
}

function printTable(table) {
  const lines = Object.entries(table).map(([message, fields]) => {
    const row = Object.entries(fields).map(([id, [name, type]]) => `${id}: ["${name}", "${type}"]`);
    return `    "${message}": { ${row.join(', ')} },`;
  });
  return `\nexport const fields = {\n${lines.join('\n')}\n};\n`;
}

async function codec(proto) {
  const schema = new protobuf.Root();
  schema.loadSync(proto).resolveAll();
  const options = {
    target: 'static-module',
    wrap: 'es6',
    es6: true,
    dependency: 'protobufjs/minimal.js',
    // Each schema gets a registry of its own: onnx-proto keeps the default one.
    root: `systole-${basename(proto, '.proto')}`,
    create: false,
    verify: false,
    convert: false,
    delimited: false,
    typeurl: false,
    service: false,
    // A field that is absent reads null, not zero: ONNX tells a dimension of 0 from an unknown one by that.
    'null-semantics': true,
  };
  // The declarations are made from the comments, which the committed module does without.
  const annotated = await generate(schema, { ...options, comments: true });
  const module = await generate(schema, { ...options, comments: false });
  const declarations = await declare(annotated, ['--no-comments', '--import', '$protobuf=protobufjs/minimal.js']);
  const dts = declarations
    // `long` is protobufjs' dependency, not ours; this is all of it that anybody may rely on.
    .replace(
      /import Long = require\("long"\);/,
      'interface Long { readonly low: number; readonly high: number; readonly unsigned: boolean }',
    )
    .replace(/^import \* as \$protobuf.*$/m, 'import type * as $protobuf from "protobufjs/minimal.js";');
  return {
    js: banner(proto) + module.trimEnd() + '\n' + printTable(fieldTable(schema)) + '\nexport const Reader = $protobuf.Reader;\n',
    dts:
      banner(proto) +
      dts.trimEnd() +
      '\n\nexport const fields: Readonly<Record<string, Readonly<Record<number, readonly [name: string, type: string]>>>>;\n' +
      '\nexport const Reader: typeof $protobuf.Reader;\nexport type Reader = $protobuf.Reader;\n',
  };
}

function protoFiles() {
  return readdirSync(join(root, 'src'), { recursive: true })
    .filter((name) => name.endsWith('.proto'))
    .map((name) => join('src', name))
    .sort();
}

const check = process.argv.includes('--check');
const stale = [];
for (const proto of protoFiles()) {
  const { js, dts } = await codec(join(root, proto));
  const out = join(root, dirname(proto), 'generated');
  for (const [name, text] of [
    [`${basename(proto, '.proto')}.js`, js],
    [`${basename(proto, '.proto')}.d.ts`, dts],
  ]) {
    const file = join(out, name);
    let current;
    try {
      current = readFileSync(file, 'utf8');
    } catch {
      current = undefined;
    }
    if (current === text) continue;
    if (check) stale.push(relative(root, file));
    else {
      mkdirSync(out, { recursive: true });
      writeFileSync(file, text);
      console.log(`wrote ${relative(root, file)}`);
    }
  }
}
if (stale.length > 0) {
  console.error(`not what the schema gives: ${stale.join(', ')}. Run \`npm run generate\` and commit the result.`);
  process.exitCode = 1;
}
