/** Operators on integers: exact sums by the definition, and quantized forms against their real counterparts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundHalfEven, seededRandom, type DType, type Tensor } from '../../src/core/index.ts';
import { evaluateNode, opDef } from '../../src/graph/index.ts';
import { f32, node, numbers, randomTensor, type Plain } from './helpers.ts';

function ints(dtype: DType, shape: readonly number[], values: readonly number[]): Tensor {
  const make = dtype === 'int8' ? Int8Array : dtype === 'uint8' ? Uint8Array : Int32Array;
  return { dtype, shape, data: make.from(values) };
}

function random(dtype: 'int8' | 'uint8', shape: readonly number[], seed: number): Tensor {
  const source = seededRandom(seed);
  const count = shape.reduce((n, d) => n * d, 1);
  return ints(
    dtype,
    shape,
    Array.from({ length: count }, () => Math.max(-128, Math.min(127, Math.round(source.bell() * 50))) + (dtype === 'uint8' ? 128 : 0)),
  );
}

function run(
  op: string,
  inputs: readonly (Tensor | null)[],
  plain: Readonly<Record<string, Plain>> = {},
  domain = '',
  outputs = 1,
): Tensor[] {
  return [...evaluateNode({ ...node(op, inputs.length, plain, outputs), domain }, 21, inputs)];
}

const real = (x: Tensor, scale: number, zero: number): Tensor =>
  f32(
    x.shape,
    numbers(x).map((v) => Math.fround((v - zero) * scale)),
  );

function quantized(values: readonly number[], scale: number, zero: number, dtype: 'int8' | 'uint8'): number[] {
  const [lo, hi] = dtype === 'int8' ? [-128, 127] : [0, 255];
  return values.map((v) => Math.min(hi, Math.max(lo, roundHalfEven(v / scale) + zero)));
}

/** As many of the numbers within one step as there are. */
function within(got: readonly number[], want: readonly number[], step: number): void {
  expect(got.length).toBe(want.length);
  for (const [i, g] of got.entries()) expect(Math.abs(g - (want[i] ?? NaN))).toBeLessThanOrEqual(step);
}

const types = fc.constantFrom('int8' as const, 'uint8' as const);

describe('integer contractions', () => {
  test('MatMulInteger sums (a - za)(b - zb) exactly, zero points for each row and column', () => {
    fc.assert(
      fc.property(types, types, fc.integer(), (ta, tb, seed) => {
        const [m, k, n] = [3, 4, 2];
        const [a, b] = [random(ta, [m, k], seed), random(tb, [k, n], seed + 1)];
        const [za, zb] = [random(ta, [m], seed + 2), random(tb, [n], seed + 3)];
        const [y] = run('MatMulInteger', [a, b, za, zb]);
        expect(y?.dtype).toBe('int32');
        const at = (t: Tensor, i: number): number => numbers(t)[i] ?? 0;
        const want = Array.from({ length: m * n }, (_, i) => {
          const [r, c] = [Math.floor(i / n), i % n];
          return Array.from({ length: k }, (__, p) => (at(a, r * k + p) - at(za, r)) * (at(b, p * n + c) - at(zb, c))).reduce(
            (s, v) => s + v,
            0,
          );
        });
        expect(numbers(y)).toEqual(want);
      }),
      { numRuns: 20 },
    );
  });

  test('ConvInteger is Conv on centred numbers; padding counts as the zero point', () => {
    fc.assert(
      fc.property(types, types, fc.constantFrom(1, 2), fc.integer(), (tx, tw, rank, seed) => {
        const spatial = Array<number>(rank).fill(5);
        const plain = { pads: Array<number>(2 * rank).fill(1), strides: Array<number>(rank).fill(2), group: 2 };
        const [x, w] = [random(tx, [1, 4, ...spatial], seed), random(tw, [2, 2, ...Array<number>(rank).fill(3)], seed + 1)];
        const [zx, zw] = [random(tx, [], seed + 2), random(tw, [2], seed + 3)];
        const [y] = run('ConvInteger', [x, w, zx, zw], plain);
        const each = w.data.length / 2;
        const centredW = f32(
          w.shape,
          numbers(w).map((v, i) => v - (numbers(zw)[Math.floor(i / each)] ?? 0)),
        );
        const [want] = run('Conv', [real(x, 1, numbers(zx)[0] ?? 0), centredW], plain);
        expect(numbers(y)).toEqual(numbers(want));
      }),
      { numRuns: 20 },
    );
  });

  test('QLinearConv with a scale for each channel and a bias is Conv on reals, rounded', () => {
    const [x, w] = [random('uint8', [1, 2, 4, 4], 1), random('int8', [3, 2, 3, 3], 2)];
    const scales = [0.02, 0.03, 0.005];
    const bias = ints('int32', [3], [100, -200, 300]);
    const [y] = run('QLinearConv', [
      x,
      f32([], [0.05]),
      ints('uint8', [], [130]),
      w,
      f32([3], scales),
      ints('int8', [3], [0, 0, 0]),
      f32([], [0.1]),
      ints('int8', [], [-3]),
      bias,
    ]);
    expect(y?.dtype).toBe('int8');
    const realW = f32(
      w.shape,
      numbers(w).map((v, i) => v * (scales[Math.floor(i / 18)] ?? 0)),
    );
    const realBias = f32(
      [3],
      numbers(bias).map((v, i) => v * 0.05 * (scales[i] ?? 0)),
    );
    const [want] = run('Conv', [real(x, 0.05, 130), realW, realBias]);
    within(numbers(y), quantized(numbers(want), 0.1, -3, 'int8'), 1);
  });

  test('ties round to even', () => {
    const one = f32([], [1]);
    const zero = ints('int8', [], [0]);
    const [y] = run('QLinearMatMul', [
      ints('int8', [4, 1], [1, 3, -1, -3]),
      one,
      zero,
      ints('int8', [1, 1], [1]),
      one,
      zero,
      f32([], [2]),
      zero,
    ]);
    expect(numbers(y)).toEqual([0, 2, 0, -2]);
  });

  test('DynamicQuantizeLinear covers zero and all values', () => {
    const x = f32([5], [0.5, 2, -3, 1, 0]);
    const [y, scale, zero] = run('DynamicQuantizeLinear', [x], {}, '', 3);
    const [s = 0] = numbers(scale);
    const [z = 0] = numbers(zero);
    expect(s).toBeCloseTo(5 / 255, 7);
    expect(z).toBe(153);
    within(
      numbers(y).map((q) => (q - z) * s),
      numbers(x),
      s / 2 + 1e-6,
    );
    expect(run('DynamicQuantizeLinear', [f32([2], [0, 0])], {}, '', 3).map(numbers)).toEqual([[0, 0], [1], [0]]);
  });

  test('MACs are those of the real operator', () => {
    const type = (...shape: number[]) => ({ dtype: 'int8' as const, shape });
    const macs = opDef('', 'QLinearConv')?.macs({
      node: node('QLinearConv', 9),
      opset: 21,
      inputs: [type(1, 2, 4, 4), null, null, type(3, 2, 3, 3)],
      outputs: [type(1, 3, 2, 2)],
    });
    expect(macs).toBe(3 * 2 * 2 * 2 * 9);
  });
});

describe('com.microsoft quantized operators', () => {
  const ms = 'com.microsoft';
  const [sx, zx, sy, zy] = [0.04, 120, 0.05, 110];
  const scalars = (scale: number, zero: number): readonly [Tensor, Tensor] => [f32([], [scale]), ints('uint8', [], [zero])];
  const x = random('uint8', [1, 2, 4, 4], 7);
  const b = random('uint8', [2, 1, 1], 8);

  test.each([
    ['QLinearAdd', 'Add', true, {}],
    ['QLinearMul', 'Mul', true, {}],
    ['QLinearLeakyRelu', 'LeakyRelu', false, { alpha: 'float:0.3' }],
    ['QLinearSigmoid', 'Sigmoid', false, {}],
    ['QLinearAveragePool', 'AveragePool', false, { kernel_shape: [2, 2], strides: [2, 2] }],
    ['QLinearGlobalAveragePool', 'GlobalAveragePool', false, {}],
  ] as const)('%s is %s on what the integers stand for', (name, plain, binary, attributes) => {
    const operands = binary ? [x, ...scalars(sx, zx), b, ...scalars(0.02, 100)] : [x, ...scalars(sx, zx)];
    const [y] = run(name, [...operands, ...scalars(sy, zy)], attributes, ms);
    const reals = binary ? [real(x, sx, zx), real(b, 0.02, 100)] : [real(x, sx, zx)];
    const [want] = run(plain, reals, attributes);
    expect(y?.shape).toEqual(want?.shape);
    within(numbers(y), quantized(numbers(want), sy, zy, 'uint8'), 1);
  });

  test('pooling with channels last is pooling with channels first, turned', () => {
    const last = run('Transpose', [x], { perm: [0, 2, 3, 1] })[0] ?? x;
    const attributes = { kernel_shape: [2, 2] };
    const [first] = run('QLinearAveragePool', [x, ...scalars(sx, zx), ...scalars(sy, zy)], attributes, ms);
    const [y] = run('QLinearAveragePool', [last, ...scalars(sx, zx), ...scalars(sy, zy)], { ...attributes, channels_last: 1 }, ms);
    expect(numbers(y)).toEqual(numbers(run('Transpose', [first ?? x], { perm: [0, 2, 3, 1] })[0]));
    const [conv] = run('NhwcFusedConv', [f32([1, 1, 1, 2], [1, 2]), f32([1, 2, 1, 1], [3, -4])], { activation: 'Relu' }, ms);
    expect(numbers(conv)).toEqual([0]);
  });

  test('QLinearSoftmax takes the axis rules of the version it names', () => {
    const values = random('uint8', [2, 2, 2], 3);
    const [whole] = run('QLinearSoftmax', [values, ...scalars(sx, zx), ...scalars(1 / 255, 0)], { opset: 12, axis: 1 }, ms);
    const [last] = run('QLinearSoftmax', [values, ...scalars(sx, zx), ...scalars(1 / 255, 0)], { opset: 13, axis: -1 }, ms);
    const sums = (y: Tensor | undefined, length: number): number[] =>
      Array.from({ length: 8 / length }, (_, i) =>
        numbers(y)
          .slice(i * length, (i + 1) * length)
          .reduce((s, v) => s + v, 0),
      );
    within(sums(whole, 4), [255, 255], 2);
    within(sums(last, 2), [255, 255, 255, 255], 1);
  });

  test('QLinearConcat brings every part to the scale of the result', () => {
    const [y] = run(
      'QLinearConcat',
      [...scalars(0.5, 10), ints('uint8', [1], [14]), ...scalars(1, 10), ints('uint8', [2], [30, 40]), ...scalars(0.25, 20)],
      { axis: 0 },
      ms,
    );
    expect(numbers(y)).toEqual([18, 15, 20]);
  });

  test('QGemm, MatMulIntegerToFloat and DynamicQuantizeMatMul are products of reals', () => {
    const [a, w] = [random('uint8', [3, 4], 1), random('int8', [4, 2], 2)];
    const scales = f32([2], [0.01, 0.02]);
    const realW = f32(
      [4, 2],
      numbers(w).map((v, i) => v * (i % 2 === 0 ? 0.01 : 0.02)),
    );
    const [want] = run('MatMul', [real(a, sx, zx), realW]);
    const zeros = ints('int8', [2], [0, 0]);
    const [float] = run('MatMulIntegerToFloat', [a, w, f32([], [sx]), scales, ints('uint8', [], [zx]), zeros], {}, ms);
    within(numbers(float), numbers(want), 1e-4);
    const turned = run('Transpose', [w], { perm: [1, 0] })[0] ?? w;
    const [q] = run(
      'QGemm',
      [a, ...scalars(sx, zx), turned, scales, zeros, null, f32([], [0.1]), ints('uint8', [], [100])],
      { transB: 1 },
      ms,
    );
    within(numbers(q), quantized(numbers(want), 0.1, 100, 'uint8'), 1);
    const [realOut] = run('QGemm', [a, ...scalars(sx, zx), turned, scales, zeros], { transB: 1 }, ms);
    within(numbers(realOut), numbers(want), 1e-4);
    const values = randomTensor([3, 4], 9);
    const [dynamic] = run('DynamicQuantizeMatMul', [values, w, scales, zeros, f32([2], [1, 2])], {}, ms);
    const [exact] = run('Add', [run('MatMul', [values, realW])[0] ?? values, f32([2], [1, 2])]);
    within(numbers(dynamic), numbers(exact), 0.1);
  });
});

describe('QONNX quantizers', () => {
  const scalar = (v: number): Tensor => f32([], [v]);
  test.each([
    [{ signed: 1, narrow: 0 }, 2],
    [{ signed: 1, narrow: 1 }, 2],
    [{ signed: 0, narrow: 0 }, 2],
    [{ signed: 1, narrow: 0 }, 1],
  ])('Quant %j with %d bits', (attributes, bits) => {
    const x = f32([6], [-9, -0.5, 0.1, 0.5, 1.1, 9]);
    const [y] = run('Quant', [x, scalar(0.5), scalar(0), scalar(bits)], attributes, 'onnx.brevitas');
    const [lo, hi] = attributes.signed === 1 ? [-(2 ** (bits - 1)) + attributes.narrow, 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
    const want = numbers(x).map(
      (v) => (bits === 1 && attributes.signed === 1 ? (v >= 0 ? 1 : -1) : Math.min(hi, Math.max(lo, roundHalfEven(v / 0.5)))) * 0.5 + 0,
    );
    expect(numbers(y).map((v) => v + 0)).toEqual(want);
  });

  test('rounding modes, the zero point and a scale for each row', () => {
    const quant = (mode: string): number[] =>
      numbers(
        run(
          'Quant',
          [f32([4], [-1.5, -0.6, 0.4, 2.5]), scalar(1), scalar(0), scalar(8)],
          { rounding_mode: mode },
          'qonnx.custom_op.general',
        )[0],
      ).map((v) => v + 0);
    expect(quant('ROUND')).toEqual([-2, -1, 0, 2]);
    expect(quant('FLOOR')).toEqual([-2, -1, 0, 2]);
    expect(quant('CEIL')).toEqual([-1, 0, 1, 3]);
    expect(quant('HALF_UP')).toEqual([-2, -1, 0, 3]);
    expect(quant('ROUND_TO_ZERO')).toEqual([-1, 0, 0, 2]);
    const [rows] = run('Quant', [f32([2, 2], [3, 3, 3, 3]), f32([2, 1], [1, 2]), scalar(0), scalar(8)], {}, 'onnx.brevitas');
    expect(numbers(rows)).toEqual([3, 3, 4, 4]);
    expect(() => quant('NEAREST')).toThrow(/rounding_mode is "NEAREST"/);
  });

  test('BipolarQuant keeps the sign; Trunc drops low bits', () => {
    expect(numbers(run('BipolarQuant', [f32([3], [-2, 0, 3]), scalar(0.5)], {}, 'finn.custom_op.general')[0])).toEqual([-0.5, 0.5, 0.5]);
    // 8 bits to 4: 100 / 2^4 = 6.25 -> 6.
    expect(numbers(run('Trunc', [f32([1], [100]), scalar(1), scalar(0), scalar(8), scalar(4)], {}, 'qonnx.custom_op.general')[0])).toEqual([
      6,
    ]);
  });
});
