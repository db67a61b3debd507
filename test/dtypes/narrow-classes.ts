/** Properties of kernels on numbers of four and eight bits: packed weights, by column and in blocks, and 8-bit floats. */
import type { DType } from '../../src/core/index.ts';
import { numbersOf, tensorOf } from '../../src/graph/index.ts';
import { randomNumbers } from '../random/maker.ts';
import { float8, nearestFloat8 } from './float8.ts';
import { convIntegers, convReals, productShape, transposed, type ConvShape } from './formulas.ts';
import { f32, halfEven, saturated, startBench, type Bench } from './held.ts';
import { exactly, type Property } from './meant.ts';
import { pick } from './run.ts';

/** int8 operands and weights of four bits, one scale for each column. */
export const packedProduct: Property = (dtype, _, seed) => {
  const b = startBench('int8', true, seed);
  const { random: r, w } = b;
  const [m, k, n] = [r.integer(1, 12), r.integer(1, 20), r.integer(1, 12)];
  const x = b.input([m, k]);
  const tensor = randomNumbers(r, dtype, [k, n], 'bell', 1);
  const weights = Array.from(numbersOf(tensor) as ArrayLike<number>, Number);
  const zero = dtype === 'uint4' ? 8 : 0;
  const scales = Array.from({ length: n }, () => f32(r.integer(1, 31) / 64));
  const scale = w.constant({ dtype: 'float32', shape: [n], data: Float32Array.from(scales) });
  const [real = -1] = w.node(
    'DequantizeLinear',
    [
      w.constant(tensor),
      scale,
      w.constant(
        tensorOf(
          dtype,
          [n],
          scales.map(() => zero),
        ),
      ),
    ],
    {
      axis: 1,
    },
  );
  const [id = -1] = w.node('MatMul', [x.id, real]);
  const out = b.scale(64);
  const held = x.held ?? out;
  const sums = convIntegers(productShape(m, k, n), x.stored, held.zero, transposed(weights, n, k), zero);
  const factor = (at: number): number => f32(f32(f32(held.scale) * (scales[at % n] ?? 0)) / f32(out.scale));
  return exactly(
    b.finish(id, out),
    sums.map((sum, at) => saturated('int8', halfEven(f32(f32(sum) * factor(at))) + out.zero)),
  );
};

/** Numbers of four bits in blocks of an axis, each block with a scale and maybe a zero point of its own, and what they stand for. */
function inBlocks(
  b: Bench,
  dtype: DType,
  shape: readonly number[],
  axis: number,
): { readonly id: number; readonly real: readonly number[] } {
  const { random: r, w } = b;
  const block = r.integer(1, shape[axis] ?? 1);
  const grid = shape.map((d, i) => (i === axis ? Math.ceil(d / block) : d));
  const codes = randomNumbers(r, dtype, shape, 'bell', 1);
  const count = grid.reduce((n, d) => n * d, 1);
  const scales = Array.from({ length: count }, () => f32(r.integer(1, 31) / 64));
  const zeros = r.next() < 0.5 ? null : randomNumbers(r, dtype, grid, 'bell', 1);
  const operands = [w.constant(codes), w.constant({ dtype: 'float32', shape: grid, data: Float32Array.from(scales) })];
  if (zeros !== null) operands.push(w.constant(zeros));
  const [id = -1] = w.node('DequantizeLinear', operands, { axis, block_size: block });
  const [q, z] = [codes, zeros].map((t) => (t === null ? [] : Array.from(numbersOf(t) as ArrayLike<number>, Number)));
  const inner = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const [size, blocks] = [shape[axis] ?? 1, grid[axis] ?? 1];
  const blockOf = (at: number): number =>
    (Math.floor(at / (inner * size)) * blocks + Math.floor((Math.floor(at / inner) % size) / block)) * inner + (at % inner);
  return { id, real: (q ?? []).map((code, at) => f32((code - (z?.[blockOf(at)] ?? 0)) * (scales[blockOf(at)] ?? 0))) };
}

/** float32 operands and weights of four bits in blocks: floats on chip. */
export const blockProduct: Property = (dtype, _, seed) => {
  const b = startBench('float32', false, seed);
  const { random: r } = b;
  const [m, k, n] = [r.integer(1, 12), r.integer(1, 20), r.integer(1, 12)];
  const x = b.input([m, k]);
  const turned = r.next() < 0.5;
  const weights = inBlocks(b, dtype, turned ? [n, k] : [k, n], r.integer(0, 1));
  const [id = -1] = b.w.node('Gemm', [x.id, weights.id], { transB: turned ? 1 : 0 });
  const columns = turned ? weights.real : transposed(weights.real, n, k);
  return exactly(b.finish(id), convReals(productShape(m, k, n), x.real, columns, []));
};

export const blockConv: Property = (dtype, _, seed) => {
  const b = startBench('float32', false, seed);
  const { random: r } = b;
  const [c, m, kh, kw] = [r.integer(1, 6), r.integer(1, 6), r.integer(1, 2), r.integer(1, 3)];
  const [h, width] = [r.integer(kh, 6), r.integer(kw, 6)];
  const x = b.input([1, c, h, width]);
  const weights = inBlocks(b, dtype, [m, c, kh, kw], 1);
  const [id = -1] = b.w.node('Conv', [x.id, weights.id]);
  const s: ConvShape = {
    x: [1, c, h, width],
    w: [m, c, kh, kw],
    strides: [1, 1],
    pads: [0, 0],
    groups: 1,
    out: [h - kh + 1, width - kw + 1],
  };
  return exactly(b.finish(id), convReals(s, x.real, weights.real, []));
};

export const readFloat8: Property = (dtype, _, seed) => {
  const b = startBench(dtype, false, seed);
  const bits = Uint8Array.from({ length: b.random.integer(1, 200) }, () => b.random.integer(0, 255));
  const id = b.w.input('bits', [bits.length], dtype);
  const [wide = -1] = b.w.node('Cast', [id], { to: 1 });
  const { graph } = b.finish(wide);
  return {
    graph,
    inputs: new Map([['bits', { dtype, shape: [bits.length], data: bits }]]),
    expected: Array.from(bits, (code) => float8(dtype, code)),
    steps: 0,
  };
};

export const writeFloat8: Property = (dtype, _, seed) => {
  const b = startBench('float32', false, seed);
  const x = b.input([b.random.integer(1, 100)]);
  const scale = pick(b.random, [1, 0.5, 0.03125]);
  const [id = -1] = b.w.node('QuantizeLinear', [
    x.id,
    b.w.constant({ dtype: 'float32', shape: [], data: Float32Array.of(scale) }),
    b.w.constant({ dtype, shape: [], data: Uint8Array.of(0) }),
  ]);
  return exactly(
    b.finish(id),
    x.real.map((v) => nearestFloat8(dtype, f32(v / scale))),
  );
};
