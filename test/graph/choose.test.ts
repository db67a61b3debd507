/** Operators that choose, scatter and rank elements, and their shapes where only a run decides them. */
import { expect, test } from 'vitest';
import type { Tensor } from '../../src/core/index.ts';
import { evaluateNode, opDef, printDim, type Dim, type TensorType } from '../../src/graph/index.ts';
import { f32, i64, node, numbers, randomTensor, type Plain } from './helpers.ts';

const run = (
  op: string,
  inputs: readonly (Tensor | null)[],
  plain: Readonly<Record<string, Plain>> = {},
  outputs: number = 1,
  opset: number = 18,
): readonly Tensor[] => evaluateNode(node(op, inputs.length, plain, outputs), opset, inputs);

/** Types with nothing known of the contents; unknown dimensions print as ?upper. */
function infer(op: string, inputs: readonly TensorType[], plain: Readonly<Record<string, Plain>> = {}, outputs: number = 1): string[] {
  const def = opDef('', op);
  if (def === undefined) throw new Error(op);
  const types = def.infer({
    node: node(op, inputs.length, plain, outputs),
    opset: 18,
    inputs,
    tensor: () => null,
    dims: () => null,
    elements: () => null,
    unknownDim: (upper): Dim => ({ kind: 'symbol', name: `?${upper === null ? 'null' : printDim(upper)}` }),
    inferGraph: () => [],
    contradicts: () => false,
    unknownRank: ([first]) => ({ dtype: first?.dtype ?? 'float32', shape: [], unranked: true }),
  });
  return types
    .slice(0, outputs)
    .map(
      (t) =>
        `${t.dtype}[${t.unranked ? 'unranked' : t.shape.map((d) => (typeof d === 'number' ? d : d.kind === 'symbol' ? d.name : '…')).join(',')}]`,
    );
}

const mask = (...v: number[]): Tensor => ({ dtype: 'bool', shape: [v.length], data: Uint8Array.from(v) });

test('TopK: largest first, of equals the lower index', () => {
  const [values, indices] = run('TopK', [f32([1, 5], [3, 9, 9, 1, 4]), i64([1], [3])], {}, 2);
  expect(numbers(values)).toEqual([9, 9, 4]);
  expect(numbers(indices)).toEqual([1, 2, 4]);
  expect(numbers(run('TopK', [f32([5], [3, 9, 9, 1, 4]), i64([1], [2])], { largest: 0 }, 2)[0])).toEqual([1, 3]);
  expect(() => run('TopK', [f32([2], [1, 2]), i64([1], [3])], {}, 2)).toThrow(/3 elements are asked of axis 0, which has 2/);
});

test('NonZero lists positions axis by axis', () => {
  const [y] = run('NonZero', [f32([2, 2], [1, 0, 3, 4])]);
  expect(y?.shape).toEqual([2, 3]);
  expect(numbers(y)).toEqual([0, 1, 1, 0, 0, 1]);
});

test('shapes that hang on values have bounds', () => {
  const x: TensorType = { dtype: 'float32', shape: [2, 3] };
  const ints: TensorType = { dtype: 'int64', shape: [1] };
  expect(infer('NonZero', [x])).toEqual(['int64[2,?6]']);
  expect(infer('Compress', [x, { dtype: 'bool', shape: [3] }], { axis: 1 })).toEqual(['float32[2,?3]']);
  expect(infer('Unique', [x], {}, 4)).toEqual(['float32[?6]', 'int64[?6]', 'int64[6]', 'int64[?6]']);
  expect(infer('TopK', [x, ints], {}, 2)).toEqual(['float32[2,?3]', 'int64[2,?3]']);
  expect(infer('NonMaxSuppression', [{ dtype: 'float32', shape: [1, 6, 4] }, { dtype: 'float32', shape: [1, 2, 6] }, ints])).toEqual([
    'int64[?12,3]',
  ]);
  expect(infer('OneHot', [ints, ints, { dtype: 'float32', shape: [2] }])).toEqual(['float32[1,?null]']);
});

test('ScatterND writes or joins slices; the original stays as it was', () => {
  const data = f32([3, 2], [0, 0, 0, 0, 0, 0]);
  const updates = f32([2, 2], [1, 2, 3, 4]);
  expect(numbers(run('ScatterND', [data, i64([2, 1], [2, 0]), updates])[0])).toEqual([3, 4, 0, 0, 1, 2]);
  expect(numbers(run('ScatterND', [data, i64([2, 1], [1, 1]), updates], { reduction: 'add' })[0])).toEqual([0, 0, 4, 6, 0, 0]);
  expect(numbers(data)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(() => run('ScatterND', [data, i64([2, 1], [3, 0]), updates])).toThrow(/index 3 is outside axis 0 of 3/);
});

test('ScatterElements undoes GatherElements', () => {
  const x = randomTensor([4, 5], 2);
  const order = i64([4, 5], [3, 1, 0, 2, 4, 0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 2, 0, 4, 1, 3]);
  const [picked] = run('GatherElements', [x, order], { axis: 1 });
  const [back] = run('ScatterElements', [f32([4, 5], new Array<number>(20).fill(0)), order, picked ?? x], { axis: 1 });
  expect(numbers(back)).toEqual(numbers(x));
});

test('GatherND with batch axes', () => {
  const x = f32([2, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7]);
  expect(numbers(run('GatherND', [x, i64([2, 1], [1, 0])], { batch_dims: 1 })[0])).toEqual([2, 3, 4, 5]);
});

test('Compress, Unique, OneHot, Trilu, EyeLike by hand', () => {
  expect(numbers(run('Compress', [f32([2, 3], [1, 2, 3, 4, 5, 6]), mask(1, 0, 1)], { axis: 1 })[0])).toEqual([1, 3, 4, 6]);
  const unique = run('Unique', [f32([5], [2, 1, 1, 3, 2])], { sorted: 0 }, 4).map((t) => numbers(t));
  expect(unique).toEqual([
    [2, 1, 3],
    [0, 1, 3],
    [0, 1, 1, 2, 0],
    [2, 2, 1],
  ]);
  expect(numbers(run('OneHot', [i64([3], [1, -1, 7]), i64([1], [3]), f32([2], [0, 9])])[0])).toEqual([0, 9, 0, 0, 0, 9, 0, 0, 0]);
  expect(numbers(run('Trilu', [f32([2, 2], [1, 2, 3, 4]), i64([], [1])])[0])).toEqual([0, 2, 0, 0]);
  expect(numbers(run('EyeLike', [f32([2, 3], [0, 0, 0, 0, 0, 0])], { k: 1 })[0])).toEqual([0, 1, 0, 0, 0, 1]);
});

test('NonMaxSuppression drops what overlaps a better box', () => {
  const boxes = f32([1, 3, 4], [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 10, 1, 11]);
  const scores = f32([1, 1, 3], [0.7, 0.9, 0.5]);
  const [kept] = run('NonMaxSuppression', [boxes, scores, i64([1], [10]), f32([1], [0.5]), f32([1], [0])]);
  expect(numbers(kept)).toEqual([0, 0, 1, 0, 0, 2]);
});

test('Einsum agrees with MatMul, takes diagonals and sums', () => {
  const [a, b] = [randomTensor([2, 3, 4], 1), randomTensor([2, 4, 5], 2)];
  const plain = { equation: 'bij,bjk->bik' };
  expect(numbers(run('Einsum', [a, b], plain)[0])).toEqual(numbers(run('MatMul', [a, b])[0]));
  expect(numbers(run('Einsum', [a, b], { equation: '...ij,...jk' })[0])).toEqual(numbers(run('MatMul', [a, b])[0]));
  expect(numbers(run('Einsum', [f32([2, 2], [1, 2, 3, 4])], { equation: 'ii->' })[0])).toEqual([5]);
  const macs = opDef('', 'Einsum')?.macs({
    node: node('Einsum', 2, plain),
    opset: 18,
    inputs: [
      { dtype: 'float32', shape: [2, 3, 4] },
      { dtype: 'float32', shape: [2, 4, 5] },
    ],
    outputs: [{ dtype: 'float32', shape: [2, 3, 5] }],
  });
  expect(macs).toBe(2 * 3 * 4 * 5);
});

test('Det of a product is the product of the determinants', () => {
  const [a, b] = [randomTensor([4, 4], 5), randomTensor([4, 4], 6)];
  const det = (x: Tensor | undefined): number => numbers(run('Det', [x ?? a])[0])[0] ?? 0;
  expect(det(run('MatMul', [a, b])[0])).toBeCloseTo(det(a) * det(b), 4);
});

test('random operators give the same numbers on every run, of the right kind', () => {
  const [a] = run('RandomNormal', [], { shape: [2000], seed: 'float:3' });
  const values = numbers(a);
  expect(values).toEqual(numbers(run('RandomNormal', [], { shape: [2000], seed: 'float:3' })[0]));
  expect(values).not.toEqual(numbers(run('RandomNormal', [], { shape: [2000], seed: 'float:4' })[0]));
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.1);
  expect(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length).toBeCloseTo(1, 0);
  expect(numbers(run('Bernoulli', [f32([4], [0, 1, 0, 1])])[0])).toEqual([0, 1, 0, 1]);
});
