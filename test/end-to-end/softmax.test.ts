import { describe, expect, it } from 'vitest';
import { calibrate, compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { modelBuilder } from './model-builder.ts';

/** Shape, axis, opset: the last axis, an inner one, the flattened form of old opsets, rows longer than the scratchpad. */
const cases = [
  { shape: [3, 10], axis: -1, opset: 17 },
  { shape: [2, 5, 7], axis: 1, opset: 17 },
  { shape: [2, 4, 3, 5], axis: 2, opset: 11 },
  { shape: [1, 1000], axis: 1, opset: 9 },
  { shape: [2, 5000], axis: -1, opset: 17 },
  { shape: [1, 3000, 2], axis: 1, opset: 17 },
] as const;

describe('softmax on the vector engine', () => {
  it.each(cases)('$shape along $axis, opset $opset', async ({ shape, axis, opset }) => {
    const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=16 KiB']);
    const b = modelBuilder(opset);
    const model = importDecoded(b.finish(b.node('Softmax', [b.input('x', shape)], { axis })), { name: 'softmax', sha256: '' });
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
