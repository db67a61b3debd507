/** Pipes: `-` in place of a file, and what a full disk or a reader that has gone away does. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { presetYaml } from '../../src/hw-configs/index.ts';
import { build, projectRoot, systole, temporaryFolder } from './run-cli.ts';
import { tinyModel } from './tiny-models.ts';

const folder = temporaryFolder();
const target = ['-t', 'edge-systolic-32'];

function piped(
  words: readonly string[],
  input: Uint8Array | string,
): { readonly code: number | null; readonly out: Uint8Array; readonly err: string } {
  const run = spawnSync(process.execPath, [join(projectRoot, 'dist/cli/main.js'), ...words], {
    cwd: folder.path,
    input,
    maxBuffer: 1 << 28,
  });
  return { code: run.status, out: new Uint8Array(run.stdout), err: run.stderr.toString() };
}

beforeAll(() => {
  build();
  writeFileSync(join(folder.path, 'net.onnx'), tinyModel);
  expect(systole(['compile', 'net.onnx', ...target, '--calibrate', 'random:1', '-o', 'net.npu'], folder.path).code).toBe(0);
});
afterAll(() => folder.remove());

test('a model comes in and a program goes out, alone', () => {
  const { code, out } = piped(['compile', '-', ...target, '--calibrate', 'random:1', '-o', '-'], tinyModel);
  expect(code).toBe(0);
  const text = piped(['disasm', '-', '--weights'], out);
  expect(Buffer.from(text.out).toString()).toMatch(/^systole 1\nmodel stdin /);
  expect(piped(['asm', '-', '-o', '-'], text.out).out).toEqual(out);
  expect(piped(['simulate', '-', '--json'], out).code).toBe(0);
});

test('a machine comes in', () => {
  expect(piped(['check', 'net.onnx', '-t', '-'], presetYaml('edge-systolic-32')).code).toBe(0);
  // As the shell of another system writes it.
  expect(piped(['check', 'net.onnx', '-t', '-'], Buffer.from(`\ufeff${presetYaml('edge-systolic-32')}`, 'utf16le')).code).toBe(0);
});

test('nothing comes in', () => {
  expect(piped(['check', '-', ...target], '')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^-: error SYS1001: .*empty/) as string,
  });
});

test('what goes to standard output goes there alone', () => {
  const run = systole(['simulate', 'net.npu', '--json', '--trace', '-'], folder.path);
  expect(run).toMatchObject({ code: 2, out: '' });
  expect(() => JSON.parse(systole(['simulate', 'net.npu', '--trace', '-'], folder.path).out) as unknown).not.toThrow();
});

test('a name as long as names may be is written', () => {
  const name = `${'n'.repeat(251)}.txt`;
  expect(systole(['disasm', 'net.npu', '-o', name], folder.path).code).toBe(0);
  expect(readFileSync(join(folder.path, name), 'utf8')).toMatch(/\nend\n$/);
});

test.skipIf(!existsSync('/dev/full'))('a full disk is told, a reader that has gone is not', () => {
  const full = spawnSync('sh', ['-c', `"${process.execPath}" "${join(projectRoot, 'dist/cli/main.js')}" models > /dev/full`], {
    encoding: 'utf8',
  });
  expect(full.status).toBe(1);
  expect(full.stderr).toMatch(/SYS8003.*no space is left/);
  const file = systole(['disasm', 'net.npu', '-o', '/dev/full'], folder.path);
  expect(file.code).toBe(1);
  expect(file.err).toMatch(/SYS8003.*no space is left/);
  const line = `"${process.execPath}" "${join(projectRoot, 'dist/cli/main.js')}" explain | true`;
  expect(spawnSync('sh', ['-c', line], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

test('colour where it is wanted', () => {
  const first = (environment: Readonly<Record<string, string>>): string =>
    systole(['check', 'net.onnx', ...target], folder.path, environment).out.split('\n')[0] ?? '';
  expect(first({})).toBe('net on edge-systolic-32');
  expect(first({ FORCE_COLOR: '1' })).toBe('\u001b[1mnet on edge-systolic-32\u001b[0m');
  expect(first({ FORCE_COLOR: '0' })).toBe('net on edge-systolic-32');
});
