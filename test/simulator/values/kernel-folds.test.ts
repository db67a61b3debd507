/** The WebAssembly kernels of REDUCE and POOL against the plain form, which defines them: the same bytes in every output, the same counts. */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { DType } from '../../../src/core/index.ts';
import type { PoolCommand, ReduceCommand } from '../../../src/isa/command.ts';
import { expectSame, randomTensor, upTo } from './kernel-cases.ts';
import { ref, row } from './tiny.ts';

const types = fc.constantFrom<DType>('int8', 'uint8', 'int16', 'int32', 'float32', 'float32', 'float16', 'bfloat16');
const zeroOf = (dtype: DType, zero: number): number => (dtype === 'int8' || dtype === 'uint8' ? zero : 0);

describe('REDUCE', () => {
  const reductions = fc.record({
    kind: fc.constantFrom<ReduceCommand['kind']>('sum', 'max', 'sumSquares', 'product'),
    dtype: types,
    // Extents, and whether the axis is folded.
    axes: fc.array(fc.tuple(upTo(9), fc.boolean()), { minLength: 1, maxLength: 4 }),
    zero: fc.integer({ min: -128, max: 255 }),
    accumulate: fc.boolean(),
    odd: fc.boolean(),
    seed: fc.nat(),
  });

  test('any axes, kept and folded, in any order', () => {
    fc.assert(
      fc.property(reductions, ({ kind, dtype, axes, zero, accumulate, odd, seed }) => {
        const shape = axes.map(([extent]) => extent);
        const kept = axes.map(([extent, folded]) => (folded ? 1 : extent));
        const result: DType = dtype.includes('float') ? 'float32' : 'int32';
        const dense = ref(0, 2, result, 0, kept);
        const acc = { ...dense, extents: shape, strides: dense.strides.map((s, i) => (axes[i]?.[1] === true ? 0 : s)) };
        const mode = accumulate ? 'accumulate' : 'overwrite';
        expectSame({
          rows: [
            row('vector', { op: 'COPY', src: ref(0, 1, result, 0, kept), dst: dense, operand: 'partials' }),
            row('vector', { op: 'REDUCE', kind, mode, x: ref(0, 0, dtype, 0, shape), acc, xZero: zeroOf(dtype, zero) }),
          ],
          inputs: [randomTensor(dtype, shape, seed, odd), randomTensor(result, kept, seed + 1, odd)],
          outputs: [{ dtype: result, shape: kept }],
        });
      }),
      { numRuns: 600 },
    );
  });
});

describe('POOL', () => {
  const pools = fc.record({
    kind: fc.constantFrom<PoolCommand['kind']>('max', 'average'),
    dtype: types,
    n: upTo(2),
    channels: upTo(3),
    size: fc.tuple(upTo(9), upTo(19)),
    kernel: fc.tuple(upTo(4), upTo(4)),
    strides: fc.tuple(upTo(3), upTo(3)),
    dilations: fc.tuple(upTo(2), upTo(3)),
    pads: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)),
    countPads: fc.boolean(),
    zero: fc.integer({ min: -128, max: 127 }),
    multiplier: fc.constantFrom(1, 0.37, 2.5),
    lo: fc.constantFrom(-Infinity, 0),
    odd: fc.boolean(),
    seed: fc.nat(),
  });

  test('windows of any shape, over padding or not', () => {
    fc.assert(
      fc.property(
        pools,
        ({ kind, dtype, n, channels, size, kernel, strides, dilations, pads, countPads, zero, multiplier, lo, odd, seed }) => {
          const outputs = ([0, 1] as const).map((axis) => {
            const reach = size[axis] + pads[axis] + pads[axis + 2]! - (kernel[axis] - 1) * dilations[axis] - 1;
            return Math.floor(reach / strides[axis]) + 1;
          });
          fc.pre(outputs.every((o) => o > 0));
          const [x, out] = [
            [n, channels, ...size],
            [n, channels, ...outputs],
          ];
          const [top, left, bottom, right] = pads;
          expectSame({
            rows: [
              row('vector', {
                op: 'POOL',
                kind,
                x: ref(0, 0, dtype, 0, x),
                out: ref(0, 1, dtype, 0, out),
                kernel,
                strides,
                dilations,
                padTop: top,
                padLeft: left,
                countBox: countPads ? [-top, -left, size[0] + bottom, size[1] + right] : [0, 0, ...size],
                xZero: zeroOf(dtype, zero),
                outZero: zeroOf(dtype, zero),
                multiplier,
                lo,
                hi: Infinity,
              }),
            ],
            inputs: [randomTensor(dtype, x, seed, odd)],
            outputs: [{ dtype, shape: out }],
          });
        },
      ),
      { numRuns: 600 },
    );
  });
});
