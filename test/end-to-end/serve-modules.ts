/**
 * What a page needs to load the built library as it is, without a bundler: files of this repository by path, ES modules of packages, and
 * CommonJS packages as one module each. The names that modules import go to these through an import map.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const resolve = createRequire(import.meta.url).resolve;

/** Packages that are ES modules, each with the file a page loads, and those it only loads in turn. */
const modules: Readonly<Record<string, string>> = {
  '@dagrejs/graphlib': join(dirname(resolve('@dagrejs/graphlib')), 'graphlib.esm.js'),
  'string-width': join(root, 'node_modules/string-width/index.js'),
  'get-east-asian-width': join(root, 'node_modules/get-east-asian-width/index.js'),
  'strip-ansi': join(root, 'node_modules/strip-ansi/index.js'),
  'ansi-regex': join(root, 'node_modules/ansi-regex/index.js'),
  yaml: join(root, 'node_modules/yaml/browser/index.js'),
  zod: join(root, 'node_modules/zod/index.js'),
};
/** Names besides `default` are for modules that ask for them. mathjs has both forms, but hundreds of files. */
const commonJs: Readonly<Record<string, { readonly file: string; readonly names: readonly string[] }>> = {
  'protobufjs/minimal.js': { file: resolve('protobufjs/minimal.js'), names: [] },
  'onnx-proto': { file: resolve('onnx-proto'), names: [] },
  'mathjs/number': { file: resolve('mathjs/number'), names: ['parse'] },
};

export function importMap(): string {
  const names = [...Object.entries(modules), ...Object.entries(commonJs).map(([name, { file }]) => [name, file] as const)];
  return JSON.stringify({ imports: Object.fromEntries(names.map(([name, file]) => [name, `/${relative(root, file)}`])) });
}

/** The answer to a request, null where there is no such file. */
export function serve(path: string): { readonly body: string; readonly contentType: string } | null {
  const file = join(root, path);
  const contentType = extname(file) === '.json' ? 'application/json' : 'text/javascript';
  const entry = Object.values(commonJs).find((m) => m.file === file);
  if (entry !== undefined) return { body: bundle(file, entry.names), contentType };
  try {
    return { body: readFileSync(file, 'utf8'), contentType };
  } catch {
    return null;
  }
}

/** A CommonJS module and all it requires as one ES module, as every bundler writes it: required modules run once, on first use. */
function bundle(entry: string, names: readonly string[]): string {
  const written = new Map<string, string>();
  const add = (file: string): void => {
    if (written.has(file)) return;
    written.set(file, '');
    const local = createRequire(file);
    const rewrite = (line: string): string =>
      line.replaceAll(/\brequire\((["'])([^"']+)\1\)/g, (text, _quote, name: string) => {
        const found = local.resolve(name);
        // What Node alone has is asked for where its absence is no matter.
        if (!isAbsolute(found)) return text;
        add(found);
        return `load(${JSON.stringify(found)})`;
      });
    const lines = readFileSync(file, 'utf8').split('\n');
    const source = lines.map((line) => (/^\s*(\/\/|\/?\*)/.test(line) ? line : rewrite(line))).join('\n');
    written.set(file, source);
  };
  add(entry);
  const functions = [...written].map(([file, source]) => `${JSON.stringify(file)}: function (module, exports) {\n${source}\n}`);
  return `const modules = {\n${functions.join(',\n')}\n};
const loaded = {};
function load(file) {
  if (!(file in loaded)) modules[file].call((loaded[file] = { exports: {} }).exports, loaded[file], loaded[file].exports);
  return loaded[file].exports;
}
const exported = load(${JSON.stringify(entry)});
export default exported;
${names.map((name) => `export const ${name} = exported.${name};`).join('\n')}
`;
}
