/** Reductions on the vector engine: over any axes, in the order in which the reference evaluators add. */
import { describe, expect, it } from 'vitest';
import { seededRandom, type DType } from '../../src/core/index.ts';
import { calibrate, compile, randomInputs } from '../../src/compiler/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

const floats = ['Sum', 'Mean', 'Prod', 'Max', 'Min', 'L1', 'L2', 'SumSquare', 'LogSum', 'LogSumExp'] as const;

interface Case {
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  readonly keepdims: 0 | 1;
}

function randomCase(seed: number): Case {
  const random = seededRandom(seed);
  const rank = random.integer(1, 4);
  const shape = Array.from({ length: rank }, () => random.integer(1, random.next() < 0.25 ? 60 : 9));
  const axes = shape.map((_, i) => i).filter(() => random.next() < 0.5);
  return { shape, axes: axes.length === 0 ? [random.integer(-rank, -1)] : axes, keepdims: random.next() < 0.5 ? 0 : 1 };
}

async function expectReduced(op: string, { shape, axes, keepdims }: Case, dtype: DType, precision: 'int8' | 'fp32'): Promise<void> {
  const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=4 KiB']);
  const w = writeGraph();
  const x = w.input('x', shape, dtype);
  const graph = w.finish(...w.node(op, [x, w.ints(axes)], { keepdims }));
  const what = `${op} of ${dtype} ${shape.join('×')} over ${axes.join()} at ${precision}`;
  const model = modelOf(graph);
  const inputs = randomInputs(graph, 7);
  const calibration = precision === 'int8' ? calibrate(graph, [inputs]) : null;
  const { executable, quantizedGraph } = compile(model, machine, { precision, dims: {}, calibration });
  expect(
    executable.kernels.map((k) => k.engine),
    what,
  ).toEqual(['vector']);
  expect(verifyExecutable(executable, machine), what).toEqual([]);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics, what).toEqual([]);
  expect(outputs, what).toEqual(interpret(quantizedGraph, inputs));
  const { totals } = simulate(executable, machine);
  expect(totals.boundCycles, what).toBeLessThanOrEqual(totals.cycles);
}

describe('reductions', () => {
  it.each(floats)('Reduce%s of random shapes and axes: equal to the bit, quantized or not', { timeout: 60_000 }, async (name) => {
    for (let seed = 0; seed < 12; seed++) {
      const one = randomCase(seed * 31 + name.length);
      await expectReduced(`Reduce${name}`, one, 'float32', 'fp32');
      await expectReduced(`Reduce${name}`, one, 'float32', 'int8');
    }
  });

  it.each([
    ['ReduceSum', 'int32'],
    ['ReduceSumSquare', 'int32'],
    ['ReduceProd', 'int32'],
    ['ReduceMax', 'int32'],
    ['ReduceMin', 'int32'],
    ['ReduceMax', 'int8'],
    ['ReduceMin', 'uint8'],
  ] as const)('%s of %s', { timeout: 60_000 }, async (op, dtype) => {
    for (let seed = 0; seed < 8; seed++) await expectReduced(op, randomCase(seed * 17 + 5), dtype, 'fp32');
  });

  it('rows longer than the scratchpad are folded piece by piece', async () => {
    await expectReduced('ReduceSum', { shape: [3, 5000], axes: [1], keepdims: 1 }, 'float32', 'fp32');
    await expectReduced('ReduceLogSumExp', { shape: [5000, 3], axes: [0], keepdims: 0 }, 'float32', 'fp32');
    await expectReduced('ReduceMin', { shape: [40, 7, 40], axes: [0, 2], keepdims: 0 }, 'float32', 'int8');
  });
});
