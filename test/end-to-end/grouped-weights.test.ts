/** Weights of four bits in blocks, each with a scale of its own, multiplied as integers: packed in memory, exact within a block. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import { seededRandom, type Tensor } from '../../src/core/index.ts';
import { interpret, numbersOf, type Graph } from '../../src/graph/index.ts';
import { readCommand, verifyExecutable, type Executable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

const machine = await testMachine('small');

interface Sizes {
  readonly rows: number;
  readonly k: number;
  readonly n: number;
  readonly block: number;
  readonly zeros: boolean;
  readonly level: number;
}

function graphOf({ rows, k, n, block, zeros, level }: Sizes): Graph {
  const random = seededRandom(k + n);
  const blocks = Math.ceil(k / block);
  const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => random.integer(0, 255));
  const w = writeGraph();
  const x = w.input('x', [2, rows, k]);
  const b = w.constant({ dtype: 'uint8', shape: [n, blocks, block / 2], data: bytes((n * blocks * block) / 2) });
  const scales = Float32Array.from({ length: n * blocks }, () => random.integer(1, 64) / 256);
  const s = w.constant({ dtype: 'float32', shape: [n * blocks], data: scales });
  const row = Math.ceil(blocks / 2);
  const z = zeros ? w.constant({ dtype: 'uint8', shape: [n * row], data: bytes(n * row) }) : null;
  const attributes = { K: k, N: n, bits: 4, block_size: block, accuracy_level: level };
  return w.finish(...w.node('com.microsoft.MatMulNBits', [x, b, s, ...(z === null ? [] : [z])], attributes));
}

function inputsOf({ rows, k }: Sizes): ReadonlyMap<string, Tensor> {
  const random = seededRandom(rows);
  // A row of zeros has no largest number to be scaled by.
  const data = Float32Array.from({ length: 2 * rows * k }, (_, i) => (i < k ? 0 : random.bell()));
  return new Map([['x', { dtype: 'float32', shape: [2, rows, k], data }]]);
}

function weightTypes(executable: Executable): readonly string[] {
  const commands = executable.programs.flatMap(({ commands: table }) => Array.from(table.op, (_, row) => readCommand(table, row)));
  return [...new Set(commands.flatMap((c) => (c.op === 'MATMUL' ? [`${c.x.dtype} ${c.w.dtype} ${c.acc.dtype}`] : [])))];
}

describe('weights of four bits in blocks', () => {
  it.each<readonly [string, Sizes, string]>([
    ['whole blocks', { rows: 3, k: 64, n: 9, block: 16, zeros: false, level: 4 }, 'int8 int4 int32'],
    ['a short last block', { rows: 2, k: 70, n: 5, block: 32, zeros: false, level: 4 }, 'int8 int4 int32'],
    ['zero points of their own', { rows: 1, k: 48, n: 7, block: 16, zeros: true, level: 4 }, 'int8 int8 int32'],
  ])('%s: products of integers where the node allows it', (_, sizes, types) => {
    const graph = graphOf(sizes);
    const { executable, quantizedGraph } = compile(modelOf(graph), machine, { precision: 'auto', dims: {}, calibration: null });
    expect(weightTypes(executable)).toEqual([types]);
    expect(executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
    expect(verifyExecutable(executable, machine)).toEqual([]);
    expect(executable.model.macs).toBe(2 * sizes.rows * sizes.k * sizes.n);
    const inputs = inputsOf(sizes);
    const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
    expect(diagnostics).toEqual([]);
    expect(outputs).toEqual(interpret(quantizedGraph, inputs));
    // Against activations in float32: half a step of 127 in each of K products, of random sign.
    const [got] = outputs.values();
    const [want] = interpret(graph, inputs).values();
    const [a, b] = [got, want].map((t) => (t === undefined ? [] : Array.from(numbersOf(t))));
    const size = Math.sqrt((b ?? []).reduce((sum, y) => sum + y * y, 0));
    const error = Math.sqrt((a ?? []).reduce((sum, y, i) => sum + (y - (b?.[i] ?? NaN)) ** 2, 0));
    expect(error / size).toBeLessThan(0.01);
    expect(error).toBeGreaterThan(0);
  });

  it('are numbers of float32 where it does not', () => {
    const sizes = { rows: 3, k: 64, n: 9, block: 16, zeros: false, level: 0 };
    const graph = graphOf(sizes);
    const { executable } = compile(modelOf(graph), machine, { precision: 'auto', dims: {}, calibration: null });
    expect(weightTypes(executable)).toEqual(['float32 float32 float32']);
    const inputs = inputsOf(sizes);
    expect(execute(executable, machine, inputs, { sanitize: true }).outputs).toEqual(interpret(graph, inputs));
  });
});
