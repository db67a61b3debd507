import { expect, test } from 'vitest';
import { type Tensor } from '../../src/core/index.ts';
import { evaluateNode } from '../../src/graph/index.ts';
import { f32, i64, node, numbers, randomTensor, type Plain } from './helpers.ts';

const run = (
  op: string,
  inputs: readonly (Tensor | null)[],
  plain: Readonly<Record<string, Plain>> = {},
  opset: number = 13,
  outputs: number = 1,
): readonly Tensor[] => evaluateNode(node(op, inputs.length, plain, outputs), opset, inputs);
const shown = (tensors: readonly Tensor[]): unknown[] => tensors.flatMap((t) => [t.shape, numbers(t)]);

const matrix = f32([2, 3], [1, 2, 3, 4, 5, 6]);

test('Transpose', () => {
  expect(shown(run('Transpose', [matrix]))).toEqual([
    [3, 2],
    [1, 4, 2, 5, 3, 6],
  ]);
  const x = randomTensor([2, 3, 4, 5], 1);
  const [there] = run('Transpose', [x], { perm: [2, 0, 3, 1] });
  expect(there === undefined ? null : run('Transpose', [there], { perm: [1, 3, 0, 2] })[0]).toEqual(x);
});

test('Slice by attributes (opset 1) and inputs (opset 10), backwards too', () => {
  expect(shown(run('Slice', [matrix], { starts: [0, 1], ends: [1, 100] }, 9))).toEqual([
    [1, 2],
    [2, 3],
  ]);
  expect(shown(run('Slice', [matrix, i64([1], [-1]), i64([1], [-100]), i64([1], [1]), i64([1], [-2])]))).toEqual([
    [2, 2],
    [3, 1, 6, 4],
  ]);
  expect(shown(run('Slice', [matrix, i64([1], [2]), i64([1], [2 ** 62]), i64([1], [0])]))).toEqual([[0, 3], []]);
});

test('Split undoes Concat', () => {
  const [a, b] = [randomTensor([2, 1, 3], 1), randomTensor([2, 4, 3], 2)];
  const [joined] = run('Concat', [a, b], { axis: 1 });
  expect(joined === undefined ? [] : run('Split', [joined, i64([2], [1, 4])], { axis: -2 }, 13, 2)).toEqual([a, b]);
  expect(shown(run('Split', [f32([5], [1, 2, 3, 4, 5])], {}, 18, 2))).toEqual([[3], [1, 2, 3], [2], [4, 5]]);
});

test('Gather, with indices from the end', () => {
  expect(shown(run('Gather', [matrix, i64([], [-1])], { axis: 1 }))).toEqual([[2], [3, 6]]);
  expect(() => run('Gather', [matrix, i64([1], [3])], { axis: 1 })).toThrow(/index 3 is outside an axis of 3/);
});

test('views keep the elements', () => {
  expect(shown(run('Reshape', [matrix, i64([2], [0, -1])]))).toEqual([[2, 3], numbers(matrix)]);
  expect(shown(run('Flatten', [randomTensor([2, 3, 4], 1)], { axis: 2 }))[0]).toEqual([6, 4]);
  expect(run('Unsqueeze', [matrix, i64([2], [0, -1])])[0]?.shape).toEqual([1, 2, 3, 1]);
  expect(run('Unsqueeze', [matrix], { axes: [1] }, 11)[0]?.shape).toEqual([2, 1, 3]);
  expect(run('Squeeze', [f32([1, 2, 1], [1, 2])])[0]?.shape).toEqual([2]);
  expect(() => run('Reshape', [matrix, i64([1], [5])])).toThrow(/6 elements \[2, 3\] do not fill \[5\], which holds 5/);
});

test('Pad in all modes', () => {
  const x = f32([3], [1, 2, 3]);
  const pads = i64([2], [2, 1]);
  expect(shown(run('Pad', [x, pads, f32([], [9])]))).toEqual([[6], [9, 9, 1, 2, 3, 9]]);
  expect(shown(run('Pad', [x, pads], { mode: 'edge' }))[1]).toEqual([1, 1, 1, 2, 3, 3]);
  expect(shown(run('Pad', [x, pads], { mode: 'reflect' }))[1]).toEqual([3, 2, 1, 2, 3, 2]);
  expect(shown(run('Pad', [x], { pads: [-1, 1], value: 'float:7' }, 10))).toEqual([[3], [2, 3, 7]]);
});

test('Expand, Tile, ConstantOfShape, Range', () => {
  expect(shown(run('Expand', [f32([2, 1], [1, 2]), i64([3], [2, 1, 2])]))).toEqual([
    [2, 2, 2],
    [1, 1, 2, 2, 1, 1, 2, 2],
  ]);
  expect(shown(run('Tile', [f32([2], [1, 2]), i64([1], [3])]))).toEqual([[6], [1, 2, 1, 2, 1, 2]]);
  expect(shown(run('ConstantOfShape', [i64([2], [2, 0])]))).toEqual([[2, 0], []]);
  expect(shown(run('Range', [i64([], [1]), i64([], [8]), i64([], [3])]))).toEqual([[3], [1, 4, 7]]);
});

test('DepthToSpace undoes SpaceToDepth', () => {
  const x = randomTensor([1, 2, 4, 6], 9);
  const [deep] = run('SpaceToDepth', [x], { blocksize: 2 });
  expect(deep?.shape).toEqual([1, 8, 2, 3]);
  expect(deep === undefined ? null : run('DepthToSpace', [deep], { blocksize: 2 })[0]).toEqual(x);
});

test('Resize: nearest repeats, linear interpolates', () => {
  const x = f32([1, 1, 1, 2], [0, 4]);
  const scales = f32([4], [1, 1, 1, 2]);
  expect(shown(run('Resize', [x, null, scales]))[1]).toEqual([0, 0, 4, 4]);
  expect(shown(run('Resize', [x, null, scales], { mode: 'linear' }))[1]).toEqual([0, 1, 3, 4]);
  expect(
    shown(run('Resize', [x, null, null, i64([4], [1, 1, 1, 4])], { mode: 'linear', coordinate_transformation_mode: 'asymmetric' }))[1],
  ).toEqual([0, 2, 4, 4]);
});

test('Resize finds positions and sizes in fp32: 3 / f32(0.6) is 5, and 10 · f32(0.7) is 7', () => {
  const ramp = (n: number): Tensor =>
    f32(
      [n],
      Array.from({ length: n }, (_, i) => i),
    );
  const floor = { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  expect(shown(run('Resize', [ramp(13), null, f32([1], [0.6])], floor))[1]).toEqual([0, 1, 3, 5, 6, 8, 10]);
  expect(shown(run('Resize', [ramp(10), null, f32([1], [0.7])], floor))[1]).toHaveLength(7);
});

test('reductions', () => {
  expect(shown(run('ReduceMean', [matrix], { axes: [0] }))).toEqual([
    [1, 3],
    [2.5, 3.5, 4.5],
  ]);
  expect(shown(run('ReduceSum', [matrix, i64([1], [-1])], { keepdims: 0 }))).toEqual([[2], [6, 15]]);
  expect(shown(run('ReduceMax', [matrix], { keepdims: 0 }))).toEqual([[], [6]]);
  expect(shown(run('ReduceL2', [f32([2], [3, 4])]))).toEqual([[1], [5]]);
  expect(shown(run('ReduceSum', [matrix], { noop_with_empty_axes: 1 }))).toEqual([[2, 3], numbers(matrix)]);
  expect(shown(run('ArgMax', [f32([1, 3], [1, 5, 5])], { axis: 1, select_last_index: 1 }))).toEqual([[1, 1], [2]]);
});

test('quantize, dequantize and cast', () => {
  const zero: Tensor = { dtype: 'int8', shape: [2], data: Int8Array.of(0, 10) };
  const scale = f32([2], [0.5, 2]);
  const [q] = run('QuantizeLinear', [f32([2, 2], [0.25, 0.75, 3, 300]), scale, zero], { axis: 0 });
  expect([q?.dtype, numbers(q)]).toEqual(['int8', [0, 2, 12, 127]]);
  expect(q === undefined ? [] : numbers(run('DequantizeLinear', [q, scale, zero], { axis: 0 })[0])).toEqual([0, 1, 4, 234]);
  expect(numbers(run('Cast', [f32([3], [-1.5, 2.7, 0])], { to: 7 })[0])).toEqual([-1, 2, 0]);
});
