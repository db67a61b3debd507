/** Where outputs go, and what the command line refuses to run. */
import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeModel, type OnnxModel } from '../../src/onnx/index.ts';
import { modelBuilder } from '../end-to-end/model-builder.ts';
import { build, projectRoot, systole, temporaryFolder } from './run-cli.ts';

const folder = temporaryFolder();
const target = ['-t', 'edge-systolic-32'];

function save(name: string, model: OnnxModel): string {
  writeFileSync(join(folder.path, name), encodeModel(model));
  return name;
}

function smallConv(weight: number): OnnxModel {
  const b = modelBuilder();
  const w = b.weight('w', [4, 3, 3, 3], new Float32Array(108).fill(weight));
  return b.finish(b.node('Relu', [b.node('Conv', [b.input('x', [1, 3, 12, 12]), w], { kernel_shape: [3, 3] })]));
}

beforeAll(() => {
  build();
  save('net.onnx', smallConv(0.25));
  expect(systole(['compile', 'net.onnx', ...target, '--calibrate', 'random:1', '-o', 'net.npu'], folder.path).code).toBe(0);
});
afterAll(() => folder.remove());

describe('outputs', () => {
  test('a link keeps pointing where it points', () => {
    writeFileSync(join(folder.path, 'real.txt'), 'old');
    symlinkSync('real.txt', join(folder.path, 'link.txt'));
    expect(systole(['disasm', 'net.npu', '-o', 'link.txt'], folder.path).code).toBe(0);
    expect(lstatSync(join(folder.path, 'link.txt')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder.path, 'real.txt'), 'utf8')).toContain('CONV');
  });

  test('an input is never overwritten', () => {
    const before = readFileSync(join(folder.path, 'net.onnx'));
    const run = systole(['compile', 'net.onnx', ...target, '-o', './net.onnx'], folder.path);
    expect(run).toMatchObject({ code: 1, out: '' });
    expect(run.err).toContain('it is the input');
    expect(readFileSync(join(folder.path, 'net.onnx'))).toEqual(before);
  });

  test('text with weights gives the same program back, text without can be timed only', () => {
    const numbers = ['--values', 'random:2'];
    expect(systole(['disasm', 'net.npu', '--weights', '-o', 'full.txt'], folder.path).code).toBe(0);
    expect(systole(['asm', 'full.txt', '-o', 'full.npu'], folder.path).code).toBe(0);
    expect(readFileSync(join(folder.path, 'full.npu'))).toEqual(readFileSync(join(folder.path, 'net.npu')));
    expect(systole(['disasm', 'net.npu', '-o', 'bare.txt'], folder.path).code).toBe(0);
    expect(systole(['asm', 'bare.txt', '-o', 'bare.npu'], folder.path).code).toBe(0);
    expect(systole(['simulate', 'bare.npu'], folder.path).code).toBe(0);
    const run = systole(['simulate', 'bare.npu', ...numbers], folder.path);
    expect(run.code).toBe(1);
    expect(run.err).toMatch(/SYS6002.*disasm --weights/);
  });
});

test.each(['fp16', 'bf16'])('%s outputs are told in the numbers they are', (precision) => {
  save('tame.onnx', smallConv(0.01));
  const large = join(projectRoot, 'test/machines/large.yaml');
  const run = systole(['simulate', 'tame.onnx', '-t', large, '--precision', precision, '--values', 'random:2'], folder.path);
  expect(run).toMatchObject({ code: 0, err: '' });
  const [, least, most] = /float16\s+\[1,4,10,10\]\s+(\S+) to (\S+),/.exec(run.out) ?? [];
  expect(Number(least)).toBe(0);
  expect(Number(most)).toBeGreaterThan(0);
  expect(Number(most)).toBeLessThan(1);
});

describe('what is refused before it runs', () => {
  test('a program file whose references leave their regions', () => {
    systole(['disasm', 'net.npu', '-o', 'edit.txt'], folder.path);
    const text = readFileSync(join(folder.path, 'edit.txt'), 'utf8');
    writeFileSync(join(folder.path, 'edit.txt'), text.replace(/(region \d+ output \S+ space \d+ bytes )\d+/, '$18'));
    expect(systole(['asm', 'edit.txt', '-o', 'edit.npu'], folder.path).code).toBe(0);
    const run = systole(['simulate', 'edit.npu'], folder.path);
    expect(run.code).toBe(1);
    expect(run.err).toMatch(/SYS5031.*region "output", which has 8 bytes/);
  });

  test('calibration on numbers that are none', () => {
    save('nan.onnx', smallConv(Number.NaN));
    const run = systole(['simulate', 'nan.onnx', ...target, '--calibrate', 'random:1'], folder.path);
    expect(run.code).toBe(1);
    expect(run.err).toContain('SYS4206');
  });

  test('a tensor no memory holds, at once and with its bytes', () => {
    const b = modelBuilder();
    save('huge.onnx', b.finish(b.node('Relu', [b.input('x', [1e6, 1e6])])));
    const run = systole(['simulate', 'huge.onnx', ...target], folder.path);
    expect(run.code).toBe(1);
    expect(run.err).toMatch(/SYS450[23].*2 GiB/);
  });

  test('settings beside --yaml, which prints the file as it is', () => {
    expect(systole(['targets', 'tpu-v1', '--yaml', '--set', 'cores.npu.count=2'], folder.path).code).toBe(2);
  });

  test('a product over nothing is zeros, on the host', () => {
    const b = modelBuilder();
    save('empty.onnx', b.finish(b.node('MatMul', [b.input('x', [4, 0]), b.weight('w', [0, 3], [])])));
    const run = systole(
      ['simulate', 'empty.onnx', ...target, '--calibrate', 'random:1', '--values', 'random:2', '-o', 'zeros.npz'],
      folder.path,
    );
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(run.out).toContain('0.00000 to 0.00000');
    expect(existsSync(join(folder.path, 'zeros.npz'))).toBe(true);
  });
});
