/** Commands for the WebAssembly kernels, and what shows that they do the same as the plain form: the same bytes in every output, the same counts. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { bytesPerElement, elementCount, fixedPointOf, seededRandom, viewBytes, type DType, type Tensor } from '../../../src/core/index.ts';
import type { Command, Drain } from '../../../src/isa/command.ts';
import { bitsOf32, float32, int32, ref, row, run, type Tiny } from './tiny.ts';

/** Edges of fp32: zeros, denormals, numbers that overflow and cancel, infinities, NaN. */
export const edges: readonly number[] = [
  0,
  -0,
  1e-45,
  -1e-45,
  1.1754942e-38,
  3.4028235e38,
  -3.4028235e38,
  Infinity,
  -Infinity,
  NaN,
  1,
  -1,
  0.5,
  1.5,
  2.5,
  16777216,
];

export function randomTensor(dtype: DType, shape: readonly number[], seed: number, odd: boolean): Tensor {
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

export function expectSame(tiny: Tiny): void {
  const [plain, fast] = [run(tiny, { plain: true }), run(tiny)];
  for (const [name, tensor] of plain.outputs) expect(bits(fast.outputs.get(name))).toEqual(bits(tensor));
  expect(fast.kernelStats).toEqual(plain.kernelStats);
}

export const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
export const integers: fc.Arbitrary<DType> = fc.constantFrom<DType>('int8', 'uint8', 'int16');
export const floats: fc.Arbitrary<DType> = fc.constantFrom<DType>(
  'float32',
  'float32',
  'float16',
  'bfloat16',
  'float8e4m3fn',
  'float8e5m2fnuz',
);

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

/** What every contraction has. */
interface Common {
  readonly xZero: number;
  readonly wZero: number;
  readonly drain: DrainCase | null;
  readonly accumulate: boolean;
  readonly odd: boolean;
  readonly seed: number;
}
const common = {
  xZero: fc.integer({ min: -128, max: 255 }),
  wZero: fc.integer({ min: -128, max: 255 }),
  drain: drains,
  accumulate: fc.boolean(),
  odd: fc.boolean(),
  seed: fc.nat(),
};

interface Convolution extends Common {
  readonly n: number;
  readonly groups: number;
  readonly channels: number;
  readonly outChannels: number;
  readonly h: number;
  readonly w: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padTop: number;
  readonly padLeft: number;
  readonly oh: number;
  readonly ow: number;
  readonly pointwise: boolean;
  readonly depthwise: boolean;
}
export const convolutions: fc.Arbitrary<Convolution> = fc.record({
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
  ...common,
});

export function convolution(base: Convolution, types: { x: DType; w: DType }): Tiny {
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

export interface Products extends Common {
  /** Extent, and whether x and w have their own along it. */
  readonly batches: readonly (readonly [number, boolean, boolean])[];
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposed: boolean;
}
export const products: fc.Arbitrary<Products> = fc.record({
  batches: fc.array(fc.tuple(upTo(3), fc.boolean(), fc.boolean()), { maxLength: 2 }),
  m: upTo(13),
  k: upTo(40),
  n: upTo(33),
  transposed: fc.boolean(),
  ...common,
});

export function matmul(c: Products, types: { x: DType; w: DType }): Tiny {
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
