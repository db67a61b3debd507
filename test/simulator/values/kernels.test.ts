/** The WebAssembly kernels against the plain form, which defines them: the same bytes in every output, the same counts. */
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { bytesPerElement, elementCount, fixedPointOf, seededRandom, viewBytes, type DType, type Tensor } from '../../../src/core/index.ts';
import type { Command, Drain, VectorStep } from '../../../src/isa/command.ts';
import { createKernels, kernelModule } from '../../../src/simulator/values/wasm/kernels.ts';
import { bitsOf32, float32, int32, int8, output, ref, row, run, type Tiny } from './tiny.ts';

/** Edges of fp32: zeros, denormals, numbers that overflow and cancel, infinities, NaN. */
const edges = [0, -0, 1e-45, -1e-45, 1.1754942e-38, 3.4028235e38, -3.4028235e38, Infinity, -Infinity, NaN, 1, -1, 0.5, 1.5, 2.5, 16777216];

function randomTensor(dtype: DType, shape: readonly number[], seed: number, odd: boolean): Tensor {
  const random = seededRandom(seed);
  const count = elementCount(shape);
  const bytes = new Uint8Array(count * bytesPerElement(dtype));
  if (dtype === 'float32') {
    const value = (): number => (odd && random.integer(0, 9) === 0 ? (edges[random.integer(0, edges.length - 1)] ?? 0) : random.bell());
    new Float32Array(bytes.buffer).set(Float32Array.from({ length: count }, value));
  } else if (dtype === 'float16' || dtype === 'bfloat16') {
    const halves = new Uint16Array(bytes.buffer);
    for (let i = 0; i < count; i++) halves[i] = random.integer(0, 65535);
  } else
    for (let i = 0; i < bytes.length; i++)
      bytes[i] = odd && random.integer(0, 3) === 0 ? [0, 127, 128, 255][random.integer(0, 3)]! : random.integer(0, 255);
  return { dtype, shape, data: viewBytes(dtype, bytes) };
}

/** Outputs as bits, every NaN as the same one: which NaN an operation gives is nobody's promise. */
function bits(tensor: Tensor | undefined): readonly number[] {
  const { data, dtype } = tensor ?? { data: new Uint8Array(), dtype: 'uint8' };
  if (dtype === 'float32') return bitsOf32(Array.from(data as Float32Array, (v) => (Number.isNaN(v) ? NaN : v)));
  const infinity = dtype === 'float16' ? 0x7c00 : dtype === 'bfloat16' ? 0x7f80 : Infinity;
  return Array.from(data as ArrayLike<number>, (v) => ((v & 0x7fff) > infinity ? 0x7fff : v));
}

function expectSame(tiny: Tiny): void {
  const [plain, fast] = [run(tiny, { plain: true }), run(tiny)];
  for (const [name, tensor] of plain.outputs) expect(bits(fast.outputs.get(name))).toEqual(bits(tensor));
  expect(fast.kernelStats).toEqual(plain.kernelStats);
}

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const integers = fc.constantFrom<DType>('int8', 'uint8', 'int16');
const floats = fc.constantFrom<DType>('float32', 'float32', 'float16', 'bfloat16', 'float8e4m3fn', 'float8e5m2fnuz');

interface DrainCase {
  out: DType;
  bias: boolean;
  zero: number;
  lo: number;
  hi: number;
  scale: number;
  /** Multiplier and shift in place of a scale: the plain form's business. */
  fixed: boolean;
}
const drains: fc.Arbitrary<DrainCase | null> = fc.option(
  fc.record({
    out: fc.constantFrom<DType>('int8', 'uint8', 'int16'),
    bias: fc.boolean(),
    zero: fc.integer({ min: -130, max: 256 }),
    lo: fc.constantFrom(-Infinity, -Infinity, 0, -100),
    hi: fc.constantFrom(Infinity, Infinity, 6, 100),
    // Halves make ties, the large ones overflow.
    scale: fc.constantFrom(0.5, 0.25, 0.0078125, 0.00391, 1e-7, 1, 3e38, 0, -0.5, NaN),
    fixed: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  }),
);

/** Operands x, w, bias, multiplier and what the accumulator holds before are inputs 0 to 4; sums and drained results regions 5 and 6. */
function contraction(
  types: { x: DType; w: DType },
  shapes: { x: readonly number[]; w: readonly number[]; acc: readonly number[]; channels: number },
  options: { drain: DrainCase | null; accumulate: boolean; seed: number; odd: boolean },
  command: (parts: { acc: DType; drain: Drain | null; mode: 'accumulate' | 'overwrite' }) => Command,
): Tiny {
  const { drain: d, seed, odd } = options;
  const real = types.x.includes('float');
  const acc: DType = real ? 'float32' : 'int32';
  const out: DType = real ? types.x : (d?.out ?? 'int8');
  const random = seededRandom(seed);
  const bias = real
    ? float32(
        [shapes.channels],
        Array.from({ length: shapes.channels }, () => random.bell()),
      )
    : int32(
        [shapes.channels],
        Array.from({ length: shapes.channels }, () => random.integer(-500, 500)),
      );
  const scales = Array.from({ length: shapes.channels }, (_, i) => (i % 3 === 0 ? (d?.scale ?? 1) : 0.5));
  const fixed = d?.fixed === true;
  const multiplier = fixed
    ? int32(
        [shapes.channels, 2],
        scales.flatMap((scale) => Object.values(fixedPointOf(Math.abs(scale)))),
      )
    : float32([shapes.channels], scales);
  const drain: Drain | null =
    d === null
      ? null
      : {
          out: ref(0, 6, out, 0, shapes.acc),
          bias: d.bias ? ref(0, 2, acc, 0, [shapes.channels]) : null,
          multiplier: real ? null : ref(0, 3, multiplier.dtype, 0, multiplier.shape),
          outZero: real ? 0 : d.zero,
          lo: d.lo,
          hi: d.hi,
        };
  const { accumulate } = options;
  const start = row('matrix', { op: 'COPY', src: ref(0, 4, acc, 0, shapes.acc), dst: ref(0, 5, acc, 0, shapes.acc), operand: 'partials' });
  return {
    rows: [start, row('matrix', command({ acc, drain, mode: accumulate ? 'accumulate' : 'overwrite' }))],
    inputs: [
      randomTensor(types.x, shapes.x, seed, odd),
      randomTensor(types.w, shapes.w, seed + 1, odd),
      bias,
      multiplier,
      randomTensor(acc, shapes.acc, seed + 2, odd),
    ],
    outputs: [
      { dtype: acc, shape: shapes.acc },
      { dtype: out, shape: shapes.acc },
    ],
  };
}

const convolutions = fc.record({
  n: upTo(2),
  groups: upTo(3),
  channels: upTo(7),
  outChannels: upTo(9),
  h: upTo(11),
  w: upTo(19),
  kernel: fc.tuple(upTo(3), upTo(4)),
  strides: fc.tuple(upTo(3), upTo(4)),
  dilations: fc.tuple(upTo(2), upTo(3)),
  padTop: fc.integer({ min: -2, max: 3 }),
  padLeft: fc.integer({ min: -2, max: 5 }),
  oh: upTo(8),
  ow: upTo(21),
  pointwise: fc.boolean(),
  depthwise: fc.boolean(),
  xZero: fc.integer({ min: -128, max: 255 }),
  wZero: fc.integer({ min: -128, max: 255 }),
  drain: drains,
  accumulate: fc.boolean(),
  odd: fc.boolean(),
  seed: fc.nat(),
});
type Convolution = typeof convolutions extends fc.Arbitrary<infer C> ? C : never;

function convolution(base: Convolution, types: { x: DType; w: DType }): Tiny {
  const c: Convolution = base.pointwise
    ? { ...base, kernel: [1, 1], strides: [1, 1], padTop: 0, padLeft: 0, oh: base.h, ow: base.w }
    : base;
  const channels = c.depthwise ? 1 : c.channels;
  const shapes = {
    x: [c.n, c.groups * channels, c.h, c.w],
    w: [c.groups * c.outChannels, channels, ...c.kernel],
    acc: [c.n, c.groups * c.outChannels, c.oh, c.ow],
    channels: c.groups * c.outChannels,
  };
  const zero = (dtype: DType, value: number): number => (dtype === 'int8' || dtype === 'uint8' ? value : 0);
  const { groups, strides, dilations, padTop, padLeft } = c;
  return contraction(types, shapes, c, ({ acc, drain, mode }) => ({
    op: c.depthwise ? 'DWCONV' : 'CONV',
    mode,
    x: ref(0, 0, types.x, 0, shapes.x),
    w: ref(0, 1, types.w, 0, shapes.w),
    acc: ref(0, 5, acc, 0, shapes.acc),
    drain,
    xZero: zero(types.x, c.xZero),
    wZero: zero(types.w, c.wZero),
    groups,
    strides,
    dilations,
    padTop,
    padLeft,
  }));
}

const products = fc.record({
  batches: fc.array(fc.tuple(upTo(3), fc.boolean(), fc.boolean()), { maxLength: 2 }),
  m: upTo(13),
  k: upTo(40),
  n: upTo(33),
  xZero: fc.integer({ min: -128, max: 255 }),
  wZero: fc.integer({ min: -128, max: 255 }),
  transposed: fc.boolean(),
  drain: drains,
  accumulate: fc.boolean(),
  odd: fc.boolean(),
  seed: fc.nat(),
});
type Products = typeof products extends fc.Arbitrary<infer C> ? C : never;

function matmul(c: Products, types: { x: DType; w: DType }): Tiny {
  const batches = c.batches.map(([extent]) => extent);
  const own = (side: 1 | 2): number[] => c.batches.map((b) => (b[side] ? b[0] : 1));
  const shapes = { x: [...own(1), c.m, c.k], w: [...own(2), c.k, c.n], acc: [...batches, c.m, c.n], channels: c.n };
  const operand = (index: 0 | 1, dtype: DType, shape: readonly number[]) => {
    const dense = ref(0, index, dtype, 0, shape);
    // A broadcast axis has the extent of the result and stride 0; w may lie transposed in memory.
    const strides = dense.strides.map((s, i) => (i < batches.length && shape[i] === 1 ? 0 : s));
    const size = bytesPerElement(dtype);
    if (index === 1 && c.transposed) strides.splice(-2, 2, size, c.k * size);
    return { ...dense, strides, extents: [...batches, ...shape.slice(-2)] };
  };
  const zero = (dtype: DType, value: number): number => (dtype === 'int8' || dtype === 'uint8' ? value : 0);
  return contraction(types, shapes, c, ({ acc, drain, mode }) => ({
    op: 'MATMUL',
    mode,
    x: operand(0, types.x, shapes.x),
    w: operand(1, types.w, shapes.w),
    acc: ref(0, 5, acc, 0, shapes.acc),
    drain,
    xZero: zero(types.x, c.xZero),
    wZero: zero(types.w, c.wZero),
  }));
}

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

/** A program of random steps over registers already made. */
const opcodes =
  'add sub mul div max min neg abs sqrt floor dequantize quantize requantize less equal select exp tanh sigmoid toFloat16 addInt'.split(
    ' ',
  ) as VectorStep['op'][];
const programs = fc.record({
  inputs: fc.array(fc.tuple(fc.constantFrom<DType>('int8', 'uint8', 'int16', 'int32', 'float32', 'float16'), fc.boolean(), fc.boolean()), {
    minLength: 1,
    maxLength: 3,
  }),
  outputs: fc.array(fc.constantFrom<DType>('int8', 'uint8', 'float32', 'bfloat16'), { minLength: 1, maxLength: 2 }),
  steps: fc.array(fc.tuple(fc.constantFrom(...opcodes), fc.nat(20), fc.nat(20), fc.nat(20)), { maxLength: 10 }),
  immediates: fc.array(fc.oneof(fc.constantFrom(0, -128, 127, 255, 0.5, 0.1, -3, NaN, Infinity, 1e30), fc.float()), { maxLength: 3 }),
  shape: fc.tuple(upTo(3), upTo(700)),
  odd: fc.boolean(),
  seed: fc.nat(),
});

describe('vector programs', () => {
  test('random steps on random types', () => {
    fc.assert(
      fc.property(programs, ({ inputs, outputs, steps, immediates, shape, odd, seed }) => {
        const list: VectorStep[] = [];
        const add = (op: VectorStep['op'], a: number, b = -1, c = -1, immediate = 0): number =>
          list.push({ op, dst: list.length, a, b, c, immediate }) - 1;
        inputs.forEach(([dtype, , asInt], i) => add(asInt && !dtype.includes('float') ? 'loadInt' : 'load', i));
        for (const value of immediates) add('immediate', -1, -1, -1, value);
        for (const [op, a, b, c] of steps) add(op, a % list.length, b % list.length, c % list.length);
        const registers = list.length;
        outputs.forEach((_, i) => list.push({ op: 'store', dst: i, a: Math.max(0, registers - 1 - i), b: -1, c: -1, immediate: 0 }));
        const shapes = inputs.map(([, scalar]) => (scalar ? [1, 1] : [...shape]));
        const operands = inputs.map(([dtype], i) => {
          const dense = ref(0, i, dtype, 0, shapes[i]!);
          return inputs[i]![1] ? { ...dense, extents: shape, strides: [0, 0] } : dense;
        });
        expectSame({
          rows: [
            row('vector', {
              op: 'VECTOR',
              inputs: operands,
              outputs: outputs.map((dtype, i) => ref(0, inputs.length + i, dtype, 0, shape)),
              steps: list,
            }),
          ],
          inputs: inputs.map(([dtype], i) => randomTensor(dtype, shapes[i]!, seed + i, odd)),
          outputs: outputs.map((dtype) => ({ dtype, shape })),
        });
      }),
      { numRuns: 1000 },
    );
  });

  test('a sum of two quantized tensors: rounded half to even, saturated, counted', () => {
    const steps: VectorStep[] = [];
    const add = (op: VectorStep['op'], a = -1, b = -1, c = -1, immediate = 0): number =>
      steps.push({ op, dst: steps.length, a, b, c, immediate }) - 1;
    const [zero, half] = [add('immediate', -1, -1, -1, 3), add('immediate', -1, -1, -1, 0.5)];
    const sum = add('add', add('dequantize', add('loadInt', 0), zero, half), add('dequantize', add('loadInt', 1), zero, half));
    const one = add('immediate', -1, -1, -1, 1);
    const clamped = add('max', add('quantize', sum, one, zero), zero);
    steps.push({ op: 'store', dst: 0, a: clamped, b: -1, c: -1, immediate: 0 });
    const values = [-128, 127, 4, 5, 6, 7, 3, 2];
    const tiny: Tiny = {
      rows: [
        row('vector', { op: 'VECTOR', inputs: [0, 1].map((i) => ref(0, i, 'int8', 0, [8])), outputs: [ref(0, 2, 'int8', 0, [8])], steps }),
      ],
      inputs: [int8([8], values), int8([8], [-128, 127, 3, 3, 3, 3, 3, 3])],
      outputs: [{ dtype: 'int8', shape: [8] }],
    };
    // (4 − 3) · 0.5 = 0.5 goes to 0, (6 − 3) · 0.5 = 1.5 to 2.
    expect(output(run(tiny))).toEqual([3, 127, 3, 4, 5, 5, 3, 3]);
    expectSame(tiny);
  });
});

describe('the module', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  test('is small enough to compile in the middle of a page', () => {
    expect(kernelModule().length).toBeLessThan(12 * 1024);
  });

  test('keeps the memories of two runs apart', () => {
    const [a, b] = [createKernels(), createKernels()];
    const [at = 0] = a?.room([64]) ?? [];
    b?.room([64]);
    new Int32Array(a?.buffer() ?? new ArrayBuffer(), at, 1)[0] = 7;
    expect(new Int32Array(b?.buffer() ?? new ArrayBuffer(), at, 1)[0]).toBe(0);
  });

  test('has no room for more than a gibibyte', () => {
    expect(createKernels()?.room([2 ** 30])).toBeNull();
  });

  test('where compiling is forbidden, the plain form runs', async () => {
    const forbidden = class {
      constructor() {
        throw new Error('blocked by the content policy');
      }
    };
    vi.resetModules();
    const fresh = await import('../../../src/simulator/values/wasm/kernels.ts');
    const tiny = await import('./tiny.ts');
    vi.stubGlobal('WebAssembly', { Module: forbidden });
    expect(fresh.createKernels()).toBeNull();
    const steps: VectorStep[] = [
      { op: 'load', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
      { op: 'store', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
    ];
    const rows = [tiny.row('vector', { op: 'VECTOR', inputs: [ref(0, 0, 'int8', 0, [2])], outputs: [ref(0, 1, 'int8', 0, [2])], steps })];
    expect(output(tiny.run({ rows, inputs: [int8([2], [5, -5])], outputs: [{ dtype: 'int8', shape: [2] }] }))).toEqual([5, -5]);
  });
});
