import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModel } from '../../src/onnx/index.ts';
import { branches, foreign, modelOf, openSizes } from '../compiler/fate-models.ts';
import { build, systole, temporaryFolder, type Outcome } from './run-cli.ts';
import { tinyModel } from './tiny-models.ts';

const folder = temporaryFolder();
beforeAll(() => {
  build();
  const files = { open: openSizes, branches, foreign };
  for (const [name, parts] of Object.entries(files)) writeFileSync(join(folder.path, `${name}.onnx`), encodeModel(modelOf(parts)));
  writeFileSync(join(folder.path, 'tiny.onnx'), tinyModel);
  writeFileSync(join(folder.path, 'notes.onnx'), 'no model at all');
});
afterAll(() => folder.remove());

const check = (...words: readonly string[]): Outcome => systole(['check', ...words], folder.path);
const onEdge = ['-t', 'edge-systolic-32'];

describe('systole check', () => {
  it('exits with 0 whenever every node has a fate: a program, open sizes, control flow, unknown operators, memories too small', () => {
    const runs = [['tiny.onnx'], ['open.onnx'], ['branches.onnx'], ['foreign.onnx'], ['tiny.onnx', '--set', 'memories.dram.size=1KiB']];
    for (const words of runs) {
      const { code, out, err } = check(...words, ...onEdge);
      expect([words, code, err]).toEqual([words, 0, '']);
      expect(Math.max(...out.split('\n').map((line) => Array.from(line).length))).toBeLessThanOrEqual(80);
      expect(out).toMatch(/ on edge-systolic-32\n/);
    }
  });

  it('gives the document with --json, a row for each node of the file', () => {
    const { code, out } = check('branches.onnx', ...onEdge, '--json');
    expect(code).toBe(0);
    const report = JSON.parse(out);
    expect(report.summary.nodes).toBe(4);
    expect(report.nodes.map((n: { opType: string; parent: string | null }) => [n.opType, n.parent])).toEqual([
      ['If', null],
      ['Neg', 'If_y'],
      ['Exp', 'If_y'],
      ['Neg', 'If_y'],
    ]);
  });

  it('what it says of open sizes can be copied', () => {
    const flags = JSON.parse(check('open.onnx', ...onEdge, '--json').out).summary.openDims.flatMap(
      (d: { symbol: string; assumed: number }) => ['--dim', `${d.symbol}=${d.assumed}`],
    );
    expect(flags).toEqual(['--dim', 'batch=1', '--dim', 'length=16']);
    const settled = check('open.onnx', ...onEdge, ...flags);
    expect(settled.code).toBe(0);
    expect(settled.out).toContain('per run');
  });

  it('takes shapes and values of inputs', () => {
    expect(check('open.onnx', ...onEdge, '--shape', 'x:2x8x16').out).toContain('per run');
    expect(check('branches.onnx', ...onEdge, '--input-value', 'flag=true').out).toContain('Every one of the 4 nodes');
  });

  it('warns of a --dim the model does not have', () => {
    const { code, out } = check('open.onnx', ...onEdge, '--dim', 'bach=1');
    expect(code).toBe(0);
    expect(out).toContain('SYS4514');
    expect(out).toContain('bach');
  });

  it.each([
    [['notes.onnx', ...onEdge], 1, /^[\w-]+\.onnx: error SYS1\d\d\d/],
    [['missing.onnx', ...onEdge], 1, /^error SYS8002/],
    [['open.onnx', ...onEdge, '--shape', 'y:1x2'], 1, /^[\w-]+\.onnx: error SYS4020/],
    [['branches.onnx', ...onEdge, '--input-value', 'flg=true'], 1, /^[\w-]+\.onnx: error SYS8041.*Did you mean "flag"/],
    [['open.onnx'], 1, /^error SYS8010/],
    [['open.onnx', ...onEdge, '--dim', 'batch=one'], 2, /not a whole number/],
    [['open.onnx', ...onEdge, '--shape', 'x'], 2, /NAME:1x3x224x224/],
    [['open.onnx', ...onEdge, '--dim', 'batch=1', '--dim', 'batch=2'], 1, /^error SYS8043: --dim gives "batch" as 1 and as 2/],
    [['open.onnx', ...onEdge, '--shape', 'x:1x2x16', '--shape', 'x:2x2x16'], 1, /^error SYS8043/],
    [['open.onnx', ...onEdge, '--frobnicate'], 2, /unknown option/],
    [['open.onnx', ...onEdge, '--param', 'image=96'], 2, /--param shapes built-in models: write one with "systole models/],
    [['open.onnx', ...onEdge, '--presicion', 'int8'], 2, /Did you mean --precision\?/],
    [['open.onnx', ...onEdge, '--yaml'], 2, /--yaml is an option of targets/],
  ])('%j is refused in a sentence', (words, code, pattern) => {
    const run = check(...words);
    expect([run.code, run.out]).toEqual([code, '']);
    expect(run.err).toMatch(pattern);
    expect(run.err).not.toMatch(/\n\s+at |internal error/);
  });
});
