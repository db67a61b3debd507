/** Updates that join what is there, one after the other in a repeated region: bit for bit what the interpreter gives, duplicates and all. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, type Compilation } from '../../src/compiler/index.ts';
import { elementCount, seededRandom, zeros, type DType, type Tensor } from '../../src/core/index.ts';
import { interpret, type Graph } from '../../src/graph/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { expectSameWrittenOut, repeatsOf } from './region-programs.ts';

interface Scatter {
  readonly op: 'ScatterElements' | 'ScatterND';
  readonly data: readonly number[];
  /** Of the indices; of ScatterND the last axis are tuples. */
  readonly index: readonly number[];
  readonly axis: number;
  readonly reduction: 'add' | 'mul' | 'max' | 'min';
  readonly dtype: DType;
}

function updatesOf({ op, data, index }: Scatter): readonly number[] {
  return op === 'ScatterElements' ? index : [...index.slice(0, -1), ...data.slice(index.at(-1))];
}

function graphOf(s: Scatter): Graph {
  const w = writeGraph(24);
  const inputs = [w.input('data', s.data, s.dtype), w.input('index', s.index, 'int64'), w.input('updates', updatesOf(s), s.dtype)];
  return w.finish(...w.node(s.op, inputs, { reduction: s.reduction, ...(s.op === 'ScatterElements' ? { axis: s.axis } : {}) }));
}

function inputsOf(s: Scatter): ReadonlyMap<string, Tensor> {
  const random = seededRandom(s.index.reduce((n, d) => n + d, 7));
  const numbers = (shape: readonly number[]): Tensor => {
    const tensor = zeros(s.dtype, shape);
    const data = tensor.data as Float32Array;
    for (let i = 0; i < data.length; i++) data[i] = s.dtype === 'float32' ? random.bell() : random.integer(-3, 3);
    return tensor;
  };
  const depth = s.index.at(-1) ?? 1;
  // Few places, so that many updates meet, from either end.
  const draw = (_: unknown, i: number): bigint => {
    const size = (s.op === 'ScatterElements' ? s.data[s.axis] : s.data[i % depth]) ?? 1;
    return BigInt(random.integer(-size, size - 1));
  };
  const index: Tensor = { dtype: 'int64', shape: s.index, data: BigInt64Array.from({ length: elementCount(s.index) }, draw) };
  return new Map([
    ['data', numbers(s.data)],
    ['index', index],
    ['updates', numbers(updatesOf(s))],
  ]);
}

function expectExact(s: Scatter, machine: Machine): Compilation {
  const graph = graphOf(s);
  const compilation = compile(modelOf(graph), machine, { precision: 'fp32', dims: {}, calibration: null });
  const { executable } = compilation;
  expect(executable.kernels.filter((k) => k.engine === 'host').map((k) => k.name)).toEqual([]);
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const inputs = inputsOf(s);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  expect(outputs).toEqual(interpret(graph, inputs));
  return compilation;
}

const reductions = fc.constantFrom<Scatter['reduction']>('add', 'mul', 'max', 'min');
const dtypes = fc.constantFrom<DType>('float32', 'int32');
const elements: fc.Arbitrary<Scatter> = fc
  .record({
    count: fc.integer({ min: 17, max: 90 }),
    axis: fc.constantFrom(0, 1),
    other: fc.integer({ min: 1, max: 3 }),
    reduction: reductions,
    dtype: dtypes,
  })
  .map(({ count, axis, other, ...rest }) => ({
    op: 'ScatterElements',
    data: axis === 0 ? [6, 4] : [4, 6],
    index: axis === 0 ? [count, other] : [other, count],
    axis,
    ...rest,
  }));
const slices: fc.Arbitrary<Scatter> = fc
  .record({ count: fc.integer({ min: 17, max: 90 }), depth: fc.constantFrom(1, 2, 3), reduction: reductions, dtype: dtypes })
  .map(({ count, depth, ...rest }) => ({ op: 'ScatterND', data: [3, 4, 5], index: [count, depth], axis: 0, ...rest }));

describe('scatters with a reduction', () => {
  it.each(['tiny-8x8', 'tiny-dot', 'small', 'large'] as const)('of many entries, on %s', async (name) => {
    const machine = await testMachine(name);
    fc.assert(
      fc.property(fc.oneof(elements, slices), (s) => {
        const { executable } = expectExact(s, machine);
        const count = s.op === 'ScatterND' ? s.index[0] : s.index[s.axis];
        expect(repeatsOf(executable).map((r) => r.count)).toEqual([count]);
        if (name === 'small') expectSameWrittenOut(executable, machine);
      }),
      { numRuns: name === 'large' ? 2 : 6, seed: 6 },
    );
  });

  it('write in place: a trip moves one entry, however large the tensor is', async () => {
    const machine = await testMachine('small');
    const s: Scatter = { op: 'ScatterND', data: [4096, 8], index: [100, 1], axis: 0, reduction: 'add', dtype: 'float32' };
    const { executable } = compile(modelOf(graphOf(s)), machine, { precision: 'fp32', dims: {}, calibration: null });
    const bytes = 4 * 4096 * 8;
    // It is copied to where it is joined, and perhaps from there to the output.
    expect(simulate(executable, machine).totals.dramWriteBytes).toBeLessThan(2.5 * bytes);
  });
});
