/** The commands on a tiny model, end to end, through the built program. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatNpz, parseArrays } from '../../src/cli/npy.ts';
import { environmentSwitches } from '../../src/cli/environment.ts';
import { build, projectRoot, systole, temporaryFolder } from './run-cli.ts';
import { tinyModel } from './tiny-models.ts';

const folder = temporaryFolder();
const target = ['--target', 'edge-systolic-32'];
const run = (...words: string[]): ReturnType<typeof systole> => systole(words, folder.path);
const file = (name: string): string => readFileSync(join(folder.path, name), 'utf8');

beforeAll(() => {
  build();
  writeFileSync(join(folder.path, 'net.onnx'), tinyModel);
});
afterAll(() => folder.remove());

describe('simulate', () => {
  test('prints a summary, and nothing but the document with --json', () => {
    const text = run('simulate', 'net.onnx', ...target);
    expect(text.code).toBe(0);
    expect(text.out).toMatch(/^net on edge-systolic-32 · int8\n/);
    const json = run('simulate', 'net.onnx', ...target, '--json');
    expect(json.code).toBe(0);
    expect(json.err).toBe('');
    const result = JSON.parse(json.out);
    expect(result.schemaVersion).toBe(1);
    expect(result.totals.macs).toBe(8 * 8 * 8 * 27);
    expect(run('simulate', 'net.onnx', ...target, '--json').out).toBe(json.out);
  });

  test('of a compiled program gives the same document as of the model', () => {
    expect(run('compile', 'net.onnx', ...target, '-o', 'net.npu').code).toBe(0);
    const fromModel = run('simulate', 'net.onnx', ...target, '--json');
    expect(run('simulate', 'net.npu', ...target, '--json').out).toBe(fromModel.out);
    expect(run('simulate', 'net.npu', '--json').out).toBe(fromModel.out);
  });

  test('runs on numbers from a file and keeps the outputs', () => {
    const x = Float32Array.from({ length: 192 }, (_, i) => Math.sin(i));
    writeFileSync(join(folder.path, 'in.npz'), formatNpz(new Map([['x', { dtype: 'float32', shape: [1, 3, 8, 8], data: x }]])));
    const { code, err, out } = run(
      'simulate',
      'net.onnx',
      ...target,
      '--calibrate',
      'in.npz',
      '--values',
      'in.npz',
      '--sanitize',
      '-o',
      'out.npz',
    );
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toContain('float32 [1,8,8,8]');
    const y = parseArrays(readFileSync(join(folder.path, 'out.npz')), 'out.npz').get('y');
    expect(y?.shape).toEqual([1, 8, 8, 8]);
    expect(Math.min(...(y?.data as Float32Array))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...(y?.data as Float32Array))).toBeGreaterThan(0);
  });

  test('writes a trace that is one JSON document', () => {
    expect(run('simulate', 'net.onnx', ...target, '--trace', 'run.json').code).toBe(0);
    expect(JSON.parse(file('run.json')).traceEvents.length).toBeGreaterThan(3);
  });

  test('stands a reader that stops early', () => {
    const main = join(projectRoot, 'dist/cli/main.js');
    const { stdout, stderr } = spawnSync(
      'sh',
      ['-c', `"${process.execPath}" "${main}" simulate net.onnx -t tpu-v1 --json | head -c 20; echo`],
      { cwd: folder.path, encoding: 'utf8' },
    );
    expect(stdout).toContain('{');
    expect(stderr).toBe('');
  });
});

describe('compile', () => {
  test.each(['graph', 'kernels', 'schedule', 'memory', 'asm'])('--emit %s prints text', (stage) => {
    const { code, out } = run('compile', 'net.onnx', ...target, '--emit', stage);
    expect(code).toBe(0);
    expect(out.length).toBeGreaterThan(20);
  });

  test('disasm and asm are inverse to the byte', () => {
    run('compile', 'net.onnx', ...target, '--no-weights', '-o', 'bare.npu');
    expect(run('disasm', 'bare.npu', '-o', 'bare.txt').code).toBe(0);
    expect(run('asm', 'bare.txt', '-o', 'again.npu').err).toBe('');
    expect(readFileSync(join(folder.path, 'again.npu')).equals(readFileSync(join(folder.path, 'bare.npu')))).toBe(true);
  });
});

test('report writes one page', () => {
  expect(run('report', 'net.onnx', ...target, '-o', 'net.html').code).toBe(0);
  const page = file('net.html');
  expect([page.slice(0, 15), page.slice(-8)]).toEqual(['<!doctype html>', '</html>\n']);
});

describe('sweep', () => {
  test('records a point that fails, and every other equals a single simulation', () => {
    writeFileSync(
      join(folder.path, 'study.yaml'),
      'models: net.onnx\ntarget: edge-systolic-32\nparameters:\n  cores.npu.matrix.rows: [8, 0]\n  memories.dram.bandwidth: ["6.4 GB/s", "12.8 GB/s"]\nobjectives: [seconds, energyJoules]\n',
    );
    const { code, out } = run('sweep', 'study.yaml', '--out', 'study', '--json');
    expect(code).toBe(0);
    const { points, front } = JSON.parse(out);
    expect(points.map((p: object) => Object.keys(p).at(-1))).toEqual(['totals', 'totals', 'error', 'error']);
    expect(points[2].error.code).toMatch(/^SYS2\d{3}$/);
    expect(front.length).toBeGreaterThan(0);
    const single = run(
      'simulate',
      'net.onnx',
      ...target,
      '--set',
      'cores.npu.matrix.rows=8',
      '--set',
      'memories.dram.bandwidth=6.4 GB/s',
      '--json',
    );
    expect(points[0].totals).toEqual(JSON.parse(single.out).totals);
    expect(readdirSync(join(folder.path, 'study')).sort()).toEqual(['front.json', 'points.csv', 'points.html', 'points.json']);
    expect(file('study/points.csv').split('\r\n')).toHaveLength(6);
    expect(file('study/points.json')).toBe(out);
  });
});

describe('small commands', () => {
  test.each<readonly [string, RegExp, readonly string[]]>([
    ['targets', /edge-systolic-32 [\s\S]*tpu-v1 /, ['targets']],
    ['a target', /256 × 256/, ['targets', 'tpu-v1']],
    ['a target as YAML', /matrix:/, ['targets', 'tpu-v1', '--yaml']],
    ['a changed target', /"rows": 16/, ['targets', 'edge-systolic-32', '--set', 'cores.npu.matrix.rows=16', '--json']],
    ['models', /resnet50 .*4,089,184,256 MACs/, ['models']],
    ['a message', /SYS2001.*unknown target/, ['explain', 'sys2001']],
    ['all messages', /SYS8001[\s\S]*SYS8010/, ['explain']],
    ['the version', /^0\.\d+\.\d+\n$/, ['--version']],
  ])('%s', (_, expected, words) => {
    const { code, out, err } = run(...words);
    expect(out).toMatch(expected);
    expect(err).toBe('');
    expect(code).toBe(0);
  });

  test('every command has help with examples', () => {
    for (const command of ['compile', 'simulate', 'report', 'sweep', 'targets', 'models', 'asm', 'disasm', 'explain']) {
      const { code, out } = run(command, '--help');
      expect(code).toBe(0);
      expect(out, command).toContain(`Examples:\n  systole ${command}`);
    }
  });

  test('a network is written as ONNX and validated as a target would be', () => {
    expect(run('models', 'resnet18', '--param', 'image=32', '-o', 'small.onnx').code).toBe(0);
    expect(existsSync(join(folder.path, 'small.onnx'))).toBe(true);
    writeFileSync(join(folder.path, 'mine.yaml'), run('targets', 'ethos-u55-256', '--yaml').out);
    expect(run('targets', '--validate', 'mine.yaml').out).toContain('fine');
  });
});

test('start-up loads yargs and core alone: the rest waits for its command', () => {
  const hook = `data:text/javascript,import{register}from'node:module';register('data:text/javascript,'+encodeURIComponent("export async function load(u,c,n){process._rawDebug('LOADED '+u);return n(u,c)}"))`;
  const main = join(projectRoot, 'dist/cli/main.js');
  const { stderr } = spawnSync(process.execPath, ['--import', hook, main, '--help'], { encoding: 'utf8' });
  const loaded = [...stderr.matchAll(/LOADED file:\/\/(\S+)/g)].map((found) => found[1] ?? '');
  const rooms = new Set(loaded.flatMap((path) => /\/dist\/([a-z-]+)\//.exec(path)?.[1] ?? []));
  const packages = new Set(loaded.flatMap((path) => /\/node_modules\/([^/]+)\//.exec(path)?.[1] ?? []));
  expect([...rooms].sort()).toEqual(['cli', 'core']);
  for (const heavy of ['mathjs', 'yaml', 'zod', 'echarts', 'fflate', 'protobufjs']) expect(packages).not.toContain(heavy);
});

test('docs/debugging.md describes every switch of the environment, and nothing else reads it', () => {
  const text = readFileSync(join(projectRoot, 'docs/debugging.md'), 'utf8');
  for (const { name } of environmentSwitches) expect(text).toContain(`\`${name}\``);
  const readers = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && readFileSync(join(projectRoot, 'src', path), 'utf8').includes('process.env'),
  );
  expect(readers).toEqual([join('cli', 'environment.ts')]);
});
