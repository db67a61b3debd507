/** Who may import whom (ARCHITECTURE.md): the linter refuses it, and what is there keeps to it. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  onnx: ['core'],
  'hw-configs': ['core'],
  graph: ['core', 'onnx'],
  isa: ['core', 'onnx', 'hw-configs', 'graph'],
  compiler: ['core', 'onnx', 'hw-configs', 'graph', 'isa'],
  simulator: ['core', 'onnx', 'hw-configs', 'graph', 'isa'],
  models: ['core', 'onnx'],
  reports: ['core', 'onnx', 'hw-configs', 'graph', 'isa', 'compiler', 'simulator'],
  explore: ['core', 'onnx', 'hw-configs', 'graph', 'isa', 'compiler', 'simulator', 'models', 'reports'],
  cli: ['core', 'onnx', 'hw-configs', 'graph', 'isa', 'compiler', 'simulator', 'models', 'explore', 'reports'],
};

describe('the sources', () => {
  const files = filesUnder(join(root, 'src')).filter((file) => file.endsWith('.ts') && !file.includes('generated'));

  test('import only rooms they may know', () => {
    const wrong = files.flatMap((file) => {
      const room = roomOf(file);
      return specifiers(file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => roomOf(resolve(dirname(file), specifier)))
        .filter((other) => other !== room && !(mayImport[room] ?? []).includes(other))
        .map((other) => `${relative(root, file)} -> ${other}`);
    });
    expect(wrong).toEqual([]);
  });

  test('keep the platform in cli and explore', () => {
    const wrong = files.filter(
      (file) => !['cli', 'explore'].includes(roomOf(file)) && specifiers(file).some((specifier) => specifier.startsWith('node:')),
    );
    expect(wrong.map((file) => relative(root, file))).toEqual([]);
  });

  test('open every door with what the room is', () => {
    for (const room of Object.keys(mayImport).filter((name) => name !== 'cli')) {
      const door = readFileSync(join(root, 'src', room, 'index.ts'), 'utf8');
      expect(door.startsWith('/**'), `${room}/index.ts begins with a comment`).toBe(true);
      expect(door.slice(0, door.indexOf('*/')).toLowerCase(), room).toContain('must not know');
    }
  });
});

describe('the linter', () => {
  let home = '';
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'systole-rooms-'));
    for (const file of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) cpSync(join(root, file), join(home, file));
    symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'));
    for (const room of Object.keys(mayImport)) {
      mkdirSync(join(home, 'src', room, 'part'), { recursive: true });
      writeFileSync(join(home, 'src', room, 'index.ts'), 'export const door: number = 1;\n');
      writeFileSync(join(home, 'src', room, 'inner.ts'), 'export const inner: number = 1;\nexport type Inner = number;\n');
    }
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  /** The files among these that the linter refuses: one run for all. */
  function refused(files: Readonly<Record<string, string>>): ReadonlySet<string> {
    for (const [path, text] of Object.entries(files)) writeFileSync(join(home, path), text);
    const run = spawnSync(process.execPath, [join(root, 'node_modules/oxlint/bin/oxlint'), '--deny-warnings', '-f', 'unix', 'src'], {
      cwd: home,
      encoding: 'utf8',
    });
    for (const path of Object.keys(files)) rmSync(join(home, path));
    expect(run.stdout).not.toContain('Failed');
    return new Set([...run.stdout.matchAll(/^(src\/[^:]+):\d+/gm)].map((found) => found[1] ?? ''));
  }

  test('refuses every room that another must not know, and lets the others in', () => {
    const files: Record<string, string> = {};
    const forbidden: string[] = [];
    for (const [room, allowed] of Object.entries(mayImport)) {
      for (const other of Object.keys(mayImport).filter((name) => name !== room)) {
        const path = `src/${room}/part/uses-${other}.ts`;
        files[path] = `import { door } from '../../${other}/index.ts';\nexport const used: number = door;\n`;
        if (!allowed.includes(other)) forbidden.push(path);
      }
    }
    expect([...refused(files)].sort()).toEqual(forbidden.sort());
  });

  test('refuses back doors, the platform, packages away from home, holes in switches', () => {
    const fine = {
      'src/simulator/type.ts': "import type { Inner } from '../isa/inner.ts';\nexport type B = Inner;\n",
      'src/cli/platform.ts': "import { readFileSync } from 'node:fs';\nexport const b: unknown = readFileSync;\n",
      'src/cli/package.ts': "import yargs from 'yargs';\nexport const b: unknown = yargs;\n",
    };
    const wrong = {
      'src/simulator/behind.ts': "import { inner } from '../isa/inner.ts';\nexport const b: number = inner;\n",
      'src/simulator/dynamic.ts': "export const b: Promise<unknown> = import('../compiler/index.ts');\n",
      'src/graph/platform.ts': "import { readFileSync } from 'node:fs';\nexport const b: unknown = readFileSync;\n",
      'src/graph/global.ts': 'export const b: unknown = process.env;\n',
      'src/compiler/package.ts': "import yargs from 'yargs';\nexport const b: unknown = yargs;\n",
      'src/graph/hole.ts':
        "export function f(u: 'x' | 'y'): number {\n  switch (u) {\n    case 'x':\n      return 1;\n  }\n  return 2;\n}\n",
    };
    expect([...refused({ ...fine, ...wrong })].sort()).toEqual(Object.keys(wrong).sort());
  });
});

function roomOf(path: string): string {
  return relative(join(root, 'src'), path).split(/[\\/]/)[0] ?? '';
}

/** What a file imports, dynamic imports included. */
function specifiers(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((found) => found[1] ?? '');
}

function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}
