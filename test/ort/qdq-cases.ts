/** Operators between DequantizeLinear and QuantizeLinear, as quantization tools write them. */
import fc from 'fast-check';
import {
  byteType,
  caseBuilder,
  casesOf,
  extent,
  perChannel,
  scaling,
  seed,
  size,
  step,
  weightsOf,
  type CaseArbitrary,
  type CaseBuilder,
  biases,
  weightScaling,
  window,
} from './quantized-cases.ts';
import type { ByteType, Scaling } from '../end-to-end/quantized-models.ts';

const contraction = (op: 'Conv' | 'Gemm' | 'MatMul'): CaseArbitrary =>
  casesOf(
    fc.record({
      seed,
      t: byteType,
      w: byteType,
      sx: step,
      sw: step,
      sy: step,
      each: fc.boolean(),
      bias: fc.boolean(),
      relu: fc.boolean(),
      depthwise: fc.boolean(),
      cin: extent(6),
      cout: extent(7),
      space: fc.tuple(extent(6), extent(8)),
      ...window,
    }),
    (c) => {
      const b = caseBuilder(c.seed);
      const isConv = op === 'Conv';
      const w: ByteType = c.t === 'int8' ? 'int8' : c.w;
      const depthwise = isConv && c.depthwise;
      const cout = depthwise ? c.cin * 2 : c.cout;
      const at = (i: 0 | 1): number => c.space[i] + (c.kernel[i] - 1) * c.dilations[i];
      const wShape = isConv ? [cout, depthwise ? 1 : c.cin, ...c.kernel] : [c.cin, cout];
      const sx = scaling(c.t, c.sx, 1 / 16);
      const one = weightScaling(w, c.sw);
      const sw = c.each ? perChannel(one, cout, c.seed, isConv ? 0 : 1) : one;
      const sy = scaling(c.t, c.sy, Math.sqrt(size(wShape) / cout) / 4);
      const x = b.dequantize(b.bytes('x', c.t, isConv ? [1, c.cin, at(0), at(1)] : [c.space[0] * 2, c.cin]), sx);
      const operands = [x, b.dequantize(b.constant(w, wShape, weightsOf(c.seed, w, size(wShape))), sw)];
      if (c.bias && op !== 'MatMul') {
        const units = sw.scale.map((s) => Math.fround((sx.scale[0] ?? 1) * s));
        const values = biases(c.seed, cout);
        const scalings: Scaling = { dtype: 'int32', scale: units, zero: units.map(() => 0), ...(units.length > 1 ? { axis: 0 } : {}) };
        operands.push(b.dequantize(b.constant('int32', [cout], values), scalings));
      }
      const attributes = isConv
        ? { kernel_shape: c.kernel, strides: c.strides, dilations: c.dilations, pads: c.pads, group: depthwise ? c.cin : 1 }
        : {};
      const y = b.node(op, operands, attributes);
      const q = b.quantize(c.relu ? b.node('Relu', [y]) : y, sy);
      return b.done([q, c.t]);
    },
  );

const binary = (op: 'Add' | 'Mul'): CaseArbitrary =>
  casesOf(
    fc.record({ seed, t: byteType, sa: step, sb: step, sy: step, shape: fc.tuple(extent(3), extent(5), extent(6)), channel: fc.boolean() }),
    (c) => {
      const right = c.channel ? [c.shape[1], 1] : c.shape;
      const sy = scaling(c.t, c.sy, op === 'Add' ? 1 / 8 : 1);
      const operator = (b: CaseBuilder): string =>
        b.node(op, [
          b.dequantize(b.bytes('a', c.t, c.shape), scaling(c.t, c.sa, 1 / 8)),
          b.dequantize(b.bytes('b', c.t, right), scaling(c.t, c.sb, 1 / 8)),
        ]);
      const [b, r] = [caseBuilder(c.seed), caseBuilder(c.seed)];
      return { ...b.done([b.quantize(operator(b), sy), c.t]), real: r.near(operator(r), sy) };
    },
  );

/** One operand, one result: `make` writes the node on an image. */
const unary = (make: (b: CaseBuilder, x: string) => string, about = 1 / 16): CaseArbitrary =>
  casesOf(
    fc.record({ seed, t: byteType, sx: step, sy: step, same: fc.boolean(), shape: fc.tuple(extent(2), extent(5), extent(6), extent(6)) }),
    (c) => {
      const shape = c.shape.map((d, i) => (i < 2 ? d : d + 1));
      const sx = scaling(c.t, c.sx, 1 / 16);
      const sy = c.same && about === 1 / 16 ? sx : scaling(c.t, c.sy, about);
      const operator = (b: CaseBuilder): string => make(b, b.dequantize(b.bytes('x', c.t, shape), sx));
      const [b, r] = [caseBuilder(c.seed), caseBuilder(c.seed)];
      return { ...b.done([b.quantize(operator(b), sy), c.t]), real: r.near(operator(r), sy) };
    },
  );

const concat: CaseArbitrary = casesOf(
  fc.record({
    seed,
    t: byteType,
    sy: step,
    parts: fc.array(fc.record({ s: step, d: extent(4), same: fc.boolean() }), { minLength: 2, maxLength: 4 }),
    shape: fc.tuple(extent(3), extent(4)),
  }),
  (c) => {
    const b = caseBuilder(c.seed);
    const sy = scaling(c.t, c.sy, 1 / 16);
    const parts = c.parts.map((p, i) =>
      b.dequantize(b.bytes(`x${i}`, c.t, [c.shape[0], p.d, c.shape[1]]), p.same ? sy : scaling(c.t, p.s, 1 / 16)),
    );
    return b.done([b.quantize(b.node('Concat', parts, { axis: 1 }), sy), c.t]);
  },
);

const integers = (b: CaseBuilder, values: readonly number[]): string => b.constant('int64', [values.length], values);

export const qdqOperators: Readonly<Record<string, CaseArbitrary>> = {
  Conv: contraction('Conv'),
  Gemm: contraction('Gemm'),
  MatMul: contraction('MatMul'),
  Add: binary('Add'),
  Mul: binary('Mul'),
  Concat: concat,
  MaxPool: unary((b, x) => b.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 1], pads: [0, 1, 1, 0] })),
  AveragePool: unary((b, x) => b.node('AveragePool', [x], { kernel_shape: [2, 2], strides: [1, 2], pads: [1, 0, 0, 1] })),
  GlobalAveragePool: unary((b, x) => b.node('GlobalAveragePool', [x])),
  ReduceMean: unary((b, x) => b.node('ReduceMean', [x, integers(b, [2, 3])], { keepdims: 1 })),
  Relu: unary((b, x) => b.node('Relu', [x])),
  Clip: unary((b, x) => b.node('Clip', [x, b.constant('float32', [], [0]), b.constant('float32', [], [6])])),
  LeakyRelu: unary((b, x) => b.node('LeakyRelu', [x], { alpha: { float: 0.1 } })),
  Sigmoid: unary((b, x) => b.node('Sigmoid', [x]), 1 / 256),
  Softmax: unary((b, x) => b.node('Softmax', [x], { axis: -1 }), 1 / 128),
  Transpose: unary((b, x) => b.node('Transpose', [x], { perm: [0, 2, 3, 1] })),
  Slice: unary((b, x) => b.node('Slice', [x, integers(b, [1]), integers(b, [9]), integers(b, [2])])),
  Pad: unary((b, x) => b.node('Pad', [x, integers(b, [0, 0, 1, 0, 0, 0, 0, 2])])),
  'Resize, nearest': unary((b, x) =>
    b.node('Resize', [x, '', b.constant('float32', [4], [1, 1, 2, 2])], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    }),
  ),
  'Resize, linear': unary((b, x) =>
    b.node('Resize', [x, '', b.constant('float32', [4], [1, 1, 2, 2])], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' }),
  ),
};
