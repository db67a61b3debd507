/** The WebAssembly kernels against the plain form, which defines them: the same bytes in every output, the same counts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../../src/core/index.ts';
import { convolution, convolutions, expectSame, floats, integers, matmul, products, type Products } from './kernel-cases.ts';
import { int8, output, ref, row, run, type Tiny } from './tiny.ts';

describe('contractions', () => {
  test('convolutions of integers: any signs, zero points, strides, pads, drains', () => {
    fc.assert(
      fc.property(convolutions, integers, integers, (c, x, w) => expectSame(convolution(c, { x, w }))),
      { numRuns: 500 },
    );
  });

  test('convolutions of fp32, fp16 and bf16, with the edges of the format', () => {
    fc.assert(
      fc.property(convolutions, floats, (c, x) => expectSame(convolution(c, { x, w: x }))),
      { numRuns: 500 },
    );
  });

  test('products of integers, batches broadcast', () => {
    fc.assert(
      fc.property(products, integers, integers, (c, x, w) => expectSame(matmul(c, { x, w }))),
      { numRuns: 300 },
    );
  });

  test('products of floats, batches broadcast', () => {
    fc.assert(
      fc.property(products, floats, (c, x) => expectSame(matmul(c, { x, w: x }))),
      { numRuns: 300 },
    );
  });

  test('sums long enough for several slices of k, columns for several blocks', () => {
    for (const [m, k, n] of [
      [5, 1500, 70],
      [3, 9, 2100],
      [130, 600, 9],
      [1, 1501, 30],
      [2, 70, 1030],
    ] as const) {
      const c: Products = {
        batches: [],
        m,
        k,
        n,
        xZero: 3,
        wZero: -7,
        transposed: false,
        drain: null,
        accumulate: false,
        odd: false,
        seed: m,
      };
      expectSame(matmul(c, { x: 'uint8', w: 'int8' }));
      expectSame(matmul(c, { x: 'float32', w: 'float32' }));
      expectSame(matmul(c, { x: 'float16', w: 'float16' }));
    }
  });

  test('weights of four bits, even element in the low nibble', () => {
    // [2, 3]: 1, -2, 7 and -8, 3, 0.
    const packed = int8(
      [3],
      [0xe1, 0x87, 0x03].map((b) => (b << 24) >> 24),
    );
    const w = { space: 0, region: 1, dtype: 'int4', offset: 0, extents: [3, 2], strides: [1, 3] } as const;
    const shape = [1, 2];
    const rows = [
      row('matrix', {
        op: 'MATMUL',
        mode: 'overwrite',
        x: ref(0, 0, 'int8', 0, [1, 3]),
        w,
        acc: ref(0, 2, 'int32', 0, shape),
        drain: null,
        xZero: 0,
        wZero: -1,
      }),
    ];
    const tiny: Tiny = { rows, inputs: [int8([1, 3], [1, 10, 100]), packed], outputs: [{ dtype: 'int32', shape }] };
    expect(output(run(tiny))).toEqual([2 - 10 + 800, -7 + 40 + 100]);
    expectSame(tiny);
  });

  test('int16 sums wrap as int32 does', () => {
    const x: Tensor = { dtype: 'int16', shape: [1, 4], data: Int16Array.of(-32768, -32768, -32768, -32768) };
    const w: Tensor = { dtype: 'int16', shape: [4, 1], data: Int16Array.of(-32768, -32768, -32768, 1) };
    const acc = ref(0, 2, 'int32', 0, [1, 1]);
    const rows = [
      row('matrix', {
        op: 'MATMUL',
        mode: 'overwrite',
        x: ref(0, 0, 'int16', 0, [1, 4]),
        w: ref(0, 1, 'int16', 0, [4, 1]),
        acc,
        drain: null,
        xZero: 0,
        wZero: 0,
      }),
    ];
    const sum = output(run({ rows, inputs: [x, w], outputs: [{ dtype: 'int32', shape: [1, 1] }] }));
    expect(sum).toEqual([(3 * 2 ** 30 - 32768) | 0]);
  });
});
