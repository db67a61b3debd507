/**
 * Models of weights in blocks and of 8-bit floats, in sizes and numbers that fast-check draws. Where numbers are summed they are whole, and scales powers of two:
 * sums are exact then, in whatever order they are made.
 */
import fc from 'fast-check';
import { seededRandom, type Random } from '../../src/core/index.ts';
import { caseBuilder, extent, seed, size, type CaseArbitrary, type CaseBuilder } from './quantized-cases.ts';

const wholeNumbers = (random: Random, count: number): readonly number[] => Array.from({ length: count }, () => random.integer(-9, 9));
const powers = (random: Random, count: number): readonly number[] => Array.from({ length: count }, () => 2 ** random.integer(-4, 1));

/** Any fp32 number now and then, most about 1. */
const odd = [0, -0, Infinity, -Infinity, NaN, 1e-40, 6e-8, 448, 464, 465, 240, 248, 57344, 61440, 61439, 65504, 3e38, -1e9];
const anyFloats = (random: Random, count: number): readonly number[] =>
  Array.from({ length: count }, () =>
    random.next() < 0.3 ? (odd[random.integer(0, odd.length - 1)] ?? 0) : Math.fround(random.bell() * 2 ** random.integer(-12, 12)),
  );

/** MatMulNBits of four bits, activations in float32. */
const matMulNBits: CaseArbitrary = fc
  .record({ s: seed, rows: extent(5), n: extent(12), k: extent(100), block: fc.constantFrom(16, 32, 64), zeros: fc.boolean() })
  .map(({ s, rows, n, k, block, zeros }) => () => {
    const b = caseBuilder(s);
    const random = seededRandom(s);
    const blocks = Math.ceil(k / block);
    const bytes = (count: number): readonly number[] => Array.from({ length: count }, () => random.integer(0, 255));
    const x = b.floats('x', [rows, k], wholeNumbers(random, rows * k));
    const weights = b.constant('uint8', [n, blocks, block / 2], bytes((n * blocks * block) / 2));
    const operands = [x, weights, b.constant('float32', [n * blocks], powers(random, n * blocks))];
    const row = Math.ceil(blocks / 2);
    if (zeros) operands.push(b.constant('uint8', [n * row], bytes(n * row)));
    const y = b.node('MatMulNBits', operands, { K: k, N: n, bits: 4, block_size: block }, 'com.microsoft');
    return b.done([y, 'float32']);
  });

interface Blocks {
  readonly shape: readonly number[];
  readonly axis: number;
  readonly block: number;
}

/** What a blocked DequantizeLinear makes of constants of four bits. */
function blockWeights(b: CaseBuilder, random: Random, { shape, axis, block }: Blocks, dtype: 'int4' | 'uint4', zeros: boolean): string {
  const grid = shape.map((d, i) => (i === axis ? Math.ceil(d / block) : d));
  const numbers = (count: number): readonly number[] =>
    Array.from({ length: count }, () => random.integer(dtype === 'int4' ? -8 : 0, dtype === 'int4' ? 7 : 15));
  const operands = [b.constant(dtype, shape, numbers(size(shape))), b.constant('float32', grid, powers(random, size(grid)))];
  if (zeros) operands.push(b.constant(dtype, grid, numbers(size(grid))));
  return b.node('DequantizeLinear', operands, { axis, block_size: block });
}

const blockProduct: CaseArbitrary = fc
  .record({
    s: seed,
    rows: extent(5),
    n: extent(12),
    k: extent(60),
    block: fc.constantFrom(2, 5, 16, 32),
    dtype: fc.constantFrom('int4' as const, 'uint4' as const),
    zeros: fc.boolean(),
    turned: fc.boolean(),
  })
  .map(({ s, rows, n, k, block, dtype, zeros, turned }) => () => {
    const b = caseBuilder(s);
    const random = seededRandom(s);
    const x = b.floats('x', [rows, k], wholeNumbers(random, rows * k));
    const w = blockWeights(b, random, { shape: turned ? [n, k] : [k, n], axis: turned ? 1 : 0, block }, dtype, zeros);
    return b.done([b.node('MatMul', [x, turned ? b.node('Transpose', [w], { perm: [1, 0] }) : w]), 'float32']);
  });

const blockConv: CaseArbitrary = fc
  .record({ s: seed, c: extent(9), m: extent(7), block: extent(4), zeros: fc.boolean(), kernel: extent(3) })
  .map(({ s, c, m, block, zeros, kernel }) => () => {
    const b = caseBuilder(s);
    const random = seededRandom(s);
    const x = b.floats('x', [1, c, 6, 5], wholeNumbers(random, c * 30));
    const w = blockWeights(b, random, { shape: [m, c, kernel, kernel], axis: 1, block }, 'int4', zeros);
    return b.done([b.node('Conv', [x, w], { kernel_shape: [kernel, kernel] }), 'float32']);
  });

/** Bytes of the input in blocks along an axis. */
const blocksAtRunTime: CaseArbitrary = fc
  .record({ s: seed, shape: fc.tuple(extent(4), extent(9), extent(5)), axis: fc.constantFrom(0, 1, 2), block: extent(5) })
  .map(({ s, shape, axis, block }) => () => {
    const b = caseBuilder(s);
    const random = seededRandom(s);
    const grid = shape.map((d, i) => (i === axis ? Math.ceil(d / block) : d));
    const scales = Array.from({ length: size(grid) }, () => Math.fround(0.01 + random.next()));
    const zeros = Array.from({ length: size(grid) }, () => random.integer(-128, 127));
    const parameters = [b.constant('float32', grid, scales), b.constant('int8', grid, zeros)];
    return b.done([b.node('DequantizeLinear', [b.bytes('q', 'int8', shape), ...parameters], { axis, block_size: block }), 'float32']);
  });

const code = fc.constantFrom(17, 18, 19, 20);

/** There and back: the runtime's JavaScript has no tensors of 8-bit floats. */
const casts: CaseArbitrary = fc.record({ s: seed, to: code, count: extent(200), saturate: fc.constantFrom(0, 1) }).map((c) => () => {
  const b = caseBuilder(c.s);
  // Without saturation ONNX Runtime makes NaN of what rounds up to the infinity of float8e5m2: docs/verify.md.
  const isOther = (x: number): boolean => c.saturate === 0 && Math.abs(x) >= 61440 && Math.abs(x) < 65536;
  const numbers = anyFloats(seededRandom(c.s), c.count).map((x) => (isOther(x) ? 1 : x));
  const x = b.floats('x', [c.count], numbers);
  return b.done([b.node('Cast', [b.node('Cast', [x], { to: c.to, saturate: c.saturate })], { to: 1 }), 'float32']);
});

const pairs: CaseArbitrary = fc
  .record({ s: seed, to: code, count: extent(200), scale: fc.constantFrom(1, 0.5, 0.3, 7.1, 2 ** -9) })
  .map((c) => () => {
    const b = caseBuilder(c.s);
    const [name] = (['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'] as const).slice(c.to - 17);
    const x = b.floats('x', [c.count], anyFloats(seededRandom(c.s), c.count));
    const parameters = [b.constant('float32', [], [c.scale]), b.stored(name ?? 'float8e4m3fn', [], Uint8Array.of(0))];
    return b.done([b.node('DequantizeLinear', [b.node('QuantizeLinear', [x, ...parameters]), ...parameters]), 'float32']);
  });

export const narrowOperators: Readonly<Record<string, CaseArbitrary>> = {
  MatMulNBits: matMulNBits,
  'DequantizeLinear in blocks, MatMul': blockProduct,
  'DequantizeLinear in blocks, Conv': blockConv,
  'DequantizeLinear in blocks': blocksAtRunTime,
  'Cast to float8 and back': casts,
  'QuantizeLinear and DequantizeLinear of float8': pairs,
};
