/** Concatenations whose parts are written where they belong: no kernel, the same numbers, and no reader ahead of a writer. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { calibrate, compile, lowerGraph, prepare, randomInputs } from '../../src/compiler/index.ts';
import { interpret, type Graph } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

/** @returns operators of the kernels in float32: in int8 what has another scale is rewritten on its way */
async function expectRight(
  graph: Graph,
  machineName: 'tiny-8x8' | 'tiny-dot' = 'tiny-8x8',
  settings: string[] = ['memories.scratchpad.size=8 KiB'],
): Promise<string[]> {
  const machine = await testMachine(machineName, settings);
  const model = modelOf(graph);
  const inputs = randomInputs(graph, 3);
  let kernels: string[] = [];
  for (const precision of ['int8', 'fp32'] as const) {
    const calibration = precision === 'int8' ? calibrate(lowerGraph(prepare(model).graph).graph, [inputs]) : null;
    const { executable, quantizedGraph, selection } = compile(model, machine, { precision, dims: {}, calibration });
    expect(verifyExecutable(executable, machine)).toEqual([]);
    const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
    expect(diagnostics).toEqual([]);
    expect(outputs).toEqual(interpret(quantizedGraph, inputs));
    const { totals } = simulate(executable, machine);
    expect(totals.boundCycles).toBeLessThanOrEqual(totals.cycles);
    kernels = selection.kernels.map((k) => k.nodes[0]?.op ?? '');
  }
  return kernels;
}

const relu = (w: GraphWriter, x: number): number => w.node('Relu', [x])[0] ?? 0;
const concat = (w: GraphWriter, list: readonly number[], axis: number): number => w.node('Concat', list, { axis })[0] ?? 0;

describe('parts written into place', () => {
  it('channels of one image: what others read too, nested, and in halves', async () => {
    const w = writeGraph();
    const x = w.input('x', [1, 4, 9, 11]);
    const a = relu(w, x);
    const b = w.node('MaxPool', [a], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })[0] ?? 0;
    const [c = 0, d = 0] = w.node('Split', [w.node('Sigmoid', [b])[0] ?? 0, w.ints([1, 3])], { axis: 1 }, { outputs: 2 });
    const inner = concat(w, [a, b], 1);
    const whole = concat(w, [c, d, inner, w.node('Abs', [inner])[0] ?? 0], 1);
    const kernels = await expectRight(w.finish(relu(w, whole)));
    expect(kernels).not.toContain('Concat');
  });

  it('not where another image lies between, a value comes twice, or the model gives it out: that is copied', async () => {
    const w = writeGraph();
    const x = w.input('x', [2, 3, 5, 4]);
    const a = relu(w, x);
    const between = concat(w, [a, w.node('Abs', [a])[0] ?? 0], 1);
    const y = relu(w, w.input('y', [1, 3]));
    const twice = concat(w, [y, y], 1);
    const given = w.node('Tanh', [w.input('z', [1, 2])])[0] ?? 0;
    const out = concat(w, [given, w.node('Abs', [given])[0] ?? 0], 1);
    const kernels = await expectRight(w.finish(relu(w, between), relu(w, twice), given, out));
    expect(kernels.filter((op) => op === 'Concat')).toHaveLength(3);
  });

  it('a chain of readers and writers of parts, on machines of all kinds', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const random = seededRandom(seed);
      const w = writeGraph(21, seed + 1);
      const size = random.integer(3, 20);
      const values = [relu(w, w.input('x', [1, 2, size, size]))];
      const any = (): number => values[random.integer(0, values.length - 1)] ?? 0;
      for (let i = 0; i < 7; i++) {
        const from = any();
        const channels = w.shape(from)[1] ?? 1;
        const made = [
          (): number => w.node('Conv', [from, w.weight([3, channels, 3, 3], 0.2)], { pads: [1, 1, 1, 1] })[0] ?? 0,
          (): number => w.node('AveragePool', [from], { kernel_shape: [2, 2], pads: [0, 0, 1, 1] })[0] ?? 0,
          (): number => concat(w, [from, any()], 1),
          (): number => concat(w, [any(), relu(w, from), any()], 1),
        ][random.integer(0, 3)];
        if (made !== undefined) values.push(made());
      }
      const graph = w.finish(relu(w, values.at(-1) ?? 0), relu(w, any()));
      await expectRight(graph, random.next() < 0.5 ? 'tiny-8x8' : 'tiny-dot', ['memories.scratchpad.size=16 KiB']);
    }
  });
});
