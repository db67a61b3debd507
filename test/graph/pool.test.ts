import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluateNode } from '../../src/graph/index.ts';
import { f32, node, numbers, randomTensor } from './helpers.ts';

const counting = f32(
  [1, 1, 4, 4],
  Array.from({ length: 16 }, (_, i) => i + 1),
);

test('MaxPool with ceil_mode drops windows that would start in the padding', () => {
  const pool = node('MaxPool', 1, { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 });
  expect(numbers(evaluateNode(pool, 13, [counting])[0])).toEqual([11, 12, 15, 16]);
  const padded = node('MaxPool', 1, { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 });
  // Padded size 6: starts 0 and 3; a third would start at 6 = 4 + 1 + 1, in the end padding.
  expect(numbers(evaluateNode(padded, 13, [counting])[0])).toEqual([1, 4, 13, 16]);
});

test('MaxPool tells where its maxima are', () => {
  const pool = node('MaxPool', 1, { kernel_shape: [2, 2], strides: [2, 2] }, 2);
  expect(evaluateNode(pool, 13, [counting]).map(numbers)).toEqual([
    [6, 8, 14, 16],
    [5, 7, 13, 15],
  ]);
});

test('dilated MaxPool skips what lies between its taps', () => {
  const pool = node('MaxPool', 1, { kernel_shape: [2, 2], dilations: [2, 2] });
  expect(numbers(evaluateNode(pool, 13, [counting])[0])).toEqual([11, 12, 15, 16]);
});

test('AveragePool divides by the taps that count', () => {
  const attributes = { kernel_shape: [2, 2], strides: [2, 2], pads: [1, 1, 1, 1] };
  // Corner windows see one pixel, edge windows two.
  const excluded = numbers(evaluateNode(node('AveragePool', 1, attributes), 13, [counting])[0]);
  expect(excluded).toEqual([1, 2.5, 4, 7, 8.5, 10, 13, 14.5, 16]);
  const included = numbers(evaluateNode(node('AveragePool', 1, { ...attributes, count_include_pad: 1 }), 13, [counting])[0]);
  expect(included).toEqual([0.25, 1.25, 1, 3.5, 8.5, 5, 3.25, 7.25, 4]);
});

test('AveragePool without padding is a convolution with equal weights', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }), (k, stride, seed) => {
      const x = randomTensor([2, 1, 7, 8], seed);
      const attributes = { strides: [stride, stride] };
      const [pooled] = evaluateNode(node('AveragePool', 1, { ...attributes, kernel_shape: [k, k] }), 13, [x]);
      const weights = f32([1, 1, k, k], new Array<number>(k * k).fill(1 / (k * k)));
      const [convolved] = evaluateNode(node('Conv', 2, attributes), 13, [x, weights]);
      expect(pooled?.shape).toEqual(convolved?.shape);
      numbers(pooled).forEach((v, i) => expect(v).toBeCloseTo(numbers(convolved)[i] ?? 0, 5));
    }),
    { numRuns: 20 },
  );
});

test('global pooling sees all spatial axes, however many', () => {
  const x = f32([1, 2, 1, 1, 2, 2], [1, 2, 3, 4, -1, -2, -3, -6]);
  expect(numbers(evaluateNode(node('GlobalAveragePool', 1), 13, [x])[0])).toEqual([2.5, -3]);
  expect(numbers(evaluateNode(node('GlobalMaxPool', 1), 13, [x])[0])).toEqual([4, -1]);
});
