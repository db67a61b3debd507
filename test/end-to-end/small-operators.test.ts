/** Operators that become a few others: Det by elimination, random numbers as constants, optionals that are there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, randomInputs } from '../../src/compiler/index.ts';
import { isTensor, type Tensor } from '../../src/core/index.ts';
import { interpret, numbersOf, type Graph } from '../../src/graph/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { expectSound } from './region-programs.ts';

function numbers(values: ReadonlyMap<string, unknown>): readonly number[] {
  return [...values.values()].flatMap((t) => Array.from(numbersOf(t as Tensor)));
}

describe('Det', () => {
  const graphOf = (batch: readonly number[], n: number): Graph => {
    const w = writeGraph();
    return w.finish(...w.node('Det', [w.input('x', [...batch, n, n])]));
  };

  it.each(['tiny-8x8', 'tiny-dot', 'small', 'large'] as const)('of up to eight rows, on %s', async (name) => {
    const machine = await testMachine(name);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.constantFrom<readonly number[]>([], [3], [2, 2]), (n, batch) => {
        const graph = graphOf(batch, n);
        const { executable } = expectSound(graph, machine, 'fp32');
        expect(executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
        const inputs = randomInputs(graph, n);
        const mine = numbers(execute(executable, machine, inputs, { sanitize: false }).outputs);
        // No determinant is larger than the product of the lengths of the rows.
        const most = (2 * Math.sqrt(n)) ** n;
        numbers(interpret(graph, inputs)).forEach((x, i) => expect(Math.abs(x - (mine[i] ?? NaN))).toBeLessThan(most * 2 ** -20));
      }),
      { numRuns: name === 'large' ? 3 : 6, seed: 2 },
    );
  });

  it('of matrices without an inverse is 0, whichever column shows it', async () => {
    const machine = await testMachine('small');
    const graph = graphOf([3], 3);
    const { executable } = compile(modelOf(graph), machine, { precision: 'fp32', dims: {}, calibration: null });
    const data = Float32Array.of(0, 1, 2, 0, 3, 4, 0, 5, 7, 1, 2, 3, 2, 4, 6, 1, 0, 1, 0, 0, 1, 0, 2, 0, 3, 0, 0);
    const inputs = new Map([['x', { dtype: 'float32', shape: [3, 3, 3], data } as const]]);
    const found = numbers(execute(executable, machine, inputs, { sanitize: true }).outputs);
    expect(found.map((x) => x + 0)).toEqual([0, 0, -6]);
  });

  it('of more rows stays on the host, which says how many are too many', async () => {
    const { selection } = compile(modelOf(graphOf([], 9)), await testMachine('small'), { precision: 'fp32', dims: {}, calibration: null });
    expect(selection.kernels.map((k) => (k.kind === 'host' ? [k.reason, k.limit?.allowed] : []))).toEqual([
      ['its matrices have 9 rows', '8'],
    ]);
  });
});

describe('known before the run are', () => {
  it.each([
    ['RandomNormal', { shape: [2, 5] }],
    ['RandomUniform', { shape: [2, 5], seed: { float: 3 } }],
    ['RandomNormalLike', {}],
    ['RandomUniformLike', { low: { float: -1 } }],
    ['Bernoulli', { seed: { float: 2 } }],
  ] as const)('the numbers of %s', async (op, attributes) => {
    const machine = await testMachine('small');
    const w = writeGraph();
    const x = w.input('x', [2, 5]);
    const p = w.node('Sigmoid', [x]);
    const graph = w.finish(...w.node('Add', [x, ...w.node(op, 'shape' in attributes ? [] : p, attributes)]));
    const { executable } = expectSound(graph, machine, 'fp32');
    expect(executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
    const inputs = randomInputs(graph, 1);
    const mine = numbers(execute(executable, machine, inputs, { sanitize: false }).outputs);
    expect(mine).toEqual(numbers(interpret(graph, inputs)));
  });

  it('whether an optional is there', async () => {
    const w = writeGraph();
    const x = w.input('x', [3]);
    const outputs = [...w.node('OptionalHasElement', [x]), ...w.node('OptionalHasElement', [null]), ...w.node('OptionalGetElement', [x])];
    const { executable } = expectSound(w.finish(...outputs), await testMachine('small'), 'fp32');
    expect(executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
    const values = [...interpret(w.finish(...outputs), randomInputs(w.finish(...outputs), 1)).values()];
    expect(values.slice(0, 2).map((t) => (isTensor(t) ? t.data[0] : null))).toEqual([1, 0]);
  });
});
