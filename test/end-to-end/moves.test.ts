/** Data movement as programs: what the DMA leaves in memory is what the operators mean, for elements of any type. */
import { describe, expect, it } from 'vitest';
import { compile, randomInputs, type Compilation } from '../../src/compiler/index.ts';
import { interpret, type Graph } from '../../src/graph/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

async function compiled(graph: Graph): Promise<Compilation> {
  return compile(modelOf(graph), await testMachine('large'), { precision: 'fp32', dims: {}, calibration: null });
}

/** Compiles, runs and compares. @returns classes and engines of the kernels */
async function expectMoves(graph: Graph): Promise<string[]> {
  const { executable } = await compiled(graph);
  const inputs = randomInputs(graph, 1);
  const { outputs, diagnostics } = execute(executable, await testMachine('large'), inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  for (const [name, tensor] of interpret(graph, inputs)) expect(outputs.get(name)).toEqual(tensor);
  return executable.kernels.map((k) => k.engine);
}

type Attributes = Parameters<GraphWriter['node']>[2];
type More = (w: GraphWriter) => readonly (number | null)[];

const none: More = () => [];
const ints =
  (...lists: readonly (readonly number[])[]): More =>
  (w) =>
    lists.map((list) => w.ints(list));
const scales =
  (...list: readonly number[]): More =>
  (w) => [null, w.constant({ dtype: 'float32', shape: [list.length], data: Float32Array.from(list) })];

const cases: readonly (readonly [name: string, op: string, shape: readonly number[], more: More, attributes: Attributes])[] = [
  ['Transpose', 'Transpose', [2, 3, 4], none, { perm: [2, 0, 1] }],
  ['Slice with steps, one backward', 'Slice', [5, 6], ints([4, 1], [-9, 6], [0, 1], [-2, 2]), {}],
  ['Expand', 'Expand', [3, 1], ints([2, 3, 4]), {}],
  ['Tile', 'Tile', [2, 3], ints([2, 3]), {}],
  ['Gather of straight runs', 'Gather', [6, 3], ints([0, 1, 2, 5, 3, 1]), { axis: 0 }],
  ['Gather counting from the end', 'Gather', [2, 6], ints([-1, 0]), { axis: 1 }],
  ['Pad with a constant', 'Pad', [2, 3], ints([1, 0, 2, 1]), {}],
  ['Pad that cuts', 'Pad', [4, 5], ints([-1, 2, 1, -2]), {}],
  ['Pad by reflection', 'Pad', [4, 5], ints([2, 1, 3, 2]), { mode: 'reflect' }],
  ['Pad by the edge', 'Pad', [2, 3], ints([2, 0, 0, 2]), { mode: 'edge' }],
  ['Pad around', 'Pad', [2, 3], ints([1, 2, 0, 1]), { mode: 'wrap' }],
  ['Resize to nearest, larger', 'Resize', [1, 2, 3, 2], scales(1, 1, 2, 3), {}],
  ['Resize to nearest, smaller', 'Resize', [1, 1, 6, 4], scales(1, 1, 0.5, 0.5), { nearest_mode: 'floor' }],
  ['DepthToSpace', 'DepthToSpace', [1, 8, 2, 3], none, { blocksize: 2 }],
  ['DepthToSpace, columns first', 'DepthToSpace', [1, 8, 2, 3], none, { blocksize: 2, mode: 'CRD' }],
  ['SpaceToDepth', 'SpaceToDepth', [1, 2, 4, 6], none, { blocksize: 2 }],
];

describe.each(['float32', 'int64', 'bool'] as const)('moves of %s', (dtype) => {
  it.each(cases)('%s', async (_, op, shape, more, attributes) => {
    const w = writeGraph();
    const x = w.input('x', shape, dtype);
    const engines = await expectMoves(w.finish(...w.node(op, [x, ...more(w)], attributes)));
    expect(new Set(engines)).toEqual(new Set(['dma']));
  });
});

describe('parts of a tensor', () => {
  it('in one piece are used where they lie', async () => {
    const w = writeGraph();
    const x = w.input('x', [4, 3]);
    const parts = w.node('Split', [x, w.ints([1, 3])], { axis: 0 }, { outputs: 2 });
    const outputs = parts.flatMap((part) => w.node('Relu', [part]));
    expect(await expectMoves(w.finish(...outputs))).toEqual(['vector', 'vector']);
  });

  it('that the model gives out are copied', async () => {
    const w = writeGraph();
    const x = w.input('x', [4, 3]);
    const [y = 0] = w.node('Relu', [x]);
    expect(await expectMoves(w.finish(...w.node('Slice', [y, w.ints([1]), w.ints([3]), w.ints([0])])))).toEqual(['vector', 'dma']);
  });
});

describe('the host', () => {
  it('takes a chain of operators in one hand-over, views in between too', async () => {
    const w = writeGraph();
    const x = w.input('x', [2, 3], 'int64');
    const [sum = 0] = w.node('Add', [x, w.ints([1, 2, 3])]);
    const [flat = 0] = w.node('Reshape', [sum, w.ints([6])]);
    const [product = 0] = w.node('Mul', [flat, flat]);
    const graph = w.finish(...w.node('Add', [product, flat]), sum);
    const { executable, selection } = await compiled(graph);
    expect(executable.kernels.map((k) => k.engine)).toEqual(['host']);
    expect(selection.kernels.flatMap((k) => (k.kind === 'host' ? k.members.map((m) => m.node.name) : []))).toEqual([
      'add0',
      'mul2',
      'add3',
    ]);
    expect(executable.nodes.map((n) => n.fate)).toEqual(['host', 'view', 'host', 'host']);
    await expectMoves(graph);
  });

  it('is not asked twice for what waits between: a kernel on an engine splits the chain', async () => {
    const w = writeGraph();
    const x = w.input('x', [4]);
    const [a = 0] = w.node('Cast', [x], { to: 7 });
    const [b = 0] = w.node('Cast', [a], { to: 1 });
    const [c = 0] = w.node('Relu', [b]);
    expect(await expectMoves(w.finish(...w.node('Cast', [c], { to: 7 })))).toEqual(['host', 'vector', 'host']);
  });

  it('costs at least the bytes of its operands', async () => {
    const w = writeGraph();
    const x = w.input('x', [1000], 'int64');
    const { selection } = await compiled(w.finish(...w.node('Add', [x, x])));
    expect(selection.kernels.map((k) => (k.kind === 'host' ? k.bytes : 0))).toEqual([16000]);
  });
});

describe('outputs that nobody computes', () => {
  it('a constant and an input are handed out', async () => {
    const w = writeGraph();
    const x = w.input('x', [2]);
    const graph = w.finish(w.weight([3]), x, ...w.node('Relu', [x]));
    await expectMoves(graph);
  });

  it('tensors without elements take no time', async () => {
    const w = writeGraph();
    const x = w.input('x', [0, 3]);
    const [y = 0] = w.node('Concat', [x, w.input('z', [2, 3])], { axis: 0 });
    await expectMoves(w.finish(...w.node('Relu', [y])));
  });
});
