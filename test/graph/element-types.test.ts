import { describe, expect, test } from 'vitest';
import { type DType, type Tensor } from '../../src/core/index.ts';
import { evaluateNode, numbersOf } from '../../src/graph/index.ts';
import { f32, i64, node, numbers, type Plain } from './helpers.ts';

const evaluate = (
  op: string,
  inputs: readonly (Tensor | null)[],
  plain: Readonly<Record<string, Plain>> = {},
  opset: number = 25,
): Tensor => {
  const [y] = evaluateNode(node(op, inputs.length, plain), opset, inputs);
  if (y === undefined) throw new Error('no output');
  return y;
};

const cast = (x: Tensor, to: DType, plain: Readonly<Record<string, Plain>> = {}): Tensor => evaluate('Cast', [x], { to, ...plain });

describe('packed elements', () => {
  const packed = cast(f32([5], [-8, 7, 1, -1, 3]), 'int4');

  test('the even element sits in the low nibble', () => {
    expect(packed.data).toEqual(Uint8Array.of(0x78, 0xf1, 0x03));
    expect([...numbersOf(packed)]).toEqual([-8, 7, 1, -1, 3]);
    expect(cast(f32([5], [0, 1, 2, 3, 2]), 'uint2').data).toEqual(Uint8Array.of(0b11100100, 0b10));
  });

  test('moving them unpacks and packs', () => {
    const turned = evaluate('Gather', [packed, i64([3], [4, 1, 0])]);
    expect(turned.dtype).toBe('int4');
    expect([...numbersOf(turned)]).toEqual([3, 7, -8]);
    const joined = evaluate('Concat', [packed, packed], { axis: 0 });
    expect([...numbersOf(joined)]).toEqual([-8, 7, 1, -1, 3, -8, 7, 1, -1, 3]);
  });

  test('QuantizeLinear and back, by blocks of the last axis', () => {
    const x = f32([2, 4], [1, 2, 10, 20, -3, 0, 0.5, 1]);
    const scales = f32([2, 2], [1, 10, 3, 0.5]);
    const q = evaluate('QuantizeLinear', [x, scales], { axis: 1, block_size: 2, output_dtype: 'int4' });
    expect([...numbersOf(q)]).toEqual([1, 2, 1, 2, -1, 0, 1, 2]);
    expect(numbers(evaluate('DequantizeLinear', [q, scales], { axis: 1, block_size: 2 }))).toEqual([...(x.data as Float32Array)]);
  });

  test('one scale for each index of an axis in the middle', () => {
    const q = evaluate('QuantizeLinear', [f32([1, 2, 2], [1, 2, 3, 4]), f32([2], [1, 2])], { axis: 1 });
    expect(numbers(q)).toEqual([1, 2, 2, 2]);
    expect(q.dtype).toBe('uint8');
  });
});

describe('64-bit integers are exact', () => {
  const big = (...v: bigint[]): Tensor => ({ dtype: 'int64', shape: [v.length], data: BigInt64Array.from(v) });
  const huge = 2n ** 62n + 1n;

  test.each<[string, bigint, bigint, bigint]>([
    ['Add', huge, 1n, huge + 1n],
    ['Sub', huge, 2n ** 62n, 1n],
    ['Mul', 2n ** 32n + 1n, 2n ** 30n, 2n ** 62n + 2n ** 30n],
    ['Div', -huge, 2n, -(2n ** 61n)],
    ['Mod', -7n, 3n, 2n],
    ['BitwiseXor', huge, 1n, 2n ** 62n],
    ['Max', huge, huge - 1n, huge],
  ])('%s', (op, a, b, want) => {
    expect(evaluate(op, [big(a), big(b)]).data).toEqual(BigInt64Array.of(want));
  });

  test('they wrap, compare, and survive a cast', () => {
    expect(evaluate('Add', [big(2n ** 63n - 1n), big(1n)]).data).toEqual(BigInt64Array.of(-(2n ** 63n)));
    expect(numbers(evaluate('Equal', [big(huge), big(huge - 1n)]))).toEqual([0]);
    expect(cast(big(-1n), 'uint64').data).toEqual(BigUint64Array.of(2n ** 64n - 1n));
    expect(numbers(cast(big(huge), 'int32'))).toEqual([1]);
    expect(evaluate('CumSum', [big(huge, 1n), i64([], [0])]).data).toEqual(BigInt64Array.of(huge, huge + 1n));
  });
});

test('float64 is computed in double', () => {
  const third: Tensor = { dtype: 'float64', shape: [1], data: Float64Array.of(1 / 3) };
  expect(evaluate('Exp', [third]).data[0]).toBeCloseTo(Math.exp(1 / 3), 14);
  expect(evaluate('Gelu', [third]).data[0]).toBeCloseTo((0.5 / 3) * (1 + 0.26111731963647267), 12);
  const square = { ...third, shape: [1, 1] };
  expect(evaluate('MatMul', [square, square]).data[0]).toBe(1 / 3 / 3);
  expect(evaluate('ReduceSumSquare', [third]).data[0]).toBe((1 / 3) ** 2);
});

test('integers multiply exactly', () => {
  const a: Tensor = { dtype: 'int32', shape: [1, 2], data: Int32Array.of(16777217, 1) };
  const b: Tensor = { dtype: 'int32', shape: [2, 1], data: Int32Array.of(1, 1) };
  expect(numbers(evaluate('MatMul', [a, b]))).toEqual([16777218]);
});

test('strings compare and convert', () => {
  const s = (...v: string[]): Tensor => ({ dtype: 'string', shape: [v.length], data: v });
  expect(numbers(evaluate('Equal', [s('a', 'b'), s('a', 'c')]))).toEqual([1, 0]);
  expect(numbers(cast(s('3.5', '-INF', '1e-3', 'NaN'), 'float32'))).toEqual([3.5, -Infinity, Math.fround(0.001), NaN]);
  expect(cast(f32([4], [0.1, 1, -Infinity, 1e-5]), 'string').data).toEqual(['0.1', '1.0', '-INF', '1e-05']);
});

test('BitCast keeps the bits', () => {
  expect(evaluate('BitCast', [f32([2], [1, -2])], { to: 'int32' }, 26).data).toEqual(Int32Array.of(0x3f800000, -0x40000000));
  expect(() => evaluate('BitCast', [f32([1], [1])], { to: 'int64' }, 26)).toThrow(/float32 has 32 bits, int64 64/);
});

test('complex numbers are moved', () => {
  const z: Tensor = { dtype: 'complex64', shape: [2], data: new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer) };
  const y = evaluate('Gather', [z, i64([2], [1, 0])]);
  expect(new Float32Array((y.data as Uint8Array).buffer)).toEqual(Float32Array.of(3, 4, 1, 2));
});
