/** Positions in int8 programs: what is looked up is looked up where the model says. */
import { expect, it } from 'vitest';
import { calibrate, compile, lowerGraph, prepare } from '../../../src/compiler/index.ts';
import { seededRandom, type Tensor } from '../../../src/core/index.ts';
import { interpret } from '../../../src/graph/index.ts';
import { execute } from '../../../src/simulator/index.ts';
import { testMachine } from '../../end-to-end/machines.ts';
import { modelOf } from '../../end-to-end/model-of-graph.ts';
import { writeGraph } from '../lower/build.ts';

function uniform(shape: readonly number[], seed: number): Tensor {
  const random = seededRandom(seed);
  const count = shape.reduce((n, d) => n * d, 1);
  return { dtype: 'float32', shape, data: Float32Array.from({ length: count }, () => 2 * random.next() - 1) };
}

it('the grid of a GridSample, and what it is made of, stays float32: pixels of a wide image are found', async () => {
  const w = writeGraph();
  const [image, offsets] = [w.input('image', [1, 1, 3, 600]), w.input('offsets', [1, 4, 20, 2])];
  const [grid = 0] = w.node('Tanh', [offsets]);
  const graph = w.finish(w.node('GridSample', [image, grid], { align_corners: 1 })[0] ?? 0);
  const inputs = new Map([
    ['image', uniform([1, 1, 3, 600], 1)],
    ['offsets', uniform([1, 4, 20, 2], 2)],
  ]);
  const machine = await testMachine('tiny-8x8');
  const model = modelOf(graph);
  const calibration = calibrate(lowerGraph(prepare(model).graph).graph, [inputs]);
  const { executable, quantizedGraph } = compile(model, machine, { precision: 'int8', dims: {}, calibration });
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  expect(outputs).toEqual(interpret(quantizedGraph, inputs));
  const form = new Map(quantizedGraph.values.map((v) => [v.name, v.type.dtype]));
  expect([form.get('image'), form.get('offsets')]).toEqual(['int8', 'float32']);
  const [want] = interpret(graph, inputs).values();
  const [got] = outputs.values();
  const { scale, zeroPoint } = executable.entryPoints[0]?.outputs[0]?.quantization ?? { scale: 0, zeroPoint: 0 };
  const wanted = Array.from<unknown, number>(want?.data ?? [], Number);
  const errors = Array.from<unknown, number>(got?.data ?? [], Number).map((q, i) => Math.abs((wanted[i] ?? NaN) - scale * (q - zeroPoint)));
  // Steps of the image and of the fractions, and their roundings; another pixel differs by 0.7 on average.
  expect(Math.max(...errors)).toBeLessThan(0.05);
  expect(errors.length).toBe(80);
});
