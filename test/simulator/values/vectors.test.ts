/** Bring-up vectors: what a command got and made, in order, and no more than asked for. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../../src/core/index.ts';
import { recordVectors, type VectorManifest, type VectorOptions } from '../../../src/simulator/index.ts';
import { copy, int8, load, local, ref, row, store, tinyExecutable, tinyMachine, type Row } from './tiny.ts';

const rows: readonly Row[] = [
  row('dma-in', load(ref(0, 0, 'int8', 0, [4]), local('int8', 0, [4])), { kernel: 0 }),
  row('dma-in', copy(local('int8', 1, [2], { strides: [2] }), local('int8', 8, [2])), { kernel: 1 }),
  row(
    'dma-in',
    {
      op: 'REDUCE',
      kind: 'sum',
      mode: 'overwrite',
      x: local('int8', 0, [2, 2]),
      acc: local('int32', 16, [2, 2], { strides: [4, 0] }),
      xZero: 1,
    },
    { kernel: 1 },
  ),
  row('dma-in', store(local('int8', 8, [2]), ref(0, 1, 'int8', 0, [2])), { kernel: 2 }),
];

function record(options: Partial<VectorOptions> = {}): { readonly manifest: VectorManifest; readonly files: ReadonlyMap<string, Tensor> } {
  const files = new Map<string, Tensor>();
  const executable = tinyExecutable({ rows, inputs: [int8([4], [1, 2, 3, 4])], outputs: [{ dtype: 'int8', shape: [2] }], kernels: 3 });
  const inputs = new Map([['in0', int8([4], [1, 2, 3, 4])]]);
  const all = { kernels: null, commandsPerKernel: 100, limitBytes: 1e6, ...options };
  const manifest = recordVectors(executable, tinyMachine(), inputs, all, (stem, tensor) => {
    files.set(stem, tensor);
    return `${stem}.npy`;
  });
  return { manifest, files };
}

const numbers = (tensor: Tensor | undefined): unknown[] => Array.from<unknown>((tensor?.data ?? []) as ArrayLike<unknown>);

describe('vectors', () => {
  test('operands before, results after, strided tiles dense', () => {
    const { manifest, files } = record();
    expect(manifest.vectors.map((v) => `${v.index} ${v.op} ${v.kernel} ${v.origin.join()}`)).toEqual([
      '0 LOAD k0 node_0',
      '1 COPY k1 node_1',
      '2 REDUCE k1 node_1',
      '3 STORE k2 node_2',
    ]);
    expect(numbers(files.get('00001-COPY.src.before'))).toEqual([2, 4]);
    expect(numbers(files.get('00001-COPY.dst.after'))).toEqual([2, 4]);
    expect(files.has('00001-COPY.dst.before')).toBe(false);
  });

  test('an axis of stride 0 is one element in the file; parameters hold all that is no reference', () => {
    const { manifest, files } = record();
    const reduce = manifest.vectors[2];
    expect(reduce?.parameters).toEqual({ kind: 'sum', mode: 'overwrite', xZero: 1 });
    expect(reduce?.operands[1]).toMatchObject({
      name: 'acc',
      extents: [2, 2],
      strides: [4, 0],
      fileExtents: [2, 1],
      region: null,
      space: 'scratchpad',
      before: null,
      after: '00002-REDUCE.acc.after.npy',
    });
    // (1 − 1) + (2 − 1), (3 − 1) + (4 − 1)
    expect(numbers(files.get('00002-REDUCE.acc.after'))).toEqual([1, 5]);
  });

  test('only the kernels, commands and bytes asked for', () => {
    expect(record({ kernels: new Set(['k1']) }).manifest.vectors.map((v) => v.op)).toEqual(['COPY', 'REDUCE']);
    expect(record({ commandsPerKernel: 1 }).manifest.vectors.map((v) => v.op)).toEqual(['LOAD', 'COPY', 'STORE']);
    expect(record({ limitBytes: 8 }).manifest).toMatchObject({ truncated: true, vectors: [{ op: 'LOAD' }] });
    expect(record().manifest.truncated).toBe(false);
  });

  test('the same run gives the same vectors', () => {
    expect(record()).toEqual(record());
  });
});
