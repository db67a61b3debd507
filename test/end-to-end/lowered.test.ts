/** Operators that lowering takes apart, as int8 programs: bit for bit what the graph after precision means, MACs as the ONNX file counts them. */
import { describe, expect, it } from 'vitest';
import { calibrate, compile, lowerGraph, prepare, randomInputs } from '../../src/compiler/index.ts';
import { interpret, totalMacs, type Graph } from '../../src/graph/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

async function expectExact(graph: Graph): Promise<void> {
  const machine = await testMachine('tiny-8x8');
  const model = modelOf(graph);
  const inputs = randomInputs(graph, 3);
  const calibration = calibrate(lowerGraph(prepare(model).graph).graph, [inputs]);
  const { executable, quantizedGraph } = compile(model, machine, { precision: 'int8', dims: {}, calibration });
  expect(executable.model.macs).toBe(totalMacs(graph));
  expect(executable.kernels.filter((k) => k.engine === 'host' && k.macs > 0)).toEqual([]);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  for (const [name, tensor] of interpret(quantizedGraph, inputs)) expect(outputs.get(name)).toEqual(tensor);
}

describe('int8 programs of what is taken apart', () => {
  it.each(['forward', 'bidirectional'])('an LSTM, %s', async (direction) => {
    const w = writeGraph();
    const d = direction === 'forward' ? 1 : 2;
    const inputs = [w.input('x', [3, 2, 5]), w.weight([d, 16, 5]), w.weight([d, 16, 4]), w.weight([d, 32]), null, w.input('h', [d, 2, 4])];
    await expectExact(w.finish(...w.node('LSTM', inputs, { direction, hidden_size: 4 }, { outputs: 3 })));
  });

  it('grouped attention behind a cache', async () => {
    const w = writeGraph();
    const shapes = [
      [1, 4, 2, 8],
      [1, 2, 2, 8],
      [1, 2, 2, 8],
      [2, 6],
      [1, 2, 4, 8],
      [1, 2, 4, 8],
    ];
    const inputs = shapes.map((shape, i) => w.input(`x${i}`, shape));
    await expectExact(w.finish(...w.node('Attention', inputs, {}, { outputs: 3 })));
  });

  it('a transposed convolution', async () => {
    const w = writeGraph();
    const inputs = [w.input('x', [1, 3, 5, 6]), w.weight([3, 4, 3, 3]), w.weight([4])];
    await expectExact(w.finish(...w.node('ConvTranspose', inputs, { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] })));
  });

  it('a 3-D convolution', async () => {
    const w = writeGraph();
    const inputs = [w.input('x', [1, 2, 4, 5, 5]), w.weight([3, 2, 3, 3, 3]), w.weight([3])];
    await expectExact(w.finish(...w.node('Conv', inputs, { pads: [1, 1, 1, 1, 1, 1] })));
  });
});
