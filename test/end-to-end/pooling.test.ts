/** Pools over volumes run as pools over planes and then over depth. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { compile, randomInputs } from '../../src/compiler/index.ts';
import { interpret, type Graph } from '../../src/graph/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

/** Against the operator as the model has it: maxima equal, means up to the order of their sums. */
async function expectPooled(graph: Graph, exact: boolean): Promise<void> {
  const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=4 KiB']);
  const { executable } = compile(modelOf(graph), machine, { precision: 'fp32', dims: {}, calibration: null });
  expect(executable.kernels.map((k) => k.engine)).not.toContain('host');
  const inputs = randomInputs(graph, 5);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  for (const [name, tensor] of interpret(graph, inputs)) {
    if (exact) expect(outputs.get(name)).toEqual(tensor);
    const got = outputs.get(name)?.data as Float32Array;
    (tensor.data as Float32Array).forEach((v, i) => expect(Math.abs((got[i] ?? NaN) - v)).toBeLessThanOrEqual(1e-6));
  }
}

describe('pools over volumes', () => {
  it.each(['MaxPool', 'AveragePool'])('%s with strides, dilations, pads, rounding', async (op) => {
    for (let seed = 0; seed < 20; seed++) {
      const random = seededRandom(seed);
      const three = (lo: number, hi: number): number[] => [0, 1, 2].map(() => random.integer(lo, hi));
      const kernel = three(1, 3);
      const w = writeGraph();
      const attributes = {
        kernel_shape: kernel,
        strides: three(1, 2),
        dilations: three(1, 2),
        ceil_mode: random.integer(0, 1),
        ...(random.next() < 0.3
          ? { auto_pad: 'SAME_UPPER', ceil_mode: 0 }
          : { pads: [...kernel, ...kernel].map((k) => random.integer(0, k - 1)) }),
        ...(op === 'AveragePool' ? { count_include_pad: random.integer(0, 1) } : {}),
      };
      await expectPooled(w.finish(...w.node(op, [w.input('x', [2, 3, ...three(5, 8)])], attributes)), op === 'MaxPool');
    }
  });

  it('the largest of a volume', async () => {
    const w = writeGraph();
    await expectPooled(w.finish(...w.node('GlobalMaxPool', [w.input('x', [2, 3, 4, 5, 6])])), true);
  });

  it('maxima of plain bytes', async () => {
    const w = writeGraph();
    await expectPooled(
      w.finish(...w.node('MaxPool', [w.input('x', [1, 2, 9, 9], 'uint8')], { kernel_shape: [3, 2], strides: [2, 1] })),
      true,
    );
  });
});
