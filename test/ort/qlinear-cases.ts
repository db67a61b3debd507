/** QLinear operators, integer products, and quantizing itself. */
import fc from 'fast-check';
import { seededRandom } from '../../src/core/index.ts';
import {
  byteType,
  caseBuilder,
  casesOf,
  extent,
  factor,
  pads,
  perChannel,
  scaling,
  seed,
  size,
  step,
  weightsOf,
  type CaseArbitrary,
  type CaseBuilder,
} from './quantized-cases.ts';

const qLinearConv: CaseArbitrary = casesOf(
  fc.record({
    seed,
    x: byteType,
    w: byteType,
    sx: step,
    sw: step,
    sy: step,
    each: fc.boolean(),
    bias: fc.boolean(),
    groups: fc.constantFrom(1, 1, 2, 3),
    cin: extent(5),
    cout: extent(6),
    space: fc.tuple(extent(7), extent(9)),
    kernel: fc.tuple(extent(3), extent(3)),
    strides: fc.tuple(extent(2), extent(2)),
    dilations: fc.tuple(extent(2), extent(2)),
    pads,
    depthwise: fc.boolean(),
  }),
  (c) => {
    const b = caseBuilder(c.seed);
    const w = c.x === 'int8' ? 'int8' : c.w;
    const groups = c.depthwise ? c.cin : c.groups;
    const cin = c.depthwise ? c.cin : groups * c.cin;
    const cout = groups * c.cout;
    const at = (i: 0 | 1): number => c.space[i] + (c.kernel[i] - 1) * c.dilations[i];
    const wShape = [cout, cin / groups, ...c.kernel];
    const sx = scaling(c.x, c.sx, 1 / 16);
    const sw = scaling(w, w === 'int8' ? { ...c.sw, zero: 128 } : c.sw, 1 / 16);
    const sws = c.each ? perChannel(sw, cout, c.seed) : sw;
    const sy = scaling(c.x, c.sy, Math.sqrt(size(wShape) / cout) / 4);
    const bias = c.bias
      ? [
          b.constant(
            'int32',
            [cout],
            Array.from({ length: cout }, (_, i) => ((i * 7919 + c.seed) % 4001) - 2000),
          ),
        ]
      : [];
    const weights = b.constant(w, wShape, weightsOf(c.seed, w, size(wShape)));
    const operands = [b.bytes('x', c.x, [1, cin, at(0), at(1)]), ...b.scaling(sx), weights, ...b.scaling(sws), ...b.scaling(sy), ...bias];
    const y = b.node('QLinearConv', operands, {
      kernel_shape: c.kernel,
      strides: c.strides,
      dilations: c.dilations,
      pads: c.pads,
      group: groups,
    });
    return b.done([y, c.x]);
  },
);

const qLinearMatMul: CaseArbitrary = casesOf(
  fc.record({
    seed,
    a: byteType,
    b: byteType,
    sa: step,
    sb: step,
    sy: step,
    each: fc.boolean(),
    batch: fc.constantFrom([], [2], [2, 3]),
    wBatch: fc.boolean(),
    m: extent(9),
    k: extent(20),
    n: extent(9),
    constant: fc.boolean(),
  }),
  (c) => {
    const b = caseBuilder(c.seed);
    const tb = c.a === 'int8' ? 'int8' : c.b;
    const shape = [...(c.wBatch ? c.batch : []), c.k, c.n];
    const sa = scaling(c.a, c.sa, 1 / 16);
    const sb = scaling(tb, c.sb, 1 / 16);
    const sy = scaling(c.a, c.sy, Math.sqrt(c.k) / 2);
    const right = c.constant ? b.constant(tb, shape, weightsOf(c.seed, tb, size(shape))) : b.bytes('b', tb, shape);
    const sbs = c.each && c.constant && !c.wBatch ? perChannel(sb, c.n, c.seed) : sb;
    const y = b.node('QLinearMatMul', [
      b.bytes('a', c.a, [...c.batch, c.m, c.k]),
      ...b.scaling(sa),
      right,
      ...b.scaling(sbs),
      ...b.scaling(sy),
    ]);
    return b.done([y, c.a]);
  },
);

const convInteger: CaseArbitrary = casesOf(
  fc.record({
    seed,
    x: byteType,
    w: byteType,
    zx: step,
    zw: step,
    cin: extent(5),
    cout: extent(5),
    groups: extent(2),
    kernel: fc.tuple(extent(3), extent(3)),
    pads,
    strides: fc.tuple(extent(2), extent(2)),
    space: fc.tuple(extent(7), extent(7)),
  }),
  (c) => {
    const b = caseBuilder(c.seed);
    const wShape = [c.cout * c.groups, c.cin, ...c.kernel];
    const zero = (dtype: 'int8' | 'uint8', z: number): string => b.constant(dtype, [], [dtype === 'int8' ? z - 128 : z]);
    const y = b.node(
      'ConvInteger',
      [
        b.bytes('x', c.x, [2, c.cin * c.groups, c.space[0] + 2, c.space[1] + 2]),
        b.constant(c.w, wShape, weightsOf(c.seed, c.w, size(wShape))),
        zero(c.x, c.zx.zero),
        zero(c.w, c.zw.zero),
      ],
      { kernel_shape: c.kernel, pads: c.pads, strides: c.strides, group: c.groups },
    );
    return b.done([y, 'int32']);
  },
);

const matMulInteger: CaseArbitrary = casesOf(
  fc.record({
    seed,
    a: byteType,
    b: byteType,
    za: step,
    zb: step,
    batch: fc.constantFrom([], [2]),
    m: extent(9),
    k: extent(30),
    n: extent(9),
    constant: fc.boolean(),
    zeros: fc.integer({ min: 0, max: 2 }),
  }),
  (c) => {
    const b = caseBuilder(c.seed);
    const zero = (dtype: 'int8' | 'uint8', z: number): string => b.constant(dtype, [], [dtype === 'int8' ? z - 128 : z]);
    const right = c.constant ? b.constant(c.b, [c.k, c.n], weightsOf(c.seed, c.b, c.k * c.n)) : b.bytes('b', c.b, [...c.batch, c.k, c.n]);
    const zeros = [zero(c.a, c.za.zero), zero(c.b, c.zb.zero)].slice(0, c.zeros);
    const y = b.node('MatMulInteger', [b.bytes('a', c.a, [...c.batch, c.m, c.k]), right, ...zeros]);
    return b.done([y, 'int32']);
  },
);

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

const qGemm: CaseArbitrary = casesOf(
  fc.record({
    seed,
    a: byteType,
    b: byteType,
    sa: step,
    sb: step,
    sy: step,
    m: extent(9),
    k: extent(24),
    n: extent(9),
    transA: fc.boolean(),
    transB: fc.boolean(),
    alpha: fc.constantFrom(1, 0.5, 0.3),
    bias: fc.constantFrom(null, 'row', 'all'),
    each: fc.boolean(),
    real: fc.boolean(),
  }),
  (c) => {
    const b = caseBuilder(c.seed);
    const tb = c.a === 'int8' ? 'int8' : c.b;
    const sa = scaling(c.a, c.sa, 1 / 16);
    const sb = scaling(tb, tb === 'int8' ? { ...c.sb, zero: 128 } : c.sb, 1 / 16);
    const sbs = c.each ? perChannel(sb, c.n, c.seed) : sb;
    const sy = scaling(c.a, c.sy, Math.sqrt(c.k) / 4);
    const bShape = c.transB ? [c.n, c.k] : [c.k, c.n];
    const cShape = c.bias === 'row' ? [c.n] : [c.m, c.n];
    const bias =
      c.bias === null
        ? ''
        : b.constant(
            'int32',
            cShape,
            Array.from({ length: size(cShape) }, (_, i) => ((i * 7919 + c.seed) % 4001) - 2000),
          );
    const y = b.node(
      'QGemm',
      [
        b.bytes('a', c.a, c.transA ? [c.k, c.m] : [c.m, c.k]),
        ...b.scaling(sa),
        b.constant(tb, bShape, weightsOf(c.seed, tb, c.k * c.n)),
        ...b.scaling(sbs),
        bias,
        ...(c.real ? [] : b.scaling(sy)),
      ],
      { alpha: { float: c.alpha }, transA: c.transA ? 1 : 0, transB: c.transB ? 1 : 0 },
      'com.microsoft',
    );
    return b.done([y, c.real ? 'float32' : c.a]);
  },
);

function numbers(seedOf: number, count: number, ties: number): readonly number[] {
  const random = seededRandom(seedOf ^ 0xa5);
  // On ties, beyond both ends, and anywhere.
  return Array.from({ length: count }, () =>
    Math.fround(random.next() < 0.5 ? (random.integer(-300, 300) + 0.5) * ties : random.bell() * 40 * ties),
  );
}

const quantizeLinear: CaseArbitrary = casesOf(
  fc.record({
    seed,
    t: fc.constantFrom('int8' as const, 'uint8' as const, 'int16' as const, 'uint16' as const),
    s: step,
    shape: fc.tuple(extent(3), extent(6), extent(8)),
    axis: fc.integer({ min: -1, max: 2 }),
    blocks: fc.boolean(),
    back: fc.boolean(),
  }),
  (c) => {
    const b = caseBuilder(c.seed);
    const wide = c.t.endsWith('16');
    const lo = c.t.startsWith('u') ? 0 : wide ? -32768 : -128;
    const s = Math.fround(c.s.factor / 8);
    const random = seededRandom(c.seed ^ 3);
    const zero = (): number => lo + random.integer(0, wide ? 65535 : 255);
    const scale = (): number => Math.fround(s * (random.integer(1, 16) / 8));
    let shape: readonly number[] = [];
    let attributes = {};
    const at = c.axis;
    const dims: number[] = [...c.shape];
    if (at >= 0) {
      attributes = { axis: at };
      shape = [c.shape[at] ?? 1];
      if (c.blocks) {
        const block = 2;
        dims[at] = (c.shape[at] ?? 1) * block;
        shape = c.shape.map((d) => d);
        attributes = { axis: at, block_size: block };
      }
    }
    const parameters = [
      b.constant('float32', shape, Array.from({ length: size(shape) }, scale)),
      b.constant(c.t, shape, Array.from({ length: size(shape) }, zero)),
    ];
    const q = b.node('QuantizeLinear', [b.floats('x', dims, numbers(c.seed, size(dims), s)), ...parameters], attributes);
    if (!c.back) return b.done([q, c.t]);
    return b.done([q, c.t], [b.node('DequantizeLinear', [q, ...parameters], attributes), 'float32']);
  },
);

const dynamicQuantizeLinear: CaseArbitrary = casesOf(
  fc.record({ seed, shape: fc.tuple(extent(5), extent(20)), s: factor, only: fc.constantFrom(-1, 0, 1) }),
  (c) => {
    const b = caseBuilder(c.seed);
    const values = numbers(c.seed, size(c.shape), c.s / 50).map((v) => (c.only === 0 ? v : c.only * Math.abs(v)));
    const d = b.dynamic(b.floats('x', c.shape, values));
    return b.done([d.q, 'uint8'], [d.scale, 'float32'], [d.zero, 'uint8']);
  },
);

export const quantizedOperators: Readonly<Record<string, CaseArbitrary>> = {
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
  ConvInteger: convInteger,
  MatMulInteger: matMulInteger,
  QLinearAdd: qLinearBinary('Add'),
  QLinearMul: qLinearBinary('Mul'),
  QLinearSigmoid: qLinearUnary('QLinearSigmoid', 1 / 256),
  QLinearLeakyRelu: qLinearUnary('QLinearLeakyRelu', 1 / 16, (n) => ({ alpha: { float: (n % 100) / 100 } })),
  QLinearSoftmax: qLinearSoftmax,
  QLinearGlobalAveragePool: qLinearUnary('QLinearGlobalAveragePool', 1 / 16, () => ({ channels_last: 0 }), image),
  QLinearAveragePool: qLinearAveragePool,
  QLinearConcat: qLinearConcat,
  QGemm: qGemm,
  QuantizeLinear: quantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
};
