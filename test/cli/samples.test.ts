/** Samples from files: what is taken as it stands, what is converted, and what is refused with the file's name and a remedy. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { InputType } from '../../src/cli/input-fit.ts';
import { formatNpy, formatNpz } from '../../src/cli/npy.ts';
import { readSamples, type Sample } from '../../src/cli/samples.ts';
import type { Tensor } from '../../src/core/index.ts';
import { encodeTensor } from '../../src/onnx/index.ts';
import { temporaryFolder } from './run-cli.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const floats = (shape: readonly number[], first = 0): Tensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => first + i),
});
const image: InputType = { name: 'x', dtype: 'float32', shape: [1, 2, 3, 4] };
const mask: InputType = { name: 'mask', dtype: 'int32', shape: [2] };

let files = 0;
function read(content: Uint8Array | string, ending: string, inputs: readonly InputType[] = [image]): Promise<readonly Sample[]> {
  const path = join(folder.path, `f${files++}.${ending}`);
  writeFileSync(path, content);
  return readSamples(path, inputs);
}

const npz = (arrays: Readonly<Record<string, Tensor>>): Uint8Array => formatNpz(new Map(Object.entries(arrays)));
const proto = (tensor: Tensor, name = ''): Uint8Array =>
  encodeTensor({
    name,
    dtype: tensor.dtype,
    dims: tensor.shape,
    data: { kind: 'bytes', bytes: new Uint8Array((tensor.data as Float32Array).buffer) },
  });

describe('taken', () => {
  test('a lone array needs no name, nor the one that numpy.savez makes up', async () => {
    for (const source of [read(formatNpy(floats([1, 2, 3, 4])), 'npy'), read(npz({ arr_0: floats([1, 2, 3, 4]) }), 'npz')]) {
      expect((await source)[0]?.inputs.get('x')).toEqual(floats([1, 2, 3, 4]));
    }
  });

  test('a leading axis, or a first axis several times as long, are samples', async () => {
    for (const shape of [
      [3, 1, 2, 3, 4],
      [3, 2, 3, 4],
    ]) {
      const samples = await read(formatNpy(floats(shape)), 'npy');
      expect(samples.map((s) => s.inputs.get('x')?.data[0])).toEqual([0, 24, 48]);
    }
  });

  test('floats of another width are rounded, integers taken where all fit', async () => {
    const doubles: Tensor = { dtype: 'float64', shape: [1, 2, 3, 4], data: new Float64Array(24).fill(0.1) };
    expect((await read(formatNpy(doubles), 'npy'))[0]?.inputs.get('x')?.data[0]).toBe(Math.fround(0.1));
    const long: Tensor = { dtype: 'int64', shape: [2], data: BigInt64Array.of(1n, -5n) };
    expect((await read(formatNpy(long), 'npy', [mask]))[0]?.inputs.get('mask')).toEqual({
      dtype: 'int32',
      shape: [2],
      data: Int32Array.of(1, -5),
    });
  });

  test('what no input is called is told, and not used', async () => {
    const [sample] = await read(npz({ x: floats([1, 2, 3, 4]), label: floats([1]) }), 'npz');
    expect(sample?.notes.map((n) => n.message)).toEqual([expect.stringMatching(/f\d+\.npz" also holds "label"/)]);
  });

  test('one serialized tensor', async () => {
    expect((await read(proto(floats([1, 2, 3, 4])), 'pb'))[0]?.inputs.get('x')).toEqual(floats([1, 2, 3, 4]));
  });
});

describe('refused, with the file, what is wrong and what would be right', () => {
  const two = [image, { ...image, name: 'y' }];
  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'channels last',
      () => read(formatNpy(floats([1, 3, 4, 2])), 'npy'),
      /SYS8006: "\S+\.npy" holds float32 \[1,3,4,2\].*np\.transpose\(x, \(0, 3, 1, 2\)\)/,
    ],
    ['axes exchanged', () => read(formatNpy(floats([1, 2, 4, 3])), 'npy'), /np\.transpose\(x, \(0, 1, 3, 2\)\)/],
    ['no batch axis', () => read(formatNpy(floats([2, 3, 4])), 'npy'), /SYS8006.*x\[np\.newaxis\]/],
    ['another shape of as many', () => read(formatNpy(floats([24])), 'npy'), /SYS8006.*x\.reshape\(1, 2, 3, 4\)/],
    ['another size', () => read(formatNpy(floats([1, 2, 3, 5])), 'npy'), /SYS8006.*Give an array of that type and shape/],
    ['no samples', () => read(formatNpy(floats([0, 1, 2, 3, 4])), 'npy'), /SYS8006: .*\[0,1,2,3,4\]/],
    ['a scalar', () => read(formatNpy(floats([])), 'npy'), /SYS8006: .*float32 \[\]/],
    [
      'bytes of an image',
      () => read(formatNpy({ dtype: 'uint8', shape: [1, 2, 3, 4], data: new Uint8Array(24) }), 'npy'),
      /SYS8006.*x\.astype\(np\.float32\)/,
    ],
    [
      'a number too large',
      () => read(formatNpy({ dtype: 'int64', shape: [2], data: BigInt64Array.of(1n, 2n ** 40n) }), 'npy', [mask]),
      /SYS8006.*int32 does not hold.*1099511627776/,
    ],
    [
      'a name in other letters',
      () => read(npz({ X: floats([1, 2, 3, 4]) }), 'npz'),
      /SYS8005: "\S+\.npz" has no values for "x" \(float32 \[1,2,3,4\]\); it holds "X"\. Rename "X" to "x"/,
    ],
    [
      'one array for two inputs',
      () => read(formatNpy(floats([1, 2, 3, 4])), 'npy', two),
      /SYS8005: "\S+\.npy".*"x" .*"y" .*one array without a name.*\.npz/,
    ],
    ['an empty tensor file', () => read('', 'pb'), /SYS8070: "\S+\.pb" cannot be used: it is empty \(0 bytes\)/],
    ['text as a tensor', () => read('hello, hello, hello\n', 'pb'), /SYS8070: "\S+\.pb" cannot be used: it is a text file/],
    [
      'other bytes as a tensor',
      () => read(Uint8Array.of(255, 255, 255, 255, 255, 0, 1), 'pb'),
      /SYS8070: "\S+\.pb" cannot be used: it does not decode/,
    ],
    ['an empty archive', () => read('', 'npz'), /SYS8004: "\S+\.npz" cannot be used as input values: it is empty/],
    ['text as an archive', () => read('x = 1\n', 'npz'), /SYS8004: "\S+\.npz".*it is text/],
  ])('%s', async (_, reading, message) => {
    await expect(reading()).rejects.toThrow(message);
  });

  test('a broken file of a data set is named', async () => {
    const path = join(folder.path, 'set');
    mkdirSync(path);
    writeFileSync(join(path, 'input_0.pb'), '');
    await expect(readSamples(path, [image])).rejects.toThrow(/SYS8070: "\S+set\/input_0\.pb"/);
  });
});
