/** Whatever a pass does, the graph computes the same: bit for bit, or within rounding where the pass says so. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalise,
  foldBatchNorm,
  foldConstants,
  fuseElementwise,
  fusePasses,
  preparePasses,
  removeDeadCode,
  runPasses,
  type Pass,
} from '../../../src/compiler/passes/index.ts';
import { assignPrecision, calibrate, randomInputs } from '../../../src/compiler/precision/index.ts';
import type { Tensor } from '../../../src/core/index.ts';
import { interpret, parseGraph, verifyGraph } from '../../../src/graph/index.ts';
import type { Graph } from '../../../src/graph/ir.ts';
import { randomGraph } from './random-graph.ts';

const runs = { numRuns: 60, seed: 20240917 };

function outputsOf(graph: Graph, inputs: ReadonlyMap<string, Tensor>): Record<string, number[]> {
  return Object.fromEntries([...interpret(graph, inputs)].map(([name, t]) => [name, Array.from(t.data, Number)]));
}

describe('on random graphs', () => {
  const exact: readonly Pass[] = [foldConstants, canonicalise, fuseElementwise, removeDeadCode];
  test.each(exact.map((pass) => [pass.name, pass] as const))('%s keeps every bit', (_, pass) => {
    fc.assert(
      fc.property(randomGraph, fc.nat(100), (graph, seed) => {
        const inputs = randomInputs(graph, seed);
        expect(outputsOf(runPasses(graph, [pass]), inputs)).toEqual(outputsOf(graph, inputs));
      }),
      runs,
    );
  });

  test('fold-batch-norm and all passes together differ by rounding only', () => {
    fc.assert(
      fc.property(randomGraph, fc.nat(100), (graph, seed) => {
        const inputs = randomInputs(graph, seed);
        const before = outputsOf(graph, inputs);
        for (const passes of [[foldBatchNorm], [...preparePasses, ...fusePasses]]) {
          const after = outputsOf(runPasses(graph, passes), inputs);
          expect(Object.keys(after)).toEqual(Object.keys(before));
          for (const [name, numbers] of Object.entries(before)) {
            // 14 operators at most, sums of up to 45 products: far below 1e-4 of the largest number.
            const largest = Math.max(1, ...numbers.map(Math.abs));
            numbers.forEach((x, i) => expect(Math.abs((after[name]?.[i] ?? NaN) - x)).toBeLessThan(1e-4 * largest));
          }
        }
      }),
      runs,
    );
  });

  test('fusing a quantized graph keeps every bit, and quantizing a fused one decides the same', () => {
    fc.assert(
      fc.property(randomGraph, fc.nat(100), (imported, seed) => {
        const graph = runPasses(imported, preparePasses);
        const inputs = randomInputs(graph, seed);
        const calibration = calibrate(graph, [inputs]);
        const plain = assignPrecision(graph, { mode: 'int8', calibration }).graph;
        expect(verifyGraph(plain)).toEqual([]);
        const fusedAfter = runPasses(plain, fusePasses);
        const fusedBefore = assignPrecision(runPasses(graph, fusePasses), { mode: 'int8', calibration }).graph;
        expect(verifyGraph(fusedBefore)).toEqual([]);
        const want = outputsOf(plain, inputs);
        expect(outputsOf(fusedAfter, inputs)).toEqual(want);
        expect(outputsOf(fusedBefore, inputs)).toEqual(want);
        expect(quantizations(fusedBefore)).toEqual(quantizations(plain));
      }),
      runs,
    );
  });
});

/** Scales by value name. */
function quantizations(graph: Graph): ReadonlyMap<string, string> {
  const entries = graph.values.flatMap((v) =>
    v.quantization === null ? [] : [[v.name, `${v.quantization.scale.join()}/${v.quantization.zeroPoint.join()}`] as const],
  );
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

test('what folding brings to light is told as an error of the model, not of ours', () => {
  const graph = parseGraph(`graph "g" opset 21 {
    input %x: float32[3]
    const %a: int64[2] = [2, 2]
    const %b: int64[2, 2] = [1, 0, 0, 1]
    %shape: int64[2] = Einsum(%a, %b) {equation: "i,ij->j"}
    %y: float32[d0, d1] = Reshape(%x, %shape) name "fill" origin ["fill"]
    return %y
  }`);
  expect(() => runPasses(graph, [foldConstants])).toThrow(/^error SYS3010: Reshape "fill"/);
});
