/** CONV, DWCONV, MATMUL against the plain sums, in BigInt for integers and step-by-step rounding for fp32. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom, type Tensor } from '../../../src/core/index.ts';
import type { ConvCommand, Drain, Ref } from '../../../src/isa/command.ts';
import { bitsOf32, float32, int32, int8, local, load, output, ref, row, run, store } from './tiny.ts';

interface Conv {
  n: number;
  groups: number;
  channels: number;
  outChannels: number;
  h: number;
  w: number;
  kernel: [number, number];
  strides: [number, number];
  dilations: [number, number];
  padTop: number;
  padLeft: number;
  oh: number;
  ow: number;
  xZero: number;
  wZero: number;
  seed: number;
}

const small = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const conv: fc.Arbitrary<Conv> = fc.record({
  n: small(2),
  groups: small(3),
  channels: small(5),
  outChannels: small(9),
  h: small(9),
  w: small(9),
  kernel: fc.tuple(small(3), small(3)),
  strides: fc.tuple(small(3), small(3)),
  dilations: fc.tuple(small(2), small(2)),
  padTop: fc.integer({ min: -2, max: 3 }),
  padLeft: fc.integer({ min: -2, max: 3 }),
  oh: small(8),
  ow: small(8),
  xZero: fc.integer({ min: -128, max: 127 }),
  wZero: fc.integer({ min: -3, max: 3 }),
  seed: fc.nat(),
});

const shapes = (c: Conv) => ({
  x: [c.n, c.groups * c.channels, c.h, c.w],
  w: [c.groups * c.outChannels, c.channels, c.kernel[0], c.kernel[1]],
  out: [c.n, c.groups * c.outChannels, c.oh, c.ow],
});
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const randomInts = (seed: number, count: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.integer(-128, 127));
};
const randomFloats = (seed: number, count: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => Math.fround(random.bell()));
};

/** Sums as the definition has them: `add(sum, x index or -1 for padding, w index)`, channel, row, column ascending. */
function naive<Sum>(c: Conv, zero: Sum, add: (sum: Sum, x: number, w: number) => Sum): Sum[] {
  const sums: Sum[] = [];
  const [kh, kw] = c.kernel;
  for (let n = 0; n < c.n; n++)
    for (let m = 0; m < c.groups * c.outChannels; m++)
      for (let i = 0; i < c.oh; i++)
        for (let j = 0; j < c.ow; j++) {
          let sum = zero;
          const group = Math.floor(m / c.outChannels);
          for (let k = 0; k < c.channels; k++)
            for (let r = 0; r < kh; r++)
              for (let s = 0; s < kw; s++) {
                const y = i * c.strides[0] + r * c.dilations[0] - c.padTop;
                const x = j * c.strides[1] + s * c.dilations[1] - c.padLeft;
                if (y < 0 || y >= c.h || x < 0 || x >= c.w) continue;
                const channel = group * c.channels + k;
                sum = add(sum, ((n * c.groups * c.channels + channel) * c.h + y) * c.w + x, ((m * c.channels + k) * kh + r) * kw + s);
              }
          sums.push(sum);
        }
  return sums;
}

function command(c: Conv, x: Ref, w: Ref, acc: Ref, more: Partial<ConvCommand> = {}): ConvCommand {
  const { groups, strides, dilations, padTop, padLeft, xZero, wZero } = c;
  return { op: 'CONV', mode: 'overwrite', x, w, acc, drain: null, xZero, wZero, groups, strides, dilations, padTop, padLeft, ...more };
}

function runConv(c: Conv, x: Tensor, w: Tensor, op: 'CONV' | 'DWCONV' = 'CONV'): number[] {
  const s = shapes(c);
  const dtype = x.dtype === 'float32' ? 'float32' : 'int32';
  const rows = [row('matrix', command(c, ref(0, 0, x.dtype, 0, s.x), ref(0, 1, w.dtype, 0, s.w), ref(0, 2, dtype, 0, s.out), { op }))];
  return output(run({ rows, inputs: [x, w], outputs: [{ dtype, shape: s.out }] }));
}

describe('convolution', () => {
  test('int8 equals the sum in BigInt', () => {
    fc.assert(
      fc.property(conv, (c) => {
        const s = shapes(c);
        const x = randomInts(c.seed, size(s.x));
        const w = randomInts(c.seed + 1, size(s.w));
        const expected = naive(c, 0n, (sum, i, j) => sum + BigInt((x[i] ?? 0) - c.xZero) * BigInt((w[j] ?? 0) - c.wZero));
        expect(runConv(c, int8(s.x, x), int8(s.w, w))).toEqual(expected.map((v) => Number(BigInt.asIntN(32, v))));
      }),
      { numRuns: 300 },
    );
  });

  test('fp32 rounds every product and every sum, channel, row, column ascending', () => {
    fc.assert(
      fc.property(conv, (c) => {
        const s = shapes(c);
        const x = randomFloats(c.seed, size(s.x));
        const w = randomFloats(c.seed + 1, size(s.w));
        const expected = naive(c, 0, (sum, i, j) => Math.fround(sum + Math.fround((x[i] ?? 0) * (w[j] ?? 0))));
        expect(bitsOf32(runConv(c, float32(s.x, x), float32(s.w, w)))).toEqual(bitsOf32(expected));
      }),
      { numRuns: 300 },
    );
  });

  test('int32 sums wrap', () => {
    const c: Conv = { ...plain(1, 3), channels: 2 };
    const x = int32([1, 2, 1, 3], [2147483647, -2147483648, 65536, 1, -1, 65536]);
    const w = int32([1, 2, 1, 1], [1, 65536]);
    expect(runConv(c, x, w)).toEqual([(2147483647 + 65536) | 0, (-2147483648 - 65536) | 0, 65536]);
  });

  test('padding adds nothing, even under an infinite weight', () => {
    const c: Conv = { ...plain(5, 2), kernel: [1, 2], padLeft: 1 };
    const w = float32([5, 1, 1, 2], [Infinity, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    const [first, second] = runConv(c, float32([1, 1, 1, 2], [2, 3]), w);
    expect([first, second]).toEqual([2, Infinity]);
  });

  test('DWCONV: each input channel feeds its own output channels', () => {
    fc.assert(
      fc.property(conv, (base) => {
        const c = { ...base, channels: 1 };
        const s = shapes(c);
        const x = randomInts(c.seed, size(s.x));
        const w = randomInts(c.seed + 1, size(s.w));
        const expected = naive(c, 0, (sum, i, j) => sum + ((x[i] ?? 0) - c.xZero) * ((w[j] ?? 0) - c.wZero));
        expect(runConv(c, int8(s.x, x), int8(s.w, w), 'DWCONV')).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('split over input channels with accumulate equals the whole', () => {
    fc.assert(
      fc.property(conv, fc.nat(4), (base, cut) => {
        const c = { ...base, groups: 1 };
        const at = Math.min(cut, c.channels);
        const s = shapes(c);
        const x = int8(s.x, randomInts(c.seed, size(s.x)));
        const w = int8(s.w, randomInts(c.seed + 1, size(s.w)));
        const part = (from: number, count: number, mode: 'overwrite' | 'accumulate') => {
          const xRef = { ...ref(0, 0, 'int8', from * c.h * c.w, s.x), extents: [c.n, count, c.h, c.w] };
          const taps = c.kernel[0] * c.kernel[1];
          const wRef = { ...ref(0, 1, 'int8', from * taps, s.w), extents: [c.outChannels, count, ...c.kernel] };
          return row('matrix', command(c, xRef, wRef, ref(0, 2, 'int32', 0, s.out), { mode }));
        };
        const rows = [part(0, at, 'overwrite'), part(at, c.channels - at, 'accumulate')];
        const split = output(run({ rows, inputs: [x, w], outputs: [{ dtype: 'int32', shape: s.out }] }));
        expect(split).toEqual(runConv(c, x, w));
      }),
      { numRuns: 100 },
    );
  });

  test('rows in a ring, read from the middle round to the start', () => {
    // 4 rows of 3 in a ring of 4 slabs; the tile starts at slab 2: rows 2, 3, 0, 1.
    const c: Conv = { ...plain(4, 3), h: 4, oh: 4 };
    const x = int8([1, 1, 4, 3], [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]);
    const ring = ref(0, 0, 'int8', 6, [1, 1, 4, 3], { strides: [0, 0, 3, 1], ring: { base: 0, bytes: 12, axis: 2 } });
    const rows = [row('matrix', command(c, ring, ref(0, 1, 'int8', 0, [4, 1, 1, 1]), ref(0, 2, 'int32', 0, [1, 4, 4, 3])))];
    const shape = [1, 4, 4, 3];
    const all = output(run({ rows, inputs: [x, int8([4, 1, 1, 1], [1, 0, 0, -1])], outputs: [{ dtype: 'int32', shape }] }));
    expect(all.slice(0, 12)).toEqual([20, 21, 22, 30, 31, 32, 0, 1, 2, 10, 11, 12]);
  });

  test('large planes are cut in blocks and give the same sums', () => {
    const c: Conv = { ...plain(6, 70), channels: 150, h: 9, oh: 9, kernel: [3, 3], padTop: 1, padLeft: 1, xZero: 3 };
    const s = shapes(c);
    const x = randomInts(7, size(s.x));
    const w = randomInts(8, size(s.w));
    const expected = naive(c, 0, (sum, i, j) => sum + ((x[i] ?? 0) - 3) * (w[j] ?? 0));
    expect(runConv(c, int8(s.x, x), int8(s.w, w))).toEqual(expected);
  });
});

/** 1×1, one image of one row. */
function plain(outChannels: number, w: number): Conv {
  return {
    n: 1,
    groups: 1,
    channels: 1,
    outChannels,
    h: 1,
    w,
    kernel: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    padTop: 0,
    padLeft: 0,
    oh: 1,
    ow: w,
    xZero: 0,
    wZero: 0,
    seed: 1,
  };
}

describe('matrix product', () => {
  const sizes = fc.record({
    b: small(3),
    m: small(12),
    n: small(20),
    k: small(13),
    broadcast: fc.boolean(),
    transposed: fc.boolean(),
    seed: fc.nat(),
  });

  test('int8 and fp32 equal the plain sums; batches broadcast, operands may lie transposed', () => {
    fc.assert(
      fc.property(sizes, fc.boolean(), ({ b, m, n, k, broadcast, transposed, seed }, float) => {
        const wBatches = broadcast ? 1 : b;
        const a = (float ? randomFloats : randomInts)(seed, b * m * k);
        const w = (float ? randomFloats : randomInts)(seed + 1, wBatches * k * n);
        const dtype = float ? 'float32' : 'int8';
        const bytes = float ? 4 : 1;
        const strides = [broadcast ? 0 : k * n, transposed ? 1 : n, transposed ? k : 1].map((s) => s * bytes);
        const wRef = { ...ref(0, 1, dtype, 0, [b, k, n]), strides };
        const accType = float ? 'float32' : 'int32';
        const rows = [
          row('matrix', {
            op: 'MATMUL',
            mode: 'overwrite',
            x: ref(0, 0, dtype, 0, [b, m, k]),
            w: wRef,
            acc: ref(0, 2, accType, 0, [b, m, n]),
            drain: null,
            xZero: float ? 0 : 5,
            wZero: 0,
          }),
        ];
        const make = float ? float32 : int8;
        const inputs = [make([b, m, k], a), make([wBatches, k, n], w)];
        const got = output(run({ rows, inputs, outputs: [{ dtype: accType, shape: [b, m, n] }] }));
        const expected: number[] = [];
        for (let batch = 0; batch < b; batch++)
          for (let i = 0; i < m; i++)
            for (let j = 0; j < n; j++) {
              let sum = 0;
              for (let l = 0; l < k; l++) {
                const x = (a[(batch * m + i) * k + l] ?? 0) - (float ? 0 : 5);
                const y = w[(broadcast ? 0 : batch * k * n) + (transposed ? j * k + l : l * n + j)] ?? 0;
                sum = float ? Math.fround(sum + Math.fround(x * y)) : sum + x * y;
              }
              expected.push(sum);
            }
        expect(got).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});

describe('drain', () => {
  const drainRows = (drain: Omit<Drain, 'out'>, dtype: 'int8' | 'int32' | 'uint8') => {
    const acc = local('int32', 0, [1, 2, 1, 2]);
    const c = { ...plain(2, 2), xZero: 0 };
    return [
      row(
        'matrix',
        command(c, ref(0, 0, 'int32', 0, [1, 1, 1, 2]), ref(0, 1, 'int32', 0, [2, 1, 1, 1]), acc, {
          drain: { ...drain, out: ref(0, 4, dtype, 0, [1, 2, 1, 2]) },
        }),
      ),
    ];
  };
  const x = int32([1, 1, 1, 2], [10, 100]);
  const w = int32([2, 1, 1, 1], [1, -3]);
  const bias = int32([2], [5, 1]);
  const multiplier = float32([2], [0.5, 1]);
  const inputs = [x, w, bias, multiplier];
  const refs = { bias: ref(0, 2, 'int32', 0, [2]), multiplier: ref(0, 3, 'float32', 0, [2]) };

  test('bias, rescale with ties to even, zero point, clamp; saturation is counted', () => {
    // sums + bias: 15, 105 | -29, -299 -> × 0.5: 7.5 -> 8, 52.5 -> 52 | × 1: -29, -299; + 3
    const rows = drainRows({ ...refs, outZero: 3, lo: -Infinity, hi: Infinity }, 'int8');
    const execution = run({ rows, inputs, outputs: [{ dtype: 'int8', shape: [1, 2, 1, 2] }] });
    expect(output(execution)).toEqual([11, 55, -26, -128]);
    expect(execution.kernelStats[0]).toEqual({ outputs: 4, saturated: 1, distinctValues: 4 });
  });

  test("a ReLU's zero is not saturation", () => {
    const rows = drainRows({ ...refs, outZero: -128, lo: -128, hi: 127 }, 'int8');
    const execution = run({ rows, inputs, outputs: [{ dtype: 'int8', shape: [1, 2, 1, 2] }] });
    expect(output(execution)).toEqual([-120, -76, -128, -128]);
    expect(execution.kernelStats[0]?.saturated).toBe(0);
  });

  test('without multiplier the sums leave as they are', () => {
    const rows = drainRows({ bias: null, multiplier: null, outZero: 0, lo: -Infinity, hi: Infinity }, 'int32');
    expect(output(run({ rows, inputs, outputs: [{ dtype: 'int32', shape: [1, 2, 1, 2] }] }))).toEqual([10, 100, -30, -300]);
  });

  test('float: bias rounded, then clamped', () => {
    const c = plain(1, 3);
    const out = ref(0, 3, 'float32', 0, [1, 1, 1, 3]);
    const drain: Drain = { out, bias: ref(0, 2, 'float32', 0, [1]), multiplier: null, outZero: 0, lo: 0, hi: 6 };
    const rows = [
      row(
        'matrix',
        command(c, ref(0, 0, 'float32', 0, [1, 1, 1, 3]), ref(0, 1, 'float32', 0, [1, 1, 1, 1]), local('float32', 0, [1, 1, 1, 3]), {
          drain,
        }),
      ),
    ];
    const all = [float32([1, 1, 1, 3], [-4, 0.1, 9]), float32([1, 1, 1, 1], [1]), float32([1], [0.2])];
    expect(output(run({ rows, inputs: all, outputs: [{ dtype: 'float32', shape: [1, 1, 1, 3] }] }))).toEqual([
      0,
      Math.fround(Math.fround(0.1) + Math.fround(0.2)),
      6,
    ]);
  });
});

test('weights loaded by DMA into the scratchpad, convolved there, stored back', () => {
  const c = plain(2, 2);
  const rows = [
    row('dma-in', load(ref(0, 0, 'int8', 0, [2]), local('int8', 0, [2]))),
    row('dma-in', load(ref(0, 1, 'int8', 0, [2]), local('int8', 8, [2]))),
    row('dma-in', { op: 'SIGNAL', core: 0, id: 0, count: 1 }),
    row('matrix', { op: 'WAIT', core: 0, id: 0, count: 1 }),
    row('matrix', command(c, local('int8', 0, [1, 1, 1, 2]), local('int8', 8, [2, 1, 1, 1]), local('int32', 16, [1, 2, 1, 2]))),
    row('matrix', { op: 'SIGNAL', core: 0, id: 1, count: 1 }),
    row('dma-out', { op: 'WAIT', core: 0, id: 1, count: 1 }),
    row('dma-out', store(local('int32', 16, [4]), ref(0, 2, 'int32', 0, [4]))),
  ];
  const execution = run(
    { rows, inputs: [int8([2], [3, 4]), int8([2], [1, -2])], outputs: [{ dtype: 'int32', shape: [4] }] },
    { sanitize: true },
  );
  expect(output(execution)).toEqual([3, 4, -6, -8]);
  expect(execution.diagnostics).toEqual([]);
  expect(execution.commandsExecuted).toBe(8);
});
