/** Quantized products: convolutions and matrices, with results in bytes, in int32, or as real numbers. */
import fc from 'fast-check';
import {
  byteType,
  caseBuilder,
  casesOf,
  extent,
  pads,
  perChannel,
  scaling,
  seed,
  size,
  step,
  weightsOf,
  type CaseArbitrary,
  biases,
  weightScaling,
  window,
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
    ...window,
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
    const sw = weightScaling(w, c.sw);
    const sws = c.each ? perChannel(sw, cout, c.seed) : sw;
    const sy = scaling(c.x, c.sy, Math.sqrt(size(wShape) / cout) / 4);
    const bias = c.bias ? [b.constant('int32', [cout], biases(c.seed, cout))] : [];
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
    const sb = weightScaling(tb, c.sb);
    const sbs = c.each ? perChannel(sb, c.n, c.seed) : sb;
    const sy = scaling(c.a, c.sy, Math.sqrt(c.k) / 4);
    const bShape = c.transB ? [c.n, c.k] : [c.k, c.n];
    const cShape = c.bias === 'row' ? [c.n] : [c.m, c.n];
    const bias = c.bias === null ? '' : b.constant('int32', cShape, biases(c.seed, size(cShape)));
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

export const quantizedProducts: Readonly<Record<string, CaseArbitrary>> = {
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
  ConvInteger: convInteger,
  MatMulInteger: matMulInteger,
  QGemm: qGemm,
};
