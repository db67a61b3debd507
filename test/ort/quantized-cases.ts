/** Models of one quantized operator each, in shapes, scales and types that fast-check draws: half of the scales are short of bits, so that results fall on ties. */
import fc from 'fast-check';
import { seededRandom, type DType, type Random, type Tensor } from '../../src/core/index.ts';
import { tensorOf } from '../../src/graph/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { quantizedBuilder, type ByteType, type QuantizedBuilder, type Scaling } from '../end-to-end/quantized-models.ts';

export interface JudgedCase {
  readonly model: OnnxModel;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** What the outputs stand for before they are rounded; for rules that differ at ties. */
  readonly real: RealResult | null;
}

export interface RealResult {
  /** Operands dequantized, the operator in float: its output has that name. */
  readonly model: OnnxModel;
  readonly output: string;
  readonly scale: number;
}

/** A model in the making: inputs come with their numbers. */
export interface CaseBuilder extends QuantizedBuilder {
  /** Bytes of the whole range, the ends more often. */
  bytes(name: string, dtype: ByteType, shape: readonly number[]): string;
  floats(name: string, shape: readonly number[], values: readonly number[]): string;
  /** The model up to `y`, which is quantized by `s` in the case itself. */
  near(y: string, s: Scaling): RealResult;
  done(...outputs: readonly (readonly [string, DType])[]): JudgedCase;
}

export function caseBuilder(seed: number, opset = 21): CaseBuilder {
  const b = quantizedBuilder(opset);
  const random = seededRandom(seed);
  const inputs = new Map<string, Tensor>();
  const add = (name: string, dtype: DType, shape: readonly number[], values: readonly number[]): string => {
    inputs.set(name, tensorOf(dtype, shape, values));
    return b.input(name, dtype, shape);
  };
  return {
    ...b,
    bytes: (name, dtype, shape) => add(name, dtype, shape, bytesOfRange(random, dtype, size(shape))),
    floats: (name, shape, values) => add(name, 'float32', shape, values),
    done: (...outputs) => ({ model: b.finish(outputs), inputs, real: null }),
    near: (y, s) => ({ model: b.finish([[y, 'float32']]), output: y, scale: s.scale[0] ?? 1 }),
  };
}

export function size(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

function bytesOfRange(random: Random, dtype: ByteType, count: number): readonly number[] {
  const lo = dtype === 'int8' ? -128 : 0;
  return Array.from({ length: count }, () => (random.next() < 0.1 ? lo + 255 * random.integer(0, 1) : random.integer(lo, lo + 255)));
}

/** Signed weights keep to ±63: kernels that add pairs of u8 · s8 products in 16 bits cannot saturate then. */
export function weightsOf(seed: number, dtype: ByteType, count: number): readonly number[] {
  const random = seededRandom(seed ^ 0x5bd1);
  return Array.from({ length: count }, () => (dtype === 'int8' ? random.integer(-63, 63) : random.integer(0, 255)));
}

export const byteType: fc.Arbitrary<ByteType> = fc.constantFrom('int8', 'uint8');
export const seed: fc.Arbitrary<number> = fc.integer({ min: 0, max: 2 ** 31 - 1 });
export const extent = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });

/** Positive factors about 1: of few bits, or of any. */
export const factor: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 16 }).map((k) => k / 8),
  fc.integer({ min: 1, max: 1 << 20 }).map((k) => Math.fround(0.05 + k / 500_000)),
);

/** A scale about `size` and a zero point: at the middle, at an end, or anywhere. */
export interface Step {
  readonly factor: number;
  readonly zero: number;
}
export const step: fc.Arbitrary<Step> = fc.record({
  factor,
  zero: fc.oneof(fc.constantFrom(0, 127, 128, 255), fc.integer({ min: 0, max: 255 })),
});

export function scaling(dtype: ByteType, { factor: f, zero }: Step, about: number): Scaling {
  return { dtype, scale: [Math.fround(f * about)], zero: [dtype === 'int8' ? zero - 128 : zero] };
}

/** Begin of both axes, then end: 0 to 2. */
export const pads: fc.Arbitrary<readonly number[]> = fc.tuple(extent(3), extent(3), extent(3), extent(3)).map((p) => p.map((n) => n - 1));

/** Cases are made when they are run: drawing and shrinking them costs nothing. */
export type CaseArbitrary = fc.Arbitrary<() => JudgedCase>;

/** A counterexample shows what was drawn. */
export function casesOf<C>(draw: fc.Arbitrary<C>, make: (drawn: C) => JudgedCase): CaseArbitrary {
  return draw.map((drawn) => Object.assign(() => make(drawn), { [fc.toStringMethod]: () => fc.stringify(drawn) }));
}

/** For each of `count` channels its own scale. */
export function perChannel(s: Scaling, count: number, seedOf: number, axis?: number): Scaling {
  const random = seededRandom(seedOf ^ 0x77);
  const [scale = 1, zero = 0] = [s.scale[0], s.zero[0]];
  // A list of one scale is a scalar to the builder.
  if (count === 1) return { ...s, axis: axis ?? 0 };
  return {
    ...s,
    scale: Array.from({ length: count }, () => Math.fround(scale * (random.integer(1, 16) / 8))),
    zero: new Array<number>(count).fill(zero),
    ...(axis === undefined ? {} : { axis }),
  };
}

type Pair = fc.Arbitrary<[number, number]>;
/** Kernel, strides, dilations and pads of a window. */
export const window: { readonly kernel: Pair; readonly strides: Pair; readonly dilations: Pair; readonly pads: typeof pads } = {
  kernel: fc.tuple(extent(3), extent(3)),
  strides: fc.tuple(extent(2), extent(2)),
  dilations: fc.tuple(extent(2), extent(2)),
  pads,
};

/** int8 weights have no zero point: 128 is 0 there. */
export function weightScaling(dtype: ByteType, given: Step): Scaling {
  return scaling(dtype, dtype === 'int8' ? { ...given, zero: 128 } : given, 1 / 16);
}

export function biases(seedOf: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => ((i * 7919 + seedOf) % 4001) - 2000);
}
