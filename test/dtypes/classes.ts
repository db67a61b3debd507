/** One property a kernel class: a random case of an element type, and what the plain formula says its output holds. */
import { isFloat, type DType } from '../../src/core/index.ts';
import { isFloat8, nearestFloat8 } from './float8.ts';
import { convIntegers, convReals, normalized, productShape, softmaxOf, sumOf, transposed, windows, type ConvShape } from './formulas.ts';
import { f32, halfEven, quantized, saturated, startBench, stored, type Bench, type Operand, type Scale } from './held.ts';
import { exactly, type Meant, type Property } from './meant.ts';
import { blockConv, blockProduct, packedProduct, readFloat8, writeFloat8 } from './narrow-classes.ts';
import { pick } from './run.ts';

/** The case with its output stored as the element type holds it. */
function ending(b: Bench, scaled: boolean, id: number, reals: readonly number[], out: Scale = b.scale(2)): Meant {
  return exactly(b.finish(id, out), scaled ? quantized(b.dtype, reals, out) : stored(b.dtype, reals));
}

/** Operands whose integer sums are certainly below 2^31: 16-bit ones with small zero points would not be. */
function operands(b: Bench, scaled: boolean, x: readonly number[], w: readonly number[]): readonly [Operand, Operand] {
  const wide = scaled && b.dtype === 'int16';
  const plain = (size: number): Scale => ({ ...b.scale(size), zero: 0 });
  return [
    b.input(x, wide ? plain(1) : b.scale(1)),
    b.constant(w, wide ? plain(1) : { ...b.scale(1), zero: b.dtype === 'uint8' ? 128 : 0 }),
  ];
}

/** Sums of a contraction in what the output holds. */
function drained(b: Bench, scaled: boolean, id: number, s: ConvShape, x: Operand, w: Operand, bias: readonly number[] = []): Meant {
  if (!scaled || x.held === null || w.held === null) return ending(b, false, id, convReals(s, x.real, w.real, bias));
  const out = b.scale(64);
  if (isFloat8(b.dtype)) {
    // Sums of the numbers as they are held; their scales come behind.
    const unit = f32(f32(x.held.scale) * f32(w.held.scale));
    const reals = convReals(s, x.stored, w.stored, bias).map((sum) => f32(sum * unit));
    return exactly(b.finish(id, out), quantized(b.dtype, reals, out));
  }
  const factor = f32(f32(f32(x.held.scale) * f32(w.held.scale)) / f32(out.scale));
  const sums = convIntegers(s, x.stored, x.held.zero, w.stored, w.held.zero);
  return exactly(
    b.finish(id, out),
    sums.map((sum) => saturated(b.dtype, halfEven(f32(f32(sum) * factor)) + out.zero)),
  );
}

const convolution =
  (depthwise: boolean): Property =>
  (dtype, scaled, seed) => {
    const b = startBench(dtype, scaled, seed);
    const { random: r } = b;
    const c = r.integer(1, dtype === 'int16' ? 1 : 5);
    const groups = depthwise ? c : 1;
    const m = depthwise ? c : r.integer(1, 9);
    const [kh, kw] = dtype === 'int16' ? [1, 1] : [r.integer(1, 3), r.integer(1, 3)];
    const [h, width] = [r.integer(kh, 8), r.integer(kw, 9)];
    const strides = [r.integer(1, 2), r.integer(1, 2)] as const;
    const pads = [r.integer(0, kh - 1), r.integer(0, kw - 1), r.integer(0, kh - 1), r.integer(0, kw - 1)] as const;
    const out = [
      Math.floor((h + pads[0] + pads[2] - kh) / strides[0]) + 1,
      Math.floor((width + pads[1] + pads[3] - kw) / strides[1]) + 1,
    ] as const;
    const s: ConvShape = { x: [r.integer(1, 2), c, h, width], w: [m, c / groups, kh, kw], strides, pads: [pads[0], pads[1]], groups, out };
    const [x, w] = operands(b, scaled, s.x, s.w);
    const bias = scaled || r.next() < 0.3 ? null : b.constant([m]);
    const [id = -1] = b.w.node('Conv', [x.id, w.id, ...(bias === null ? [] : [bias.id])], { strides, pads, group: groups });
    return drained(b, scaled, id, s, x, w, bias?.real);
  };

const matmul: Property = (dtype, scaled, seed) => {
  const b = startBench(dtype, scaled, seed);
  const { random: r } = b;
  const [batch, m, k, n] = [r.integer(1, 3), r.integer(1, 12), dtype === 'int16' ? 1 : r.integer(1, 20), r.integer(1, 12)];
  const [x, w] = operands(b, scaled, [batch, m, k], [k, n]);
  const [id = -1] = b.w.node('MatMul', [x.id, w.id]);
  const columns = { ...w, real: transposed(w.real, n, k), stored: transposed(w.stored, n, k) };
  return drained(b, scaled, id, productShape(batch * m, k, n), x, columns);
};

const gemm: Property = (dtype, scaled, seed) => {
  const b = startBench(dtype, scaled, seed);
  const { random: r } = b;
  const [m, k, n] = [r.integer(1, 12), dtype === 'int16' ? 1 : r.integer(1, 20), r.integer(1, 12)];
  const [x, w] = operands(b, scaled, [m, k], [n, k]);
  const bias = scaled ? null : b.constant([n]);
  const [id = -1] = b.w.node('Gemm', [x.id, w.id, ...(bias === null ? [] : [bias.id])], { transB: 1 });
  return drained(b, scaled, id, productShape(m, k, n), x, w, bias?.real);
};

const maxPool: Property = (dtype, scaled, seed) => {
  const b = startBench(dtype, scaled, seed);
  const { random: r } = b;
  const k = r.integer(1, 3);
  const [planes, h, w, stride] = [r.integer(1, 5), r.integer(k, 10), r.integer(k, 10), r.integer(1, 2)];
  const held = b.scale(1);
  const x = b.input([1, planes, h, w], held);
  const [id = -1] = b.w.node('MaxPool', [x.id], { kernel_shape: [k, k], strides: [stride, stride] });
  const best = windows(planes, h, w, k, stride).map((taps) => Math.max(...taps.map((t) => x.stored[t] ?? 0)));
  return exactly(
    b.finish(id, held),
    isFloat8(dtype) && scaled
      ? quantized(
          dtype,
          best.map((v) => f32(v * held.scale)),
          held,
        )
      : best,
  );
};

const averagePool: Property = (dtype, scaled, seed) => {
  const b = startBench(dtype, scaled, seed);
  const { random: r } = b;
  const k = r.integer(1, 3);
  const [planes, h, w, stride] = [r.integer(1, 5), r.integer(k, 10), r.integer(k, 10), r.integer(1, 2)];
  const x = b.input([1, planes, h, w]);
  const [id = -1] = b.w.node('AveragePool', [x.id], { kernel_shape: [k, k], strides: [stride, stride] });
  const all = windows(planes, h, w, k, stride);
  const { held } = x;
  if (!scaled || held === null || isFloat8(dtype))
    return ending(
      b,
      scaled,
      id,
      all.map((taps) => f32(sumOf(taps.map((t) => x.real[t] ?? 0)) / (k * k))),
    );
  const out = b.scale(1);
  const factor = f32(f32(held.scale) / f32(out.scale));
  const mean = (taps: readonly number[]): number => f32(f32(taps.reduce((n, t) => n + (x.stored[t] ?? 0) - held.zero, 0)) / (k * k));
  return exactly(
    b.finish(id, out),
    all.map((taps) => saturated(dtype, halfEven(f32(mean(taps) * factor)) + out.zero)),
  );
};

const onReals: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => f32(a + b),
  Sub: (a, b) => f32(a - b),
  Mul: (a, b) => f32(a * b),
  Div: (a, b) => f32(a / b),
  Max: (a, b) => Math.max(a, b),
  Min: (a, b) => Math.min(a, b),
};

/** [n, c, l] with [c, 1] or the same shape. */
const elementwise: Property = (dtype, scaled, seed) => {
  const b = startBench(dtype, scaled, seed);
  const { random: r } = b;
  const [n, c, l] = [r.integer(1, 3), r.integer(1, 6), r.integer(1, 40)];
  const op = pick(r, Object.keys(onReals) as [string, ...string[]]);
  const narrow = r.next() < 0.5;
  const x = b.input([n, c, l]);
  const y = b.input(narrow ? [c, 1] : [n, c, l]);
  const [id = -1] = b.w.node(op, [x.id, y.id]);
  const other = (at: number): number => (narrow ? Math.floor(at / l) % c : at);
  return ending(
    b,
    scaled,
    id,
    x.real.map((v, at) => onReals[op]?.(v, y.real[other(at)] ?? 0) ?? 0),
  );
};

const onWhole: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => Math.imul(a, b),
  Max: Math.max,
  Min: Math.min,
  BitwiseAnd: (a, b) => a & b,
  BitwiseXor: (a, b) => a ^ b,
};

/** Integers as they are wrap. */
const wholeElementwise: Property = (dtype, _, seed) => {
  const b = startBench(dtype, false, seed);
  const { random: r } = b;
  const count = r.integer(1, 60);
  const op = pick(r, Object.keys(onWhole) as [string, ...string[]]);
  const [x, y] = [b.input([count]), b.input([count])];
  const [id = -1] = b.w.node(op, [x.id, y.id]);
  const wrap =
    dtype === 'int32'
      ? new Int32Array(1)
      : dtype === 'int16'
        ? new Int16Array(1)
        : dtype === 'uint8'
          ? new Uint8Array(1)
          : new Int8Array(1);
  const expected = x.stored.map((v, at) => {
    wrap[0] = onWhole[op]?.(v, y.stored[at] ?? 0) ?? 0;
    return wrap[0];
  });
  return exactly(b.finish(id), expected);
};

const logical: Property = (dtype, _, seed) => {
  const b = startBench(dtype, false, seed);
  const count = b.random.integer(1, 60);
  const op = pick(b.random, ['And', 'Or', 'Xor']);
  const [x, y] = [b.input([count]), b.input([count])];
  const [id = -1] = b.w.node(op, [x.id, y.id]);
  const join = (a: number, c: number): number => (op === 'And' ? a & c : op === 'Or' ? a | c : a ^ c);
  return exactly(
    b.finish(id),
    x.stored.map((v, at) => join(v, y.stored[at] ?? 0)),
  );
};

/** The last or the first axis of [rows, columns] folded. */
const reduction: Property = (dtype, scaled, seed) => {
  const b = startBench(dtype, scaled, seed);
  const { random: r } = b;
  const [rows, columns] = [r.integer(1, 9), r.integer(1, 70)];
  const axis = r.integer(0, 1);
  const op = pick(r, scaled || isFloat(dtype) ? ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceSumSquare'] : ['ReduceSum', 'ReduceMax']);
  const held = b.scale(1);
  const x = b.input([rows, columns], held);
  const [id = -1] = b.w.node(op, [x.id, b.w.ints([axis])], { keepdims: 0 });
  const groups = Array.from({ length: axis === 0 ? columns : rows }, (_, i) =>
    Array.from({ length: axis === 0 ? rows : columns }, (__, j) => x.real[axis === 0 ? j * columns + i : i * columns + j] ?? 0),
  );
  const whole = !scaled && !isFloat(dtype);
  const folded = groups.map((list) => {
    if (op === 'ReduceMax') return Math.max(...list);
    if (whole) return list.reduce((n, v) => (n + v) | 0, 0);
    const sum = sumOf(op === 'ReduceSumSquare' ? list.map((v) => f32(v * v)) : list);
    return op === 'ReduceMean' ? f32(sum / list.length) : sum;
  });
  return ending(b, scaled, id, folded);
};

/** Whether any is true, or all are. */
const logicalReduction: Property = (dtype, _, seed) => {
  const b = startBench(dtype, false, seed);
  const [rows, columns] = [b.random.integer(1, 9), b.random.integer(1, 8)];
  const op = pick(b.random, ['ReduceMax', 'ReduceMin']);
  const x = b.input([rows, columns]);
  const [id = -1] = b.w.node(op, [x.id, b.w.ints([1])], { keepdims: 0 });
  const byRow = Array.from({ length: rows }, (__, i) => x.stored.slice(i * columns, (i + 1) * columns));
  return exactly(
    b.finish(id),
    byRow.map((row) => (op === 'ReduceMax' ? Math.max(...row) : Math.min(...row))),
  );
};

/** Ranges that keep elementary functions in their interesting part. */
const gentle = (b: Bench, shape: readonly number[]): Operand =>
  b.input(shape, { ...b.scale(1), scale: b.dtype === 'int16' ? 4 / 32768 : 4 / 128 });

/** Rows with an infinity or NaN have rules of their own, which program and interpreter share: the formula leaves them out. */
const finite = (row: readonly number[], most: number): boolean => row.every((x) => Math.abs(x) < most);

function byRows(
  rows: number,
  columns: number,
  x: readonly number[],
  most: number,
  f: (row: readonly number[]) => readonly number[],
): number[] {
  return Array.from({ length: rows }, (_, i) => x.slice(i * columns, (i + 1) * columns)).flatMap((row) =>
    finite(row, most) ? [...f(row)] : row.map(() => NaN),
  );
}

function within(dtype: DType, x: number): number {
  return isFloat8(dtype) ? nearestFloat8(dtype, x) : saturated(dtype, x);
}

function nearly(b: Bench, scaled: boolean, id: number, reals: readonly number[], out: Scale, steps: number): Meant {
  return { ...b.finish(id, out), expected: scaled ? reals.map((v) => within(b.dtype, v / out.scale + out.zero)) : reals, steps };
}

const norm: Property = (dtype, scaled, seed) => {
  const b = startBench(dtype, scaled, seed);
  const [rows, columns] = [b.random.integer(1, 6), b.random.integer(2, 50)];
  const x = gentle(b, [rows, columns]);
  const one = b.w.constant({
    dtype: scaled || dtype === 'float32' ? 'float32' : dtype,
    shape: [columns],
    data: ones(dtype, scaled, columns),
  });
  const [id = -1] = b.w.node('LayerNormalization', [x.id, one], { axis: -1, epsilon: { float: 0.01 } });
  return nearly(
    b,
    scaled,
    id,
    byRows(rows, columns, x.real, 100, (row) => normalized(row, f32(0.01))),
    { ...b.scale(1), scale: 4 / 128 },
    1,
  );
};

function ones(dtype: DType, scaled: boolean, count: number): Float32Array | Uint16Array {
  if (scaled || dtype === 'float32') return new Float32Array(count).fill(1);
  return new Uint16Array(count).fill(dtype === 'float16' ? 0x3c00 : 0x3f80);
}

const softmax: Property = (dtype, scaled, seed) => {
  const b = startBench(dtype, scaled, seed);
  const [rows, columns] = [b.random.integer(1, 6), b.random.integer(1, 50)];
  const x = gentle(b, [rows, columns]);
  const [id = -1] = b.w.node('Softmax', [x.id], { axis: -1 });
  return nearly(b, scaled, id, byRows(rows, columns, x.real, 1e4, softmaxOf), { ...b.scale(1), scale: 1 / 256 }, 1);
};

/** A transpose, a slice that runs backwards and a concat: elements, as they are. */
const movement: Property = (dtype, _, seed) => {
  const b = startBench(dtype, false, seed);
  const { random: r, w } = b;
  const [rows, columns] = [r.integer(1, 12), r.integer(2, 20)];
  const x = b.input([rows, columns]);
  const [turned = -1] = w.node('Transpose', [x.id], { perm: [1, 0] });
  const [back = -1] = w.node('Slice', [turned, w.ints([columns - 1]), w.ints([-1000]), w.ints([0]), w.ints([-1])]);
  const [id = -1] = w.node('Concat', [turned, back], { axis: 0 });
  const column = (j: number): number[] => Array.from({ length: rows }, (__, i) => x.stored[i * columns + j] ?? 0);
  const order = Array.from({ length: columns }, (__, j) => j);
  return exactly(b.finish(id), [...order, ...order.toReversed()].flatMap(column));
};

/** Integers of one scale to another; floats to int8. */
const requantization: Property = (dtype, scaled, seed) => {
  const b = startBench(dtype, scaled, seed);
  const x = b.input([b.random.integer(1, 200)]);
  if (scaled) return ending(b, true, x.id, x.real);
  const out = { scale: pick(b.random, [0.5, 0.25, 0.03125]), zero: b.random.integer(-128, 127) };
  const scale = b.w.constant({ dtype: 'float32', shape: [], data: Float32Array.of(out.scale) });
  const zero = b.w.constant({ dtype: 'int8', shape: [], data: Int8Array.of(out.zero) });
  const [real = x.id] = dtype === 'float32' ? [] : b.w.node('Cast', [x.id], { to: 1 });
  const [id = -1] = b.w.node('QuantizeLinear', [real, scale, zero]);
  return exactly(b.finish(id), quantized('int8', x.real, out));
};

export type PropertyName =
  | 'conv'
  | 'depthwise'
  | 'matmul'
  | 'gemm'
  | 'maxPool'
  | 'averagePool'
  | 'elementwise'
  | 'wholeElementwise'
  | 'logical'
  | 'logicalReduction'
  | 'reduction'
  | 'norm'
  | 'softmax'
  | 'movement'
  | 'requantization'
  | 'packedProduct'
  | 'blockProduct'
  | 'blockConv'
  | 'readFloat8'
  | 'writeFloat8';

export const properties: Readonly<Record<PropertyName, Property>> = {
  conv: convolution(false),
  depthwise: convolution(true),
  matmul,
  gemm,
  maxPool,
  averagePool,
  elementwise,
  wholeElementwise,
  logical,
  logicalReduction,
  reduction,
  norm,
  softmax,
  movement,
  requantization,
  packedProduct,
  blockProduct,
  blockConv,
  readFloat8,
  writeFloat8,
};
