/** Elements read and written where indices of the run say, in tiles of a small scratchpad: bit for bit what the interpreter gives. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrate, compile, lowerGraph, prepare } from '../../src/compiler/index.ts';
import { elementCount, seededRandom, zeros, type DType, type Random, type Tensor } from '../../src/core/index.ts';
import { interpret, type Graph } from '../../src/graph/index.ts';
import { assemble, disassemble, verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

type Attributes = Parameters<GraphWriter['node']>[2];

function numbers(random: Random, dtype: DType, shape: readonly number[]): Tensor {
  const tensor = zeros(dtype, shape);
  const data = tensor.data as Int32Array;
  for (let i = 0; i < data.length; i++) data[i] = dtype === 'float32' ? random.bell() : random.integer(-100, 100);
  return tensor;
}

/** Indices of an axis of `size`, from either end. */
function indices(random: Random, shape: readonly number[], size: number): Tensor {
  return {
    dtype: 'int64',
    shape,
    data: BigInt64Array.from({ length: elementCount(shape) }, () => BigInt(random.integer(-size, size - 1))),
  };
}

async function expectExact(graph: Graph, inputs: ReadonlyMap<string, Tensor>): Promise<void> {
  const machine = await testMachine('small', ['memories.scratchpad.size=2 KiB', 'memories.accumulator.size=2 KiB']);
  const { executable } = compile(modelOf(graph), machine, { precision: 'fp32', dims: {}, calibration: null });
  expect(executable.kernels.filter((k) => k.engine === 'host').map((k) => k.name)).toEqual([]);
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  expect(outputs).toEqual(interpret(graph, inputs));
  const { totals } = simulate(executable, machine);
  expect(totals.cycles).toBeGreaterThanOrEqual(totals.boundCycles);
}

interface Operands {
  readonly data: Tensor;
  readonly index: Tensor;
  readonly updates?: Tensor;
}

async function expectOperator(op: string, attributes: Attributes, { data, index, updates }: Operands, opset = 24): Promise<void> {
  const w = writeGraph(opset);
  const ids = [w.input('data', data.shape, data.dtype), w.input('index', index.shape, index.dtype)];
  const inputs = new Map([
    ['data', data],
    ['index', index],
  ]);
  if (updates !== undefined) {
    ids.push(w.input('updates', updates.shape, updates.dtype));
    inputs.set('updates', updates);
  }
  await expectExact(w.finish(...w.node(op, ids, attributes)), inputs);
}

const shape = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 });
const dtype = fc.constantFrom<DType>('float32', 'int8', 'int32', 'bool');
const seed = fc.integer({ min: 1, max: 1000 });
const runs = { numRuns: 25 };

describe('look-ups of any shape', () => {
  it('Gather', async () => {
    await fc.assert(
      fc.asyncProperty(shape, shape, dtype, fc.nat(2), seed, async (from, own, type, at, s) => {
        const random = seededRandom(s);
        const axis = at % from.length;
        const index = indices(random, own, from[axis] ?? 1);
        await expectOperator('Gather', { axis }, { data: numbers(random, type === 'bool' ? 'int8' : type, from), index });
      }),
      runs,
    );
  });

  it('GatherElements and ScatterElements', async () => {
    await fc.assert(
      fc.asyncProperty(shape, fc.nat(2), seed, fc.boolean(), async (from, at, s, scatters) => {
        const random = seededRandom(s);
        const axis = at % from.length;
        const own = from.map((d, i) => (i === axis ? random.integer(1, 12) : random.integer(1, d)));
        const index = indices(random, own, from[axis] ?? 1);
        const data = numbers(random, 'float32', from);
        if (!scatters) await expectOperator('GatherElements', { axis }, { data, index });
        else await expectOperator('ScatterElements', { axis }, { data, index, updates: numbers(random, 'float32', own) });
      }),
      runs,
    );
  });

  it('ScatterND: the last of several updates stays', async () => {
    const random = seededRandom(4);
    const index = { dtype: 'int64', shape: [9, 2], data: BigInt64Array.from({ length: 18 }, () => BigInt(random.integer(-3, 2))) } as const;
    const operands = { data: numbers(random, 'float32', [3, 3, 40]), index, updates: numbers(random, 'float32', [9, 40]) };
    await expectOperator('ScatterND', {}, operands);
    for (const reduction of ['add', 'mul', 'max', 'min']) await expectOperator('ScatterND', { reduction }, operands);
  });

  it.each([0, 1])('GatherND behind %i batch axes', async (batch) => {
    const random = seededRandom(7);
    const index = indices(random, batch === 0 ? [5, 1] : [4, 5, 1], 4);
    await expectOperator('GatherND', { batch_dims: batch }, { data: numbers(random, 'int32', [4, 6, 50]), index });
  });

  it('a table far larger than the scratchpad is read where it lies, and only where it is asked', async () => {
    const w = writeGraph();
    const table = w.weight([4000, 64]);
    const graph = w.finish(...w.node('Gather', [table, w.input('words', [1, 12], 'int64')], { axis: 0 }));
    const words = indices(seededRandom(3), [1, 12], 4000);
    await expectExact(graph, new Map([['words', words]]));
    const machine = await testMachine('small');
    const { executable } = compile(modelOf(graph), machine, { precision: 'fp32', dims: {}, calibration: null });
    expect(simulate(executable, machine).totals.dramReadBytes).toBeLessThan(12 * 64 * 4 + 1024);
    // As text and back: the index is part of the command.
    const text = disassemble(executable, { weights: 'hash' });
    expect(text).toMatch(/LOAD weights .* index=/);
    const whole = disassemble(executable);
    expect(disassemble(assemble(whole))).toBe(whole);
  });
});

describe('what is made of look-ups', () => {
  it('ReverseSequence', async () => {
    const random = seededRandom(2);
    const lengths = { dtype: 'int64', shape: [3], data: BigInt64Array.of(1n, 4n, 5n) } as const;
    await expectOperator(
      'ReverseSequence',
      { time_axis: 1, batch_axis: 0 },
      { data: numbers(random, 'float32', [3, 5, 7]), index: lengths },
    );
  });

  it.each(['linear', 'circular'])('TensorScatter, %s', async (mode) => {
    const random = seededRandom(2);
    const w = writeGraph(24);
    const ids = [w.input('cache', [2, 3, 8, 5]), w.input('update', [2, 3, 4, 5]), w.input('starts', [2], 'int64')];
    const starts = { dtype: 'int64', shape: [2], data: BigInt64Array.of(1n, mode === 'linear' ? 4n : 6n) } as const;
    const inputs = new Map<string, Tensor>([
      ['cache', numbers(random, 'float32', [2, 3, 8, 5])],
      ['update', numbers(random, 'float32', [2, 3, 4, 5])],
      ['starts', starts],
    ]);
    await expectExact(w.finish(...w.node('TensorScatter', ids, { mode })), inputs);
  });

  const modes = ['linear', 'nearest', 'cubic'].flatMap((mode) =>
    ['zeros', 'border', 'reflection'].map((padding) => [mode, padding] as const),
  );
  it.each(modes)('GridSample, %s, %s', async (mode, padding) => {
    for (const corners of [0, 1]) {
      const random = seededRandom(corners + 1);
      const w = writeGraph(22);
      const ids = [w.input('x', [2, 3, 5, 4]), w.input('grid', [2, 6, 3, 2])];
      const grid = Float32Array.from({ length: 72 }, () => random.bell() * 1.5);
      // Positions that are no numbers, or beyond all bounds.
      grid.set([NaN, 0.1, 0.2, Infinity, -Infinity, 0.3, 1e30, -0.4], 8);
      const inputs = new Map<string, Tensor>([
        ['x', numbers(random, 'float32', [2, 3, 5, 4])],
        ['grid', { dtype: 'float32', shape: [2, 6, 3, 2], data: grid }],
      ]);
      const attributes = { mode, padding_mode: padding, align_corners: corners };
      await expectExact(w.finish(...w.node('GridSample', ids, attributes)), inputs);
    }
  });
});

it('a calibrated table keeps its zero at 0, which is what look-ups give outside of it: look-ups stay off the host', async () => {
  const w = writeGraph(24);
  const random = seededRandom(3);
  // All positive: fitted tightly, 0 would be at -128.
  const table = Float32Array.from({ length: 40 }, () => 1 + random.integer(0, 99) / 100);
  const rows = w.constant({ dtype: 'float32', shape: [10, 4], data: table });
  const index = w.input('index', [6], 'int64');
  const model = modelOf(w.finish(...w.node('Add', [...w.node('Gather', [rows, index], { axis: 0 }), w.input('x', [6, 4])])));
  const machine = await testMachine('small');
  const inputs = new Map([
    ['index', indices(random, [6], 10)],
    ['x', numbers(random, 'float32', [6, 4])],
  ]);
  const calibration = calibrate(lowerGraph(prepare(model).graph).graph, [inputs]);
  const { executable, quantizedGraph } = compile(model, machine, { precision: 'int8', dims: {}, calibration });
  expect(executable.kernels.map((k) => k.engine)).not.toContain('host');
  const lookup = quantizedGraph.nodes.flatMap((n) => n.body ?? [n]).find((n) => n.op === 'Lookup');
  expect([...(quantizedGraph.values[lookup?.outputs[0] ?? -1]?.quantization?.zeroPoint ?? [])]).toEqual([0]);
});
