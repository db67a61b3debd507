/** QLinear operators element by element, over windows and along axes; with the products and the quantizers, all there are. */
import fc from 'fast-check';
import {
  byteType,
  caseBuilder,
  casesOf,
  extent,
  scaling,
  seed,
  size,
  step,
  weightsOf,
  type CaseArbitrary,
  type CaseBuilder,
} from './quantized-cases.ts';
import { quantizedProducts } from './qlinear-products.ts';
import { quantizers } from './quantizer-cases.ts';

const shapes = fc.oneof(
  fc.tuple(extent(3), extent(5), extent(4), extent(4)).map((s) => [s, s] as const),
  fc.tuple(extent(3), extent(5), extent(4)).map(
    ([n, c, h]) =>
      [
        [n, c, h, 3],
        [c, 1, 3],
      ] as const,
  ),
  fc.tuple(extent(40), extent(5)).map(
    ([n, c]) =>
      [
        [1, c],
        [n, 1],
      ] as const,
  ),
  extent(200).map((n) => [[n], []] as const),
);

const qLinearBinary = (op: 'Add' | 'Mul'): CaseArbitrary =>
  casesOf(fc.record({ seed, t: byteType, sa: step, sb: step, sy: step, shapes, constant: fc.boolean() }), (c) => {
    const sa = scaling(c.t, c.sa, 1 / 8);
    const sb = scaling(c.t, c.sb, 1 / 8);
    const sy = scaling(c.t, c.sy, op === 'Add' ? 1 / 8 : 1);
    const operands = (b: CaseBuilder): readonly [string, string] => [
      b.bytes('a', c.t, c.shapes[0]),
      c.constant ? b.constant(c.t, c.shapes[1], weightsOf(c.seed, c.t, size(c.shapes[1]))) : b.bytes('b', c.t, c.shapes[1]),
    ];
    const b = caseBuilder(c.seed);
    const [left, right] = operands(b);
    const y = b.node(`QLinear${op}`, [left, ...b.scaling(sa), right, ...b.scaling(sb), ...b.scaling(sy)], {}, 'com.microsoft');
    const r = caseBuilder(c.seed);
    const [p, q] = operands(r);
    return { ...b.done([y, c.t]), real: r.near(r.node(op, [r.dequantize(p, sa), r.dequantize(q, sb)]), sy) };
  });

const qLinearUnary = (
  op: string,
  about: number,
  attributes: (seed: number) => Record<string, number | { float: number }> = () => ({}),
  shape = fc.array(extent(6), { minLength: 1, maxLength: 4 }),
): CaseArbitrary =>
  casesOf(fc.record({ seed, t: byteType, sx: step, sy: step, shape, opset: fc.constant(17) }), (c) => {
    const b = caseBuilder(c.seed, 17);
    const y = b.node(
      op,
      [b.bytes('x', c.t, c.shape), ...b.scaling(scaling(c.t, c.sx, 1 / 16)), ...b.scaling(scaling(c.t, c.sy, about))],
      attributes(c.seed),
      'com.microsoft',
    );
    return b.done([y, c.t]);
  });

/** ONNX Runtime takes the whole part of 1 / scale, and its results may wrap: so whole reciprocals, and zero points with room for 1. */
const qLinearSoftmax: CaseArbitrary = casesOf(
  fc.record({
    seed,
    t: byteType,
    sx: step,
    reciprocal: fc.constantFrom(32, 64, 100),
    room: extent(60),
    opset: fc.constantFrom(12, 13),
    shape: fc.tuple(extent(4), extent(5), extent(9)),
    axis: fc.integer({ min: 0, max: 2 }),
  }),
  (c) => {
    const b = caseBuilder(c.seed, 17);
    const zero = c.t === 'int8' ? c.room - 128 : c.room;
    const operands = [
      b.bytes('x', c.t, c.shape),
      ...b.scaling(scaling(c.t, c.sx, 1 / 16)),
      ...b.scaling({ dtype: c.t, scale: [1 / c.reciprocal], zero: [zero] }),
    ];
    return b.done([b.node('QLinearSoftmax', operands, { axis: c.axis, opset: c.opset }, 'com.microsoft'), c.t]);
  },
);

const image = fc.tuple(extent(2), extent(6), extent(7), extent(7)).map(([n, c, h, w]) => [n, c, h + 1, w + 1]);

const qLinearAveragePool: CaseArbitrary = casesOf(
  fc.record({
    seed,
    t: byteType,
    sx: step,
    sy: step,
    shape: image,
    kernel: fc.tuple(extent(3), extent(3)),
    strides: fc.tuple(extent(2), extent(2)),
    pads: fc.tuple(extent(2), extent(2), extent(2), extent(2)),
    counted: fc.boolean(),
  }),
  (c) => {
    const kernel = c.kernel.map((k, i) => Math.min(k, c.shape[2 + i] ?? 1));
    const attributes = {
      kernel_shape: kernel,
      strides: c.strides,
      pads: c.pads.map((p, i) => Math.min(p, kernel[i % 2] ?? 1) - 1),
      count_include_pad: c.counted ? 1 : 0,
    };
    const sx = scaling(c.t, c.sx, 1 / 16);
    const sy = scaling(c.t, c.sy, 1 / 16);
    const b = caseBuilder(c.seed);
    const operands = [b.bytes('x', c.t, c.shape), ...b.scaling(sx), ...b.scaling(sy)];
    const y = b.node('QLinearAveragePool', operands, attributes, 'com.microsoft');
    const r = caseBuilder(c.seed);
    return { ...b.done([y, c.t]), real: r.near(r.node('AveragePool', [r.dequantize(r.bytes('x', c.t, c.shape), sx)], attributes), sy) };
  },
);

const qLinearConcat: CaseArbitrary = casesOf(
  fc.record({
    seed,
    t: byteType,
    sy: step,
    parts: fc.array(fc.record({ s: step, d: extent(4), same: fc.boolean() }), { minLength: 1, maxLength: 4 }),
    shape: fc.tuple(extent(3), extent(4), extent(4)),
    axis: fc.integer({ min: 0, max: 2 }),
  }),
  (c) => {
    const b = caseBuilder(c.seed);
    const sy = scaling(c.t, c.sy, 1 / 16);
    const operands = c.parts.flatMap((p, i) => {
      const shape = c.shape.map((d, at) => (at === c.axis ? p.d : d));
      return [b.bytes(`x${i}`, c.t, shape), ...b.scaling(p.same ? sy : scaling(c.t, p.s, 1 / 16))];
    });
    const y = b.node('QLinearConcat', [...b.scaling(sy), ...operands], { axis: c.axis }, 'com.microsoft');
    return b.done([y, c.t]);
  },
);

export const quantizedOperators: Readonly<Record<string, CaseArbitrary>> = {
  ...quantizedProducts,
  QLinearAdd: qLinearBinary('Add'),
  QLinearMul: qLinearBinary('Mul'),
  QLinearSigmoid: qLinearUnary('QLinearSigmoid', 1 / 256),
  QLinearLeakyRelu: qLinearUnary('QLinearLeakyRelu', 1 / 16, (n) => ({ alpha: { float: (n % 100) / 100 } })),
  QLinearSoftmax: qLinearSoftmax,
  QLinearGlobalAveragePool: qLinearUnary('QLinearGlobalAveragePool', 1 / 16, () => ({ channels_last: 0 }), image),
  QLinearAveragePool: qLinearAveragePool,
  QLinearConcat: qLinearConcat,
  ...quantizers,
};
