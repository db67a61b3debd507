import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../src/cli/model.ts';
import { readModelOptions } from '../../src/cli/model-options.ts';
import { formatNpy, formatNpz } from '../../src/cli/npy.ts';
import { readValues } from '../../src/cli/values.ts';
import { formatDiagnostic, SystoleError, type Tensor } from '../../src/core/index.ts';
import { encodeModel, encodeTensor } from '../../src/onnx/index.ts';
import { printShape } from '../../src/graph/index.ts';
import type { ImportedModel } from '../../src/compiler/index.ts';
import { modelOf, node, tensor } from '../compiler/fate-models.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'systole-options-'));
  writeFileSync(join(folder, 'net.onnx'), net);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Inputs with the names exporters give: y = expanded x; the sizes are an input. */
const net = encodeModel(
  modelOf({
    inputs: [
      tensor('input:0', ['N', 3, 'H', 'W']),
      tensor('model.sizes', [2], 'int64'),
      tensor('flag', [], 'bool'),
      tensor('row', [1, 'L']),
      tensor('free', null),
    ],
    nodes: [
      node('Relu', ['input:0'], 'r'),
      node('Expand', ['row', 'model.sizes'], 'e'),
      node('Not', ['flag'], 'n'),
      node('Neg', ['free'], 'f'),
    ],
    outputs: ['r', 'e', tensor('n', null, 'bool'), 'f'],
  }),
);

type Words = Readonly<Record<string, readonly string[]>>;

async function load(words: Words): Promise<ImportedModel> {
  return loadModel(join(folder, 'net.onnx'), await readModelOptions(readValues(words)));
}

function shapeOf({ graph }: ImportedModel, name: string): string {
  const value = graph.values.find((v) => v.name === name);
  if (value === undefined) throw new Error(`no value ${name}`);
  return value.type.unranked === true ? 'unranked' : printShape(value.type.shape);
}

async function codesOf(words: Words): Promise<readonly (readonly [string, string])[]> {
  try {
    await load(words);
  } catch (error) {
    if (error instanceof SystoleError) return error.diagnostics.map((d) => [d.code, formatDiagnostic(d)]);
    if (error instanceof Error) return [['usage', error.message]];
  }
  return [];
}

describe('--shape', () => {
  it.each([
    ['input:0:1x3x224x160', 'input:0', '[1, 3, 224, 160]'],
    ['input:0=1x3x224x160', 'input:0', '[1, 3, 224, 160]'],
    ['input:0:[1, 3, 224, 160]', 'input:0', '[1, 3, 224, 160]'],
    ['input:0:Nx3x8x8', 'input:0', '[N, 3, 8, 8]'],
    ['input:0:2,3,side,side', 'input:0', '[2, 3, side, side]'],
    ['row:1,past+seq', 'row', '[1, past+seq]'],
    ['free:7', 'free', '[7]'],
    ['free:', 'free', '[]'],
    ['free:[max2]', 'free', '[max2]'],
    ['free:0x4', 'free', '[0, 4]'],
  ])('%s', async (text, name, wanted) => {
    expect(shapeOf(await load({ shape: [text] }), name)).toBe(wanted);
  });

  it('holds for everything computed from it', async () => {
    expect(shapeOf(await load({ shape: ['input:0:1x3x4x5'] }), 'r')).toBe('[1, 3, 4, 5]');
    expect(shapeOf(await load({ shape: ['free:2xk'] }), 'f')).toBe('[2, k]');
  });

  it.each([
    ['input:1x3x4x4', 'SYS4020', 'input:0'],
    ['input:0:1x3x4', 'SYS4021', '[1, 3, 4]'],
    ['input:0:1x4x4x4', 'SYS4021', '[1, 4, 4, 4]'],
    ['1x3x4x4', 'usage', 'NAME:1x3x224x224'],
    ['input:0:1x3x4x?', 'usage', 'neither a size nor a name'],
    ['input:0:1x3x4x99999999999', 'SYS3053', '99999999999'],
    ['input:0:1,,4,4', 'usage', 'neither a size nor a name'],
  ])('%s is refused: %s', async (text, code, part) => {
    const [[found, message] = ['', '']] = await codesOf({ shape: [text] });
    expect(found).toBe(code);
    expect(message).toContain(part);
  });

  it('of several, all that is wrong is told at once', async () => {
    expect((await codesOf({ shape: ['nput:0:1x3x4x4', 'row:2x2x2', 'flag:3'] })).map(([code]) => code)).toEqual([
      'SYS4020',
      'SYS4021',
      'SYS4021',
    ]);
  });
});

describe('--input-value', () => {
  it.each([
    ['model.sizes=[5,6]', 'e', '[5, 6]'],
    ['model.sizes=5,6', 'e', '[5, 6]'],
    ['row=[[1,2.5,3]]', 'row', '[1, 3]'],
    ['free=4', 'free', '[]'],
    ['free=[[1],[2]]', 'free', '[2, 1]'],
    ['flag=true', 'flag', '[]'],
  ])('%s', async (text, name, wanted) => {
    expect(shapeOf(await load({ 'input-value': [text] }), name)).toBe(wanted);
  });

  it('an input with a value is none any more', async () => {
    const names = ({ graph }: ImportedModel): readonly string[] => graph.inputs.map((id) => graph.values[id]?.name ?? '');
    expect(names(await load({}))).toContain('flag');
    expect(names(await load({ 'input-value': ['flag=false'] }))).not.toContain('flag');
  });

  it('reads .npy, .npz and ONNX test data', async () => {
    const sizes: Tensor = { dtype: 'int64', shape: [2], data: BigInt64Array.of(4n, 9n) };
    writeFileSync(join(folder, 'sizes.npy'), formatNpy(sizes));
    writeFileSync(join(folder, 'one.npz'), formatNpz(new Map([['anything', sizes]])));
    writeFileSync(
      join(folder, 'many.npz'),
      formatNpz(
        new Map([
          ['other', sizes],
          ['model.sizes', { ...sizes, data: BigInt64Array.of(2n, 3n) }],
        ]),
      ),
    );
    const bytes = new Uint8Array(BigInt64Array.of(4n, 9n).buffer);
    writeFileSync(join(folder, 'input_0.pb'), encodeTensor({ name: '', dtype: 'int64', dims: [2], data: { kind: 'bytes', bytes } }));
    const wanted = { 'sizes.npy': '[4, 9]', 'one.npz': '[4, 9]', 'many.npz': '[2, 3]', 'input_0.pb': '[4, 9]' };
    for (const [file, shape] of Object.entries(wanted)) {
      expect(shapeOf(await load({ 'input-value': [`model.sizes=${join(folder, file)}`] }), 'e')).toBe(shape);
    }
  });

  it.each([
    ['model.size=[1,2]', 'SYS8041', 'Did you mean "model.sizes"?'],
    ['model.sizes=[1,2,3]', 'SYS4022', 'int64'],
    ['model.sizes=[[1],[2,3]]', 'SYS8040', 'rows'],
    ['model.sizes=abc', 'SYS8040', 'neither a file nor numbers'],
    ['model.sizes=[1.5,2]', 'SYS8042', '1.5'],
    ['flag=2', 'SYS8042', 'bool'],
    ['model.sizes=missing.npy', 'SYS8002', 'missing.npy'],
    ['model.sizes', 'usage', 'NAME=VALUE'],
  ])('%s is refused: %s', async (text, code, part) => {
    const [[found, message] = ['', '']] = await codesOf({ 'input-value': [text] });
    expect(found).toBe(code);
    expect(message).toContain(part);
  });

  it('files that are not what they are called are told by name', async () => {
    writeFileSync(join(folder, 'broken.pb'), Uint8Array.of(0xff, 0xff, 0xff));
    writeFileSync(join(folder, 'broken.npy'), 'no array');
    for (const file of ['broken.pb', 'broken.npy']) {
      const found = await codesOf({ 'input-value': [`model.sizes=${join(folder, file)}`] });
      expect(found.length).toBeGreaterThan(0);
      expect(found[0]?.[1]).toContain(file);
    }
  });
});
