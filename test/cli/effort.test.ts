/** What a run on numbers takes, by hand. */
import { expect, test } from 'vitest';
import { effortOf, longRun } from '../../src/cli/effort.ts';
import { parseGraph } from '../../src/graph/index.ts';

const graph = parseGraph(`graph "product" opset 17 {
  input %a: float32[100, 200]
  const %b: float32[200, 50] = splat [1]
  %c: float32[100, 50] = MatMul(%a, %b)
  %d: float32[100, 50] = Relu(%c)
  return %d
}
`);

test('a product of 100 · 200 · 50, its operand and its two results; a splat lies nowhere', () => {
  expect(effortOf(graph)).toEqual({ macs: 1_000_000, valueBytes: 4 * (20_000 + 5_000 + 5_000), constantBytes: 0 });
});

test('minutes are told from one on, in figures', () => {
  const effort = { macs: 0.85e9 * 59, valueBytes: 0, constantBytes: 0 };
  expect(longRun(effort, 1)).toEqual([]);
  const [told] = longRun(effort, 6);
  expect(told).toMatchObject({ code: 'SYS8080', severity: 'warning' });
  expect(told?.message).toContain('about 5.9 minutes: the interpreter computes 50,150,000,000 MACs 6 times');
});
