/** Products whose right operand was transposed: the array reads it as it lies, and the numbers are the same. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrate, compile, lowerGraph, prepare, randomInputs } from '../../src/compiler/index.ts';
import { interpret, type Graph } from '../../src/graph/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

/** @returns operators by kernel */
function expectRight(graph: Graph, machine: Machine, precision: 'fp32' | 'int8', seed = 1): readonly string[] {
  const model = modelOf(graph);
  const inputs = randomInputs(graph, seed);
  const calibration = precision === 'int8' ? calibrate(lowerGraph(prepare(model).graph).graph, [inputs]) : null;
  const { executable, quantizedGraph, selection } = compile(model, machine, { precision, dims: {}, calibration });
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  expect(outputs).toEqual(interpret(quantizedGraph, inputs));
  return selection.kernels.map((k) => `${k.kind} ${k.nodes.map((n) => n.op).join('+')}`);
}

describe('a transposed right operand', () => {
  it('is read with the strides of the transposition: any batch, any size', async () => {
    const names = ['tiny-8x8', 'tiny-dot', 'large'] as const;
    const machines = new Map(await Promise.all(names.map(async (name) => [name, await testMachine(name)] as const)));
    const extent = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom('fp32' as const, 'int8' as const),
        fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
        fc.tuple(extent, extent, extent),
        fc.boolean(),
        fc.nat(50),
        (name, precision, batch, [m, k, n], shared, seed) => {
          const machine = machines.get(name);
          if (machine === undefined) return;
          const w = writeGraph();
          const a = w.input('a', [...batch, m, k]);
          const [b = 0] = w.node('Tanh', [w.input('b', [...(shared ? [] : batch), n, k])]);
          const rank = w.shape(b).length;
          const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
          const [product = 0] = w.node('MatMul', [a, w.node('Transpose', [b], { perm })[0] ?? 0]);
          const kernels = expectRight(w.finish(w.node('Relu', [product])[0] ?? 0), machine, precision, seed);
          expect(kernels).toEqual(['elementwise Tanh', 'contraction Transpose+MatMul+Relu']);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is moved where somebody else reads it, or where the host multiplies', async () => {
    const machine = await testMachine('tiny-8x8');
    const w = writeGraph();
    const [a, b] = [w.input('a', [3, 4]), w.input('b', [5, 4])];
    const [turned = 0] = w.node('Transpose', [b], { perm: [1, 0] });
    const both = expectRight(w.finish(w.node('MatMul', [a, turned])[0] ?? 0, w.node('Relu', [turned])[0] ?? 0), machine, 'fp32');
    expect(both).toContain('move Transpose');
    expect(both).toContain('contraction MatMul');

    const u = writeGraph();
    const [c, d] = [u.input('c', [3, 4]), u.input('d', [5, 4])];
    const [shown = 0] = u.node('Transpose', [d], { perm: [1, 0] });
    const flat = u.node('Flatten', [shown], { axis: 0 })[0] ?? 0;
    const view = expectRight(u.finish(u.node('MatMul', [c, shown])[0] ?? 0, u.node('Relu', [flat])[0] ?? 0), machine, 'fp32');
    expect(view).toContain('move Transpose');

    const v = writeGraph();
    const [x, y] = [v.input('x', [3, 4], 'int32'), v.input('y', [6, 4], 'int32')];
    const [whole = 0] = v.node('MatMul', [x, v.node('Transpose', [y], { perm: [1, 0] })[0] ?? 0]);
    const host = expectRight(v.finish(whole), machine, 'fp32');
    expect(host).toEqual(['move Transpose', 'host MatMul']);
  });
});
