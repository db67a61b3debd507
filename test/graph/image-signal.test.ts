/** Operators of images and signals, checked against the definitions they come from. */
import { expect, test } from 'vitest';
import type { Tensor } from '../../src/core/index.ts';
import { evaluateNode } from '../../src/graph/index.ts';
import { f32, i64, node, numbers, randomTensor, type Plain } from './helpers.ts';

const run = (
  op: string,
  inputs: readonly (Tensor | null)[],
  plain: Readonly<Record<string, Plain>> = {},
  outputs: number = 1,
  opset: number = 20,
): readonly Tensor[] => evaluateNode(node(op, inputs.length, plain, outputs), opset, inputs);

function close(got: Tensor | undefined, want: readonly number[], digits: number = 5): void {
  const values = numbers(got);
  expect(values.length).toBe(want.length);
  values.forEach((v, i) => expect(v).toBeCloseTo(want[i] ?? NaN, digits));
}

test.each([1, 2, 8, 12, 13, 30])('DFT of %i points is the sum it is defined as', (n) => {
  const x = randomTensor([1, n, 2], n);
  const v = numbers(x);
  const want: number[] = [];
  for (let k = 0; k < n; k++) {
    let [re, im] = [0, 0];
    for (let t = 0; t < n; t++) {
      const angle = (-2 * Math.PI * k * t) / n;
      const [a = 0, b = 0] = [v[2 * t], v[2 * t + 1]];
      re += a * Math.cos(angle) - b * Math.sin(angle);
      im += a * Math.sin(angle) + b * Math.cos(angle);
    }
    want.push(re, im);
  }
  const [spectrum] = run('DFT', [x, null, i64([], [1])]);
  close(spectrum, want, 4);
  close(run('DFT', [spectrum ?? x, null, i64([], [1])], { inverse: 1 })[0], v, 5);
});

test('a onesided spectrum and back', () => {
  const x = randomTensor([1, 10, 1], 4);
  const [half] = run('DFT', [x, null, i64([], [1])], { onesided: 1 });
  expect(half?.shape).toEqual([1, 6, 2]);
  const [back] = run('DFT', [half ?? x, null, i64([], [1])], { onesided: 1, inverse: 1 });
  expect(back?.shape).toEqual([1, 10, 1]);
  close(back, numbers(x));
});

test('windows by hand', () => {
  close(run('HannWindow', [i64([], [4])])[0], [0, 0.5, 1, 0.5]);
  close(run('HannWindow', [i64([], [5])], { periodic: 0 })[0], [0, 0.5, 1, 0.5, 0]);
});

const resize = (x: Tensor, scales: readonly number[], plain: Readonly<Record<string, Plain>>): Tensor | undefined =>
  run('Resize', [x, null, f32([scales.length], scales)], plain)[0];

test('every kernel of Resize keeps a constant image and reproduces a ramp inside', () => {
  const flat = f32([1, 1, 8], new Array<number>(8).fill(3));
  for (const plain of [
    { mode: 'linear' },
    { mode: 'cubic' },
    { mode: 'linear', antialias: 1 },
    { mode: 'cubic', antialias: 1 },
    { mode: 'cubic', exclude_outside: 1 },
  ]) {
    for (const scale of [0.5, 0.6, 2, 2.5]) close(resize(flat, [1, 1, scale], plain), new Array<number>(Math.floor(8 * scale)).fill(3));
  }
  const ramp = f32(
    [1, 1, 16],
    Array.from({ length: 16 }, (_, i) => i),
  );
  const doubled = numbers(resize(ramp, [1, 1, 2], { mode: 'cubic', cubic_coeff_a: 'float:-0.5' }));
  for (let i = 8; i < 24; i++) expect(doubled[i]).toBeCloseTo((i + 0.5) / 2 - 0.5, 5);
});

test('tf_crop_and_resize reads a part and fills what lies outside', () => {
  const x = f32([1, 1, 4], [0, 1, 2, 3]);
  const [y] = run('Resize', [x, f32([6], [0, 0, 0.5, 1, 1, 1.5]), null, i64([3], [1, 1, 3])], {
    mode: 'linear',
    coordinate_transformation_mode: 'tf_crop_and_resize',
    extrapolation_value: 'float:9',
  });
  expect(numbers(y)).toEqual([1.5, 3, 9]);
});

test('GridSample with an identity grid returns the image; AffineGrid makes that grid', () => {
  const x = randomTensor([1, 2, 3, 4], 8);
  const theta = f32([1, 2, 3], [1, 0, 0, 0, 1, 0]);
  for (const align_corners of [0, 1]) {
    const [grid] = run('AffineGrid', [theta, i64([4], [1, 2, 3, 4])], { align_corners });
    expect(grid?.shape).toEqual([1, 3, 4, 2]);
    for (const mode of ['linear', 'nearest', 'cubic']) close(run('GridSample', [x, grid ?? x], { mode, align_corners })[0], numbers(x), 4);
  }
});

test('GridSample outside: zeros, the border, the reflection', () => {
  const x = f32([1, 1, 1, 3], [1, 2, 3]);
  const grid = f32([1, 1, 1, 2], [1 + 1 / 3, 0]);
  const at = (padding_mode: string): number => numbers(run('GridSample', [x, grid], { mode: 'nearest', padding_mode })[0])[0] ?? NaN;
  expect([at('zeros'), at('border'), at('reflection')]).toEqual([0, 3, 3]);
});

test('GridSample, cubic: the taps stop at the border, not the position', () => {
  const x = f32([1, 1, 1, 4], [1, 2, 3, 5]);
  // Column 3.4, a step of 0.4 behind the last pixel: taps 2, 3, 3, 3 with Keys' weights at 0.4.
  const grid = f32([1, 1, 1, 2], [3.9 / 2 - 1, 0]);
  const [result] = run('GridSample', [x, grid], { mode: 'cubic', padding_mode: 'border' });
  const outer = ((1.4 - 5) * 1.4 + 8) * -0.75 * 1.4 + 3;
  close(result, [3 * outer + 5 * (1 - outer)], 5);
});

test('DeformConv without offsets is Conv', () => {
  const x = randomTensor([2, 4, 5, 5], 1);
  const w = randomTensor([6, 2, 3, 3], 2);
  const b = randomTensor([6], 3);
  const plain = { group: 2, pads: [1, 0, 1, 0], strides: [2, 1] };
  const [want] = run('Conv', [x, w, b], plain);
  const [, , oh = 0, ow = 0] = want?.shape ?? [];
  const offset = f32([2, 18, oh, ow], new Array<number>(2 * 18 * oh * ow).fill(0));
  close(run('DeformConv', [x, w, offset, b], plain)[0], numbers(want), 4);
});

test('Col2Im adds up overlapping blocks', () => {
  // A 1 × 3 image from two 1 × 2 blocks: the middle pixel is in both.
  const blocks = f32([1, 2, 2], [1, 2, 10, 20]);
  expect(numbers(run('Col2Im', [blocks, i64([2], [1, 3]), i64([2], [1, 2])])[0])).toEqual([1, 12, 20]);
});

test('MaxUnpool puts maxima back where MaxPool found them', () => {
  const x = f32([1, 1, 2, 4], [1, 5, 2, 3, 4, 0, 7, 6]);
  const [values, indices] = run('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] }, 2);
  const [y] = run('MaxUnpool', [values ?? x, indices ?? x], { kernel_shape: [2, 2], strides: [2, 2] });
  expect(numbers(y)).toEqual([0, 5, 0, 0, 0, 0, 7, 0]);
});

test('RoiAlign averages inside a flat region; MaxRoiPool takes the largest pixel', () => {
  const x = f32(
    [1, 1, 4, 4],
    Array.from({ length: 16 }, (_, i) => i),
  );
  const [aligned] = run('RoiAlign', [x, f32([1, 4], [0, 0, 4, 4]), i64([1], [0])], { sampling_ratio: 2 });
  // The mean of all bilinear samples of an image linear in both axes is its middle.
  close(aligned, [7.5]);
  expect(numbers(run('MaxRoiPool', [x, f32([1, 5], [0, 0, 0, 3, 3])], { pooled_shape: [2, 2] })[0])).toEqual([5, 7, 13, 15]);
});

test('CenterCropPad and LpPool by hand', () => {
  expect(numbers(run('CenterCropPad', [f32([5], [1, 2, 3, 4, 5]), i64([1], [2])])[0])).toEqual([2, 3]);
  expect(numbers(run('CenterCropPad', [f32([2], [1, 2]), i64([1], [5])])[0])).toEqual([0, 1, 2, 0, 0]);
  expect(numbers(run('LpPool', [f32([1, 1, 4], [3, 4, -6, 8])], { kernel_shape: [2], strides: [2] })[0])).toEqual([5, 10]);
});

test('GroupNormalization of one group per channel is InstanceNormalization', () => {
  const x = randomTensor([2, 4, 3, 3], 9);
  const [scale, bias] = [randomTensor([4], 1), randomTensor([4], 2)];
  const [want] = run('InstanceNormalization', [x, scale, bias]);
  expect(numbers(run('GroupNormalization', [x, scale, bias], { num_groups: 4 }, 1, 21)[0])).toEqual(numbers(want));
});

test('BatchNormalization while training uses the statistics of the batch', () => {
  const x = f32([2, 1, 2], [1, 2, 3, 4]);
  const one = f32([1], [1]);
  const zero = f32([1], [0]);
  const [y, mean, variance] = run(
    'BatchNormalization',
    [x, one, zero, zero, one],
    { training_mode: 1, momentum: 'float:0.5', epsilon: 'float:0' },
    3,
  );
  const s = Math.sqrt(1.25);
  close(y, [-1.5 / s, -0.5 / s, 0.5 / s, 1.5 / s]);
  close(mean, [1.25]);
  close(variance, [0.5 + 0.625]);
});

test('Dropout while training keeps about 1 - ratio of the elements, scaled', () => {
  const x = f32([1000], new Array<number>(1000).fill(1));
  const training: Tensor = { dtype: 'bool', shape: [], data: Uint8Array.of(1) };
  const kept = numbers(run('Dropout', [x, f32([], [0.75]), training], { seed: 7 })[0]);
  expect(new Set(kept)).toEqual(new Set([0, 4]));
  expect(kept.filter((v) => v > 0).length).toBeGreaterThan(200);
  expect(kept.filter((v) => v > 0).length).toBeLessThan(300);
});

test('losses: a sure and right answer costs nothing, ignored targets do not count', () => {
  const scores = f32([2, 3], [100, 0, 0, 0, 0, 0]);
  close(run('SoftmaxCrossEntropyLoss', [scores, i64([2], [0, 1])], { reduction: 'none' })[0], [0, Math.log(3)]);
  close(run('SoftmaxCrossEntropyLoss', [scores, i64([2], [0, 1])], { ignore_index: 1 })[0], [0]);
  expect(() => run('NegativeLogLikelihoodLoss', [scores, i64([2], [0, 3])])).toThrow(/target 3 is none of the 3 classes/);
});
