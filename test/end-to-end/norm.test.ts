import { describe, expect, it } from 'vitest';
import { calibrate, compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import { elementCount, seededRandom } from '../../src/core/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { bell, modelBuilder } from './model-builder.ts';

interface Case {
  readonly op: string;
  readonly shape: readonly number[];
  /** Shapes of scale and bias. */
  readonly parameters: readonly (readonly number[])[];
  readonly attributes: Readonly<Record<string, number | { readonly float: number }>>;
  readonly opset: number;
}

/** Rows that fit and rows in chunks, several normalized axes, scale without bias, groups before and after opset 21. */
const cases: readonly Case[] = [
  { op: 'LayerNormalization', shape: [3, 10], parameters: [[10], [10]], attributes: { axis: -1 }, opset: 17 },
  { op: 'LayerNormalization', shape: [2, 5, 7], parameters: [[5, 7]], attributes: { axis: 1, epsilon: { float: 0.01 } }, opset: 17 },
  { op: 'LayerNormalization', shape: [2, 3001], parameters: [[3001], [3001]], attributes: { axis: 1 }, opset: 17 },
  { op: 'RMSNormalization', shape: [2, 3, 16], parameters: [[16]], attributes: { axis: -1 }, opset: 23 },
  { op: 'RMSNormalization', shape: [2, 4000], parameters: [[4000]], attributes: { axis: -1 }, opset: 23 },
  { op: 'InstanceNormalization', shape: [2, 3, 5, 4], parameters: [[3], [3]], attributes: {}, opset: 17 },
  { op: 'InstanceNormalization', shape: [1, 2, 60, 60], parameters: [[2], [2]], attributes: {}, opset: 17 },
  { op: 'GroupNormalization', shape: [2, 6, 3, 3], parameters: [[6], [6]], attributes: { num_groups: 2 }, opset: 21 },
  { op: 'GroupNormalization', shape: [1, 4, 40, 40], parameters: [[4], [4]], attributes: { num_groups: 2 }, opset: 21 },
];

describe('normalizations on the vector engine', () => {
  it.each(cases)('$op $shape $attributes', async ({ op, shape, parameters, attributes, opset }) => {
    const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=16 KiB']);
    const b = modelBuilder(opset);
    const random = seededRandom(9);
    const weights = parameters.map((dims, i) => b.weight(`p${i}`, dims, bell(random, elementCount(dims), 1)));
    const model = importDecoded(b.finish(b.node(op, [b.input('x', shape), ...weights], attributes)), { name: op, sha256: '' });
    const inputs = randomInputs(model.graph, 3);
    for (const precision of ['int8', 'fp32'] as const) {
      const calibration = precision === 'int8' ? calibrate(model.graph, [inputs]) : null;
      const { executable, quantizedGraph } = compile(model, machine, { precision, dims: {}, calibration });
      expect(executable.kernels.map((k) => k.engine)).toEqual(['vector']);
      expect(verifyExecutable(executable, machine)).toEqual([]);
      const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
      expect(diagnostics).toEqual([]);
      // The same fp32 operations in the same order: equal in both precisions.
      expect(outputs).toEqual(interpret(quantizedGraph, inputs));
    }
  });
});
